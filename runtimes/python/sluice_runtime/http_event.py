"""The HTTP request in a Function URL's event, format 2.0 (docs/contract/function-url.md §2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

# Fields about a connection, which is not the function's.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})


class NotAnHttpEvent(ValueError):
    """A web application was invoked with something else than an HTTP request."""


class HttpRequest:
    """The request; raises NotAnHttpEvent when the event has none."""

    def __init__(self, event: Any) -> None:
        if not isinstance(event, dict):
            raise NotAnHttpEvent(_explain(f"a {type(event).__name__}"))
        context = event.get("requestContext")
        http = context.get("http") if isinstance(context, dict) else None
        if event.get("version") != "2.0" or not isinstance(http, dict) or "rawPath" not in event:
            keys = ", ".join(sorted(map(str, event))[:10])
            raise NotAnHttpEvent(_explain(f"an event with the keys {keys}" if keys else "an empty event"))
        self.method = str(http.get("method") or "GET").upper()
        self.raw_path = str(event["rawPath"] or "/")
        self.query = str(event.get("rawQueryString") or "")
        self.protocol = str(http.get("protocol") or "HTTP/1.1")
        self.client_ip = str(http.get("sourceIp") or "")
        self.headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        if event.get("cookies") and "cookie" not in self.headers:
            self.headers["cookie"] = "; ".join(map(str, event["cookies"]))
        self.body = _body(event)
        self.scheme = self.headers.get("x-forwarded-proto", "https")
        self._domain = str(context.get("domainName") or "localhost")

    @property
    def path(self) -> bytes:
        """The path without percent-encoding."""
        return unquote_to_bytes(self.raw_path)

    @property
    def server(self) -> tuple[str, int]:
        """Name and port under which the client knows the server."""
        host = self.headers.get("host", self._domain)
        name, colon, port = host.rpartition(":")
        if colon and port.isdigit() and not name.endswith(":"):
            return name.strip("[]"), int(port)
        forwarded = self.headers.get("x-forwarded-port", "")
        return host.strip("[]"), int(forwarded) if forwarded.isdigit() else 443 if self.scheme == "https" else 80


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body)
    except (binascii.Error, TypeError, ValueError) as error:
        raise NotAnHttpEvent(_explain(f"an event whose body is not base64 ({error})")) from None


def _explain(got: str) -> str:
    return (
        f"this handler serves HTTP: it needs the event of a Function URL (payload format 2.0), not {got};"
        " call the function by its URL"
    )


def end_to_end(headers: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The fields of a response that are for the client."""
    return ((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP)
