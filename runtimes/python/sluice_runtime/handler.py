"""Loads the function's handler. docs/contract/execution-environment.md §7.1."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .errors import Fault


def prepare_path(task_root: str, runtime_dir: str) -> None:
    """Puts the function's folder first on sys.path and the runtime's last.

    PYTHONPATH, where layers are, stays in between. The runtime's own modules
    are loaded by now, so that no file of the function can replace them.
    """
    # The function's folder is read-only on AWS; here somebody may watch it for
    # changes. The runtime's own modules have their bytecode by now.
    sys.dont_write_bytecode = True
    sys.path[:] = [task_root, *(entry for entry in sys.path if entry not in (task_root, runtime_dir)), runtime_dir]


def load_handler(name: str) -> Callable[..., Any]:
    """Imports the module and returns the handler, such as of "folder/app.handler".

    Raises a Fault, or what the module itself raises.
    """
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    dotted = module_name.replace("/", ".")
    if not all(dotted.split(".")):
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': '{module_name}' is no name of a module")
    if dotted.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = import_module(dotted)
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").strip()}\n'
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [place]) from None
    handler = getattr(module, function_name, None)
    if handler is None:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return handler
