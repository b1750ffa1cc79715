"""Serves ASGI applications (version 3); each piece of a body leaves at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .http_event import HttpRequest, end_to_end
from .response import ResponseBroken
from .streaming import HttpResponse, ResponseStream, StreamingHandler, streamify_response

Message = dict[str, Any]
AsgiApp = Callable[
    [dict[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

# 2.4: send raises an OSError when the client is gone.
_ASGI = {"version": "3.0", "spec_version": "2.4"}


def asgi(app: AsgiApp) -> StreamingHandler:
    """Makes a handler of an ASGI application."""
    lifespan = _Lifespan(app)

    @streamify_response
    async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
        request = HttpRequest(event)
        await lifespan.started()
        scope = _scope(request, event, context)
        scope["state"] = lifespan.state.copy()
        exchange = _Exchange(request, stream)
        try:
            await app(scope, exchange.receive, exchange.send)
        finally:
            exchange.over.set()
        if not stream.ended:
            what = "before the end of its response" if stream.begun else "without a response"
            raise RuntimeError(f"the ASGI application returned {what}")

    return handler


class _Exchange:
    """One request and its response, as the application sees them."""

    def __init__(self, request: HttpRequest, stream: ResponseStream) -> None:
        # Set once nobody waits for the response any more.
        self.over = asyncio.Event()
        self._body: bytes | None = request.body
        self._stream = stream
        self._head: HttpResponse | None = None
        stream.watch(asyncio.get_running_loop(), self.over.set)

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._stream.broken:
            self.over.set()
            raise ResponseBroken
        if self._stream.ended:
            raise RuntimeError(f"the ASGI application sent {kind!r} after the end of its response")
        if kind == "http.response.start":
            if self._head:
                raise RuntimeError("the ASGI application sent 'http.response.start' a second time")
            headers = [(bytes(k).decode("latin-1"), bytes(v).decode("latin-1")) for k, v in message.get("headers") or ()]
            # Kept until the first piece: up to then the application may fail
            # and have its error reported in full.
            self._head = HttpResponse(message["status"], end_to_end(headers))
        elif kind == "http.response.body":
            if not self._head:
                raise RuntimeError("the ASGI application sent 'http.response.body' before 'http.response.start'")
            await self._send_body(message)
        else:
            raise RuntimeError(f"the ASGI application sent {kind!r}, which is not known here")

    async def _send_body(self, message: Message) -> None:
        try:
            if not self._stream.begun:
                await self._stream.write_async(self._head)
            piece = bytes(message.get("body") or b"")
            if piece:
                await self._stream.write_async(piece)
            if not message.get("more_body"):
                self._stream.end()
                self.over.set()
        except ResponseBroken:
            self.over.set()
            raise


class _Lifespan:
    """The application's lifespan: startup before its first request, shutdown with the process."""

    def __init__(self, app: AsgiApp) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._task: asyncio.Task[None] | None = None
        self._outcome: asyncio.Future[str | None] | None = None
        self._asked = False

    async def started(self) -> None:
        """Waits for the startup; raises when the application says that it failed."""
        if self._task is None:
            self._outcome = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run())
        assert self._outcome
        failure = await asyncio.shield(self._outcome)
        if failure is not None:
            raise RuntimeError(f"the ASGI application's startup failed: {failure or 'it gave no reason'}")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": dict(_ASGI, spec_version="2.0"), "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception:
            # How an application says that it has no lifespan.
            pass
        finally:
            self._settle(None)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            # The runtime cancels what still runs when the process ends.
            task = asyncio.current_task()
            if task and hasattr(task, "uncancel"):  # Python 3.11
                task.uncancel()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._settle(None)
        elif message["type"] == "lifespan.startup.failed":
            self._settle(str(message.get("message") or ""))
        elif not message["type"].startswith("lifespan."):
            # An application that takes every scope for a request.
            raise RuntimeError(f"the ASGI application sent {message['type']!r} in its lifespan")

    def _settle(self, failure: str | None) -> None:
        if self._outcome and not self._outcome.done():
            self._outcome.set_result(failure)


def _scope(request: HttpRequest, event: Any, context: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": dict(_ASGI),
        "http_version": request.protocol.rpartition("/")[2],
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path.decode("utf-8", "replace"),
        "raw_path": request.raw_path.encode("utf-8"),
        "query_string": request.query.encode("utf-8"),
        "root_path": "",
        "headers": [(name.encode("latin-1", "replace"), value.encode("utf-8")) for name, value in request.headers.items()],
        "client": (request.client_ip, 0) if request.client_ip else None,
        "server": request.server,
        "awslambda.event": event,
        "awslambda.context": context,
    }
