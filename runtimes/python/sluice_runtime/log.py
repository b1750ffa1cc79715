"""The function's log: what the logging module writes, and the runtime's own lines.

With a log descriptor every entry is a frame: 4 bytes type, 4 bytes length, 8
bytes timestamp in microseconds, payload; big endian. Without one, entries are
lines on stdout (docs/contract/node-runtime.md §6). Writes are synchronous, so
that nothing is lost when the process exits. What a function prints goes past
all this, raw.
"""

from __future__ import annotations

import json
import logging
import os
import select
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .errors import error_document, log_stack
from .settings import Settings

_TEXT_FRAME = 0xA55A0003
_JSON_FRAME = 0xA55A0002
# Sluice's own: one piece of advice, without a line break.
_HINT_FRAME = 0xA55A0103

_TRACE = 5
# AWS_LAMBDA_LOG_LEVEL by name.
_LEVELS = {
    "TRACE": _TRACE,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "CRITICAL": logging.CRITICAL,
}
# The bits of a frame's type that tell the level, the highest first.
_BITS = (
    (logging.CRITICAL, 0x18),
    (logging.ERROR, 0x14),
    (logging.WARNING, 0x10),
    (logging.INFO, 0x0C),
    (logging.DEBUG, 0x08),
    (0, 0x04),
)

# The attributes that every record has; others came with extra={...}.
_COMMON = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "tenant_id", "taskName"}


class Invocation:
    """Which invocation an entry belongs to."""

    def __init__(self, request_id: str = "", tenant_id: str | None = None) -> None:
        self.request_id = request_id
        self.tenant_id = tenant_id


_NONE = Invocation()

# A global because Python has no other way to tell whose code is running. It
# holds one value for each context, not for the process.
_current: ContextVar[Invocation] = ContextVar("sluice_invocation")


class Log:
    """Writes entries. Safe for concurrent use."""

    def __init__(self, settings: Settings) -> None:
        self._fd = settings.log_fd
        self._json = settings.log_json
        # AWS's default is everything that the function's logger lets through,
        # and INFO with JSON; an unknown name counts as none.
        self._level = _LEVELS.get(settings.log_level, logging.INFO if settings.log_json else None)
        self._lock = threading.Lock()
        self._running: list[Invocation] = []

    def install(self) -> None:
        """Gives the root logger AWS's one handler and makes print() line by line."""
        root = logging.getLogger()
        root.addHandler(_Handler(self, _JsonFormatter() if self._json else _TextFormatter()))
        if self._level is not None:
            root.setLevel(self._level)
        for stream in (sys.stdout, sys.stderr):
            # A container without locales would make Python choose ASCII.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)

    @contextmanager
    def invocation(self, request_id: str, tenant_id: str | None) -> Iterator[None]:
        """Marks what is logged meanwhile, in this context, as the invocation's."""
        mine = Invocation(request_id, tenant_id)
        self._running.append(mine)
        token = _current.set(mine)
        try:
            yield
        finally:
            _current.reset(token)
            self._running.remove(mine)

    @property
    def current(self) -> Invocation:
        """The invocation whose code runs here.

        A thread that the function started has no context of its own; what it
        logs belongs to the invocation that runs, if that is only one.
        """
        found = _current.get(None)
        if found is not None:
            return found
        running = self._running
        return running[0] if len(running) == 1 else _NONE

    def failure(self, thrown: BaseException) -> None:
        """Logs an exception that nobody caught."""
        if self._level is not None and self._level > logging.ERROR:
            return
        document = error_document(thrown, self.current.request_id)
        stack = log_stack(thrown)
        if self._json:
            entry = {
                "timestamp": _iso(time.time()),
                "level": "ERROR",
                "message": document["errorMessage"],
                **_ids(self.current),
                "errorType": document["errorType"],
                "errorMessage": document["errorMessage"],
                "stackTrace": stack,
            }
            text = json.dumps(entry)
        else:
            text = f"[ERROR] {document['errorType']}: {document['errorMessage']}"
            if stack:
                text += "\nTraceback (most recent call last):\n" + "".join(stack).rstrip("\n")
        self.entry(text, logging.ERROR, is_json=self._json)

    def entry(self, text: str, level: int, *, is_json: bool = False, when: float | None = None) -> None:
        """Writes one entry, which may have several lines."""
        text = text.rstrip("\n")
        if self._fd is None:
            # One entry is one line there; a reader turns \r back.
            self._write(1, (text.replace("\n", "\r") + "\n").encode("utf-8", "backslashreplace"))
            return
        bits = next(bits for least, bits in _BITS if level >= least)
        # A text payload ends with a line break, a JSON payload does not.
        if is_json:
            self._frame(_JSON_FRAME | bits, text, when)
        else:
            self._frame(_TEXT_FRAME | bits, text + "\n", when)

    def hint(self, text: str) -> None:
        """Logs one line of Sluice's own about what happened to the function."""
        if self._fd is None:
            complain(f"[sluice] hint: {text}\n")
        else:
            self._frame(_HINT_FRAME, text, None)

    def flush_prints(self) -> None:
        """Lets what was printed without a line break leave."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # The function may have closed or replaced it.

    def _frame(self, kind: int, text: str, when: float | None) -> None:
        payload = text.encode("utf-8", "backslashreplace")
        micros = int((time.time() if when is None else when) * 1_000_000)
        self._write(self._fd or 0, struct.pack(">IIQ", kind, len(payload), micros) + payload)

    def _write(self, fd: int, data: bytes) -> None:
        with self._lock:
            _write_all(fd, data)


class _Handler(logging.Handler):
    def __init__(self, log: Log, formatter: logging.Formatter) -> None:
        super().__init__()
        self._log = log
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        # Set here, not in a filter: functions replace formatters and filters,
        # and use %(aws_request_id)s in theirs.
        current = self._log.current
        record.aws_request_id = current.request_id
        record.tenant_id = current.tenant_id
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        # A function may have set a formatter of its own.
        is_json = isinstance(self.formatter, _JsonFormatter)
        self._log.entry(text, record.levelno, is_json=is_json, when=record.created)


class _TextFormatter(logging.Formatter):
    converter = time.gmtime

    def __init__(self) -> None:
        super().__init__(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
        )


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "timestamp": _iso(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **_ids(Invocation(record.aws_request_id, record.tenant_id)),
        }
        if record.stack_info:
            entry["stackInfo"] = record.stack_info.split("\n")
        if record.exc_info and record.exc_info[1] is not None:
            thrown = record.exc_info[1]
            entry["errorType"] = type(thrown).__name__
            entry["errorMessage"] = error_document(thrown, "")["errorMessage"]
            entry["stackTrace"] = log_stack(thrown)
            entry["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        for name, value in vars(record).items():
            if name not in _COMMON:
                entry.setdefault(name, value)
        try:
            return json.dumps(entry, default=str)
        except (TypeError, ValueError):
            # Keys that are no strings, or a cycle, in an extra.
            return json.dumps({name: str(value) for name, value in entry.items()})


def _ids(invocation: Invocation) -> dict[str, str]:
    ids = {}
    if invocation.request_id:
        ids["requestId"] = invocation.request_id
    if invocation.tenant_id:
        ids["tenantId"] = invocation.tenant_id
    return ids


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def complain(text: str) -> None:
    """Writes to stderr at once."""
    _write_all(2, text.encode("utf-8", "backslashreplace"))


def _write_all(fd: int, data: bytes) -> None:
    # The reader may be slow and the descriptor non-blocking: wait, never drop.
    # When there is no reader any more, there is nobody left to tell.
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])
        except OSError:
            return
