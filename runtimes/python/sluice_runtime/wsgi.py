"""Serves WSGI applications (PEP 3333); each piece of a body leaves at once."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any

from .http_event import HttpRequest, end_to_end
from .streaming import HttpResponse, ResponseStream, StreamingHandler, streamify_response

WsgiApp = Callable[[dict, Callable[..., Any]], Iterable[bytes]]


def wsgi(app: WsgiApp) -> StreamingHandler:
    """Makes a handler of a WSGI application."""

    @streamify_response
    def handler(event: Any, stream: ResponseStream, context: Any) -> None:
        request = HttpRequest(event)
        response = _Response(stream)
        body = app(_environ(request, event, context), response.start)
        try:
            for piece in body:
                response.write(piece)
            response.finish()
        finally:
            close = getattr(body, "close", None)
            if close:
                close()

    return handler


class _Response:
    """Holds status and headers until there is a first piece: up to then they may change."""

    def __init__(self, stream: ResponseStream) -> None:
        self._stream = stream
        self._head: HttpResponse | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if self._stream.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # A cycle through the frame otherwise.
        elif self._head:
            raise RuntimeError("start_response was called a second time without exc_info")
        code = status.split(" ", 1)[0]
        if not code.isdigit():
            raise ValueError(f"the WSGI status is {status!r}; it must begin with a number, such as '200 OK'")
        self._head = HttpResponse(int(code), end_to_end(headers))
        return self.write

    def write(self, piece: bytes) -> None:
        if not isinstance(piece, bytes):
            raise TypeError(f"the WSGI application gave a {type(piece).__name__} as a piece of the body; it must be bytes")
        if not piece:
            return
        self._begin()
        self._stream.write(piece)

    def finish(self) -> None:
        self._begin()
        self._stream.end()

    def _begin(self) -> None:
        if self._stream.begun:
            return
        if not self._head:
            raise RuntimeError("the WSGI application gave a body without calling start_response")
        self._stream.write(self._head)


def _environ(request: HttpRequest, event: Any, context: Any) -> dict[str, Any]:
    name, port = request.server
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # WSGI's strings are bytes in disguise.
        "PATH_INFO": request.path.decode("latin-1"),
        "RAW_URI": request.raw_path + (f"?{request.query}" if request.query else ""),
        "QUERY_STRING": request.query,
        "SERVER_NAME": name,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": request.protocol,
        "REMOTE_ADDR": request.client_ip,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "awslambda.event": event,
        "awslambda.context": context,
    }
    for field, value in request.headers.items():
        key = field.upper().replace("-", "_")
        text = value.encode("utf-8").decode("latin-1")
        if key == "CONTENT_TYPE":
            environ[key] = text
        elif key != "CONTENT_LENGTH":  # The body's own: the event may have changed its form.
            environ[f"HTTP_{key}"] = text
    return environ
