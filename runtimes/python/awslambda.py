"""What a function imports to stream its response; see README.md.

Sluice's own: AWS's managed Python runtime has no streaming. The names follow
the global of AWS's Node.js runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice_runtime.http_event import NotAnHttpEvent
from sluice_runtime.response import ResponseBroken
from sluice_runtime.streaming import (
    HttpResponse,
    HttpResponseStream,
    ResponseStream,
    http_response,
    streamify_response,
)

if TYPE_CHECKING:
    from sluice_runtime.asgi import AsgiApp
    from sluice_runtime.streaming import StreamingHandler
    from sluice_runtime.wsgi import WsgiApp

__all__ = [
    "HttpResponse",
    "HttpResponseStream",
    "NotAnHttpEvent",
    "ResponseBroken",
    "ResponseStream",
    "asgi",
    "http_response",
    "streamify_response",
    "wsgi",
]


# Imported on use: a function that serves no web framework should not pay for it.


def wsgi(app: WsgiApp) -> StreamingHandler:
    """Makes a handler of a WSGI application (Flask, Django, Bottle ...)."""
    from sluice_runtime.wsgi import wsgi as adapt

    return adapt(app)


def asgi(app: AsgiApp) -> StreamingHandler:
    """Makes a handler of an ASGI application (FastAPI, Starlette, Quart ...)."""
    from sluice_runtime.asgi import asgi as adapt

    return adapt(app)
