"""The runtime's own errors, and what of an exception leaves the process: the
error document, the X-Ray cause, the text for the log.

docs/contract/execution-environment.md §4.2, §7.1.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from typing import Any

_RUNTIME_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_STDLIB = os.path.dirname(os.__file__)
# Between the runtime and the function's code these are mere plumbing.
_PLUMBING = (os.path.join(_STDLIB, "asyncio", ""), os.path.join(_STDLIB, "importlib", ""), "<frozen ")

# Larger causes are left out: the header is for tracing only.
_CAUSE_LIMIT = 64 << 10


class Fault(Exception):
    """A failure that the runtime names, such as Runtime.HandlerNotFound.

    Its document has no stack but the given one, as on AWS; the log shows where
    in the function's code the cause was.
    """

    def __init__(self, kind: str, message: str, stack: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.stack = stack or []


def error_type(thrown: BaseException) -> str:
    """The errorType of an exception: its class's name without the module."""
    return thrown.kind if isinstance(thrown, Fault) else type(thrown).__name__


def error_message(thrown: BaseException) -> str:
    """The text of an exception; one that can't be had becomes a note."""
    try:
        return str(thrown)
    except Exception as error:
        return f"<the message can't be read: {type(error).__name__}>"


def error_document(thrown: BaseException, request_id: str) -> dict[str, Any]:
    """The document that the Runtime API and the caller get."""
    stack = thrown.stack if isinstance(thrown, Fault) else user_stack(thrown)
    return {
        "errorMessage": error_message(thrown),
        "errorType": error_type(thrown),
        "requestId": request_id,
        "stackTrace": stack,
    }


def exit_document(code: int, request_id: str) -> dict[str, Any]:
    """The document of a function that ended its process, as the platform words it."""
    reason = f"exited with error: exit status {code}" if code else "exited without providing a reason"
    return {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: Runtime {reason}"}


def user_frames(thrown: BaseException) -> traceback.StackSummary:
    """The frames of the function's code, and of what it calls, outermost first."""
    frames = traceback.extract_tb(thrown.__traceback__)
    ours = [frame.filename.startswith(os.path.join(_RUNTIME_DIR, "")) for frame in frames]
    first = 0
    while first < len(frames) and (ours[first] or frames[first].filename.startswith(_PLUMBING)):
        first += 1
    kept = [frame for frame, mine in list(zip(frames, ours))[first:] if not mine]
    return traceback.StackSummary.from_list(kept)


def user_stack(thrown: BaseException) -> list[str]:
    return user_frames(thrown).format()


def log_stack(thrown: BaseException) -> list[str]:
    """The stack that the log shows."""
    if isinstance(thrown, Fault):
        return thrown.stack or (user_stack(thrown.__cause__) if thrown.__cause__ else [])
    return user_stack(thrown)


def encode_document(document: dict[str, Any]) -> bytes:
    # Escaped to ASCII: a message may hold half of a surrogate pair.
    return json.dumps(document).encode("ascii")


def header_text(text: str) -> str:
    """Text that is safe as an HTTP field value: printable ASCII, the rest is "?"."""
    return re.sub(r"[^\x20-\x7e]", "?", text).strip()


def xray_cause(thrown: BaseException) -> str:
    """The Lambda-Runtime-Function-XRay-Error-Cause header, or "" if there is none."""
    frames = user_frames(thrown)
    try:
        directory = os.getcwd()
    except OSError:
        directory = ""
    cause = json.dumps(
        {
            "working_directory": directory,
            "exceptions": [
                {
                    "type": error_type(thrown),
                    "message": error_message(thrown),
                    "stack": [{"path": f.filename, "line": f.lineno, "label": f.name} for f in frames],
                }
            ],
            "paths": list(dict.fromkeys(frame.filename for frame in frames)),
        }
    ).replace("\x7f", "\\u007f")
    return cause if len(cause) <= _CAUSE_LIMIT else ""
