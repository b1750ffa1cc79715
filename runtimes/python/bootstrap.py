"""The entry of Sluice's managed Python runtime; see README.md."""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
# Python puts a script's folder first, unless it runs with -P.
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)

from sluice_runtime.log import complain  # noqa: E402
from sluice_runtime.loop import Runtime  # noqa: E402
from sluice_runtime.settings import SettingsError, read_settings  # noqa: E402

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130


def main() -> int:
    """Runs until the Runtime API is gone or the function ends the process."""
    try:
        return Runtime(read_settings(os.environ), _HERE).run()
    except SettingsError as error:
        complain(f"[sluice] the Python runtime can't start: {error}\n")
        return EXIT_FAILURE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
