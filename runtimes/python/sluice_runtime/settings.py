"""What Sluice and AWS's variables say about this process.

The environment is read once, before any user code; Sluice's private variables
are removed from it then, so that a function sees AWS's environment and nothing
else.
"""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from dataclasses import dataclass

_PRIVATE_PREFIX = "_SLUICE"
_LOG_FD = "_LAMBDA_TELEMETRY_LOG_FD"


class SettingsError(Exception):
    """A setting that keeps the runtime from starting.

    The message is for whoever started it, not for the function's author.
    """


@dataclass(frozen=True)
class Endpoint:
    """Where the Runtime API is: a Unix socket's path, or host and port."""

    authority: str
    path: str | None = None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return self.path or self.authority


@dataclass(frozen=True)
class Settings:
    endpoint: Endpoint
    handler: str
    task_root: str
    log_fd: int | None
    log_json: bool
    log_level: str


def read_settings(env: MutableMapping[str, str]) -> Settings:
    """Reads the settings from env and removes the private variables."""
    settings = Settings(
        endpoint=_endpoint(env),
        handler=env.get("_HANDLER", ""),
        task_root=env.get("LAMBDA_TASK_ROOT") or os.getcwd(),
        log_fd=_descriptor(env.get(_LOG_FD, "")),
        log_json=env.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON",
        log_level=env.get("AWS_LAMBDA_LOG_LEVEL", "").upper(),
    )
    if not settings.handler:
        raise SettingsError("_HANDLER is not set; it names the function, such as app.handler")
    for name in list(env):
        if name.startswith(_PRIVATE_PREFIX) or name == _LOG_FD:
            del env[name]
    return settings


def _endpoint(env: MutableMapping[str, str]) -> Endpoint:
    address = env.get("AWS_LAMBDA_RUNTIME_API", "")
    path = env.get("_SLUICE_RUNTIME_SOCKET", "")
    # The address stands in for a socket that this process can't see.
    if path and (not address or os.path.exists(path)):
        return Endpoint(authority=address or "localhost", path=path)
    if not address:
        raise SettingsError(
            "neither AWS_LAMBDA_RUNTIME_API (host:port) nor _SLUICE_RUNTIME_SOCKET (a Unix socket) is set; "
            "this program is started by Sluice, with the address of a Runtime API"
        )
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})", address)
    if not match or int(match[3]) > 65535:
        raise SettingsError(f"AWS_LAMBDA_RUNTIME_API is {address!r}; it must be host:port, such as 127.0.0.1:9001")
    return Endpoint(authority=address, host=match[1] or match[2], port=int(match[3]))


def _descriptor(value: str) -> int | None:
    if not value:
        return None
    try:
        fd = int(value)
        # A program that the function starts must not write frames by accident.
        os.set_inheritable(fd, False)
    except (ValueError, OverflowError, OSError):
        raise SettingsError(f"{_LOG_FD} is {value!r}; it must be the number of an open file descriptor") from None
    return fd
