"""Streamed responses as functions write them: pieces that a generator yields,
or a response stream that a handler writes to.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Union

from .errors import Fault
from .response import ResponsePost

_INTEGRATION = "application/vnd.awslambda.http-integration-response"
_SEPARATOR = bytes(8)
# Marks a handler that takes the response stream; functools.wraps keeps it.
_MARK = "__awslambda_streaming__"

Piece = Union[bytes, bytearray, memoryview, str, dict, list, "HttpResponse"]
StreamingHandler = Callable[[Any, "ResponseStream", Any], Any]


class HttpResponse:
    """Status, headers and cookies of a response to an HTTP request.

    A generator yields it before everything else. Header values may be lists,
    which are joined; Set-Cookie among the headers becomes a cookie.
    """

    def __init__(
        self,
        status_code: int = 200,
        headers: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        cookies: Iterable[str] | None = None,
    ) -> None:
        if isinstance(status_code, bool) or not isinstance(status_code, int) or not 100 <= status_code <= 599:
            raise ValueError(f"status_code is {status_code!r}; it must be a whole number from 100 to 599")
        if isinstance(cookies, str):
            raise TypeError("cookies is a str; it must be a list, such as ['name=value']")
        self.status_code = int(status_code)
        self.headers: dict[str, str] = {}
        self.cookies = [str(cookie) for cookie in cookies or ()]
        names: dict[str, str] = {}  # as first written, by lower-case name
        for name, value in headers.items() if isinstance(headers, Mapping) else headers or ():
            values = [str(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
            if name.lower() == "set-cookie":
                self.cookies += values
                continue
            known = names.setdefault(name.lower(), name)
            if known in self.headers:
                values.insert(0, self.headers[known])
            self.headers[known] = ", ".join(values)

    @classmethod
    def of(cls, prelude: Mapping[str, Any]) -> HttpResponse:
        """Makes one of the form that Lambda uses: statusCode, headers, cookies."""
        unknown = set(prelude) - {"statusCode", "headers", "cookies"}
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]!r} has no meaning here; give statusCode, headers, cookies")
        return cls(prelude.get("statusCode", 200), prelude.get("headers"), prelude.get("cookies"))

    def encode(self) -> bytes:
        """The prelude on the wire (docs/contract/runtime-api.md §4.2)."""
        prelude: dict[str, Any] = {"statusCode": self.status_code, "headers": self.headers}
        if self.cookies:
            prelude["cookies"] = self.cookies
        return json.dumps(prelude).encode("ascii") + _SEPARATOR


def http_response(
    status_code: int = 200,
    headers: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
    cookies: Iterable[str] | None = None,
) -> HttpResponse:
    """Makes an HttpResponse."""
    return HttpResponse(status_code, headers, cookies)


class ResponseStream:
    """The response of one invocation. Writes block while the reader is slow.

    Threads may share it, and it is a context manager that ends it.
    """

    def __init__(self, post: ResponsePost) -> None:
        self._post = post
        self._lock = threading.Lock()

    @property
    def begun(self) -> bool:
        """Whether anything was sent, so that type and status are settled."""
        return self._post.begun

    @property
    def ended(self) -> bool:
        return self._post.ended

    @property
    def broken(self) -> bool:
        """Whether the platform broke the response off."""
        return self._post.broken

    def set_content_type(self, content_type: str) -> None:
        """Sets the Content-Type; possible before the first write only."""
        if self._post.begun:
            raise RuntimeError("set_content_type() after the first write: the type has left already")
        self._post.content_type = content_type

    def write(self, piece: Piece) -> None:
        """Sends a piece at once: bytes, str as UTF-8, dict or list as JSON.

        Raises ResponseBroken when the platform closed the response.
        """
        with self._lock:
            self._post.send(self._encode(piece))

    async def write_async(self, piece: Piece) -> None:
        """As write, for event loops: others run while the reader is slow."""
        await self._post.send_async(self._encode(piece))

    def end(self, piece: Piece | None = None) -> None:
        """Ends the response, after a last piece if there is one; again is allowed."""
        if piece is not None:
            self.write(piece)
        with self._lock:
            if not self._post.ended:
                self._post.finish()

    def watch(self, loop: Any, on_broken: Callable[[], None]) -> None:
        """Calls on_broken on the event loop when the platform breaks the response off."""
        self._post.watch(loop, on_broken)

    def __enter__(self) -> ResponseStream:
        return self

    def __exit__(self, kind: Any, thrown: Any, trace: Any) -> None:
        # After an exception the runtime ends it, with the error.
        if kind is None:
            self.end()

    def _encode(self, piece: Piece) -> bytes:
        if self._post.ended:
            raise RuntimeError("write after the end of the response stream")
        if isinstance(piece, HttpResponse):
            if self._post.begun:
                raise RuntimeError("an HttpResponse must be the first piece of a response: the status has left already")
            prelude = piece.encode()
            self._post.content_type = _INTEGRATION
            return prelude
        return encode_piece(piece)


class HttpResponseStream:
    """As in Node.js: gives a response stream status, headers and cookies."""

    @staticmethod
    def from_(stream: ResponseStream, prelude: Mapping[str, Any] | HttpResponse) -> ResponseStream:
        """Sends the prelude and returns the same stream."""
        stream.write(prelude if isinstance(prelude, HttpResponse) else HttpResponse.of(prelude))
        return stream


def encode_piece(piece: Any) -> bytes:
    """A piece of a response as bytes."""
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, str):
        return piece.encode("utf-8")
    if isinstance(piece, (bytearray, memoryview)):
        return bytes(piece)
    if isinstance(piece, (dict, list)):
        return encode_json(piece)
    raise TypeError(
        f"a piece of a streamed response is {_named(piece)}; it must be bytes, str, dict or list"
        " (yield an awslambda.HttpResponse first for status and headers)"
    )


def _named(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def encode_json(value: Any) -> bytes:
    """A result as JSON text; what JSON does not know is a Runtime.MarshalError."""
    try:
        try:
            return json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:  # half of a surrogate pair
            return json.dumps(value).encode("ascii")
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def streamify_response(handler: StreamingHandler) -> StreamingHandler:
    """Decorates def handler(event, response_stream, context), async or not.

    The response ends when the handler returns, if not before.
    """
    try:
        setattr(handler, _MARK, True)
    except AttributeError:  # a bound method, a partial of C code
        original = handler

        def handler(event: Any, stream: ResponseStream, context: Any) -> Any:
            return original(event, stream, context)

        setattr(handler, _MARK, True)
    return handler


def takes_stream(handler: Any) -> bool:
    """Whether a handler was decorated with streamify_response."""
    return getattr(handler, _MARK, False) is True


def yields_pieces(result: Any) -> bool:
    """Whether a handler's result is an iterator, whose items are sent one by one."""
    return hasattr(type(result), "__next__")


def yields_pieces_async(result: Any) -> bool:
    kind = type(result)
    return hasattr(kind, "__anext__") or hasattr(kind, "__aiter__")


def is_awaitable(result: Any) -> bool:
    return hasattr(type(result), "__await__")


def send_pieces(pieces: Iterator[Piece], stream: ResponseStream) -> None:
    """Sends what an iterator yields; however it ends, it gets closed."""
    try:
        for piece in pieces:
            stream.write(piece)
        stream.end()
    finally:
        close = getattr(pieces, "close", None)
        if close:
            close()


async def send_pieces_async(pieces: AsyncIterator[Piece], stream: ResponseStream) -> None:
    """As send_pieces. An iterator that waits is cancelled when the response breaks."""
    import asyncio

    task = asyncio.current_task()
    assert task
    # All in one task: an async generator may hold timeouts, cancel scopes and
    # context variables across its yields.
    stream.watch(asyncio.get_running_loop(), task.cancel)
    try:
        async for piece in pieces:
            await stream.write_async(piece)
        stream.end()
    finally:
        close = getattr(pieces, "aclose", None)
        if close:
            await close()
