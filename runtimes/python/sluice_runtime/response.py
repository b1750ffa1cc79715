"""The POST of one streamed response: head, chunks, then end or trailers.

The head leaves together with the first chunk, every chunk at once, and nothing
is held back: a reader that is slow makes the sender wait.
docs/contract/runtime-api.md §4.1.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .connection import Connection, ConnectionLost
from .errors import encode_document, header_text
from .runtime_api import INVOCATION, Event, RuntimeApi, check

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_HEADERS = (
    "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    f"Trailer: {_ERROR_TYPE}\r\nTrailer: {_ERROR_BODY}\r\n"
    "Transfer-Encoding: chunked\r\n"
)


class ResponseBroken(ConnectionAbortedError):
    """The platform broke the response off: nobody waits for it any more."""

    def __init__(self) -> None:
        super().__init__("the platform closed the response before its end")


class ResponsePost:
    """Not safe for concurrent use."""

    def __init__(self, api: RuntimeApi, event: Event, before_end: Callable[[], None] = lambda: None) -> None:
        self.content_type = "application/octet-stream"
        self.begun = False
        self.ended = False
        self.broken = False
        self._api = api
        self._event = event
        self._before_end = before_end
        self._connection: Connection | None = None
        self._on_broken: Callable[[], None] | None = None
        self._watching: AbstractEventLoop | None = None

    @property
    def open(self) -> bool:
        return self.begun and not self.ended and not self.broken

    def send(self, piece: bytes) -> None:
        """Sends one chunk; an empty piece sends the head only. Raises ResponseBroken."""
        parts = self._frame(piece)
        self._send(*parts)

    async def send_async(self, piece: bytes) -> None:
        """As send, but lets the event loop run while the reader is slow."""
        await self._send_async(b"".join(self._frame(piece)))

    def finish(self, failure: dict[str, Any] | None = None) -> None:
        """Ends the response, with the error document in the trailers if there is one.

        The reply is left for conclude: it may take until the caller has all of
        the response. Raises ResponseBroken.
        """
        self._before_end()
        tail = [*self._frame(b""), b"0\r\n"]
        if failure is not None:
            body = base64.b64encode(encode_document(failure)).decode("ascii")
            kind = header_text(failure["errorType"]) or "Error"
            tail.append(f"{_ERROR_TYPE}: {kind}\r\n{_ERROR_BODY}: {body}\r\n".encode("ascii"))
        tail.append(b"\r\n")
        self._unwatch()
        self._send(*tail)
        self.ended = True

    def conclude(self) -> None:
        """Leaves the connection ready for the next request; for every response, last of all."""
        self._unwatch()
        if not self._connection:
            return
        connection, self._connection = self._connection, None
        if not self.ended:
            # A body without an end: whoever reads it sees that.
            self._api.discard()
            return
        try:
            check(connection.read_reply())
        except ConnectionLost:
            self._api.discard()

    def watch(self, loop: AbstractEventLoop, on_broken: Callable[[], None]) -> None:
        """Calls on_broken on the loop, once, when the platform breaks the response off."""
        self._on_broken = on_broken
        self._watching = loop
        if self._connection:
            self._start_watching()

    def _start_watching(self) -> None:
        if self._watching and self._connection:
            self._watching.add_reader(self._connection.socket.fileno(), self._readable)

    def _readable(self) -> None:
        if not self._connection or not self._connection.disturbed:
            return
        tell = self._on_broken
        self._break()
        if tell:
            tell()

    def _unwatch(self) -> None:
        self._on_broken = None
        if self._watching and self._connection:
            self._watching.remove_reader(self._connection.socket.fileno())
        self._watching = None

    def _frame(self, piece: bytes) -> list[bytes]:
        if self.broken:
            raise ResponseBroken
        parts = []
        if not self.begun:
            try:
                self._connection = self._api.connection()
            except ConnectionLost:
                self.broken = True
                raise ResponseBroken from None
            headers = f"{self._event.echo}{_HEADERS}Content-Type: {header_text(self.content_type)}\r\n"
            parts.append(self._api.head("POST", f"{INVOCATION}{self._event.id}/response", headers))
            self.begun = True
            self._start_watching()
        elif self._connection and self._connection.disturbed:
            self._break()
            raise ResponseBroken
        if piece:
            parts += [f"{len(piece):x}\r\n".encode("ascii"), piece, b"\r\n"]
        return parts

    def _send(self, *parts: bytes) -> None:
        assert self._connection
        try:
            self._connection.send(*parts)
        except ConnectionLost:
            self._break()
            raise ResponseBroken from None

    async def _send_async(self, data: bytes) -> None:
        # The socket stays a blocking one, for everybody else; only these writes
        # don't wait.
        assert self._connection
        sock, rest = self._connection.socket, memoryview(data)
        try:
            while rest:
                try:
                    rest = rest[sock.send(rest, socket.MSG_DONTWAIT) :]
                except BlockingIOError:
                    await _writable(sock)
        except OSError:
            self._break()
            raise ResponseBroken from None
        except BaseException:
            # Cancelled within a chunk: what follows would not be understood.
            self._break()
            raise

    def _break(self) -> None:
        # Who is in the middle of sending learns it from the exception.
        self.broken = True
        self._unwatch()


async def _writable(sock: socket.socket) -> None:
    from asyncio import get_running_loop

    loop = get_running_loop()
    ready = loop.create_future()
    loop.add_writer(sock.fileno(), lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_writer(sock.fileno())
