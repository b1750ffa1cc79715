"""The Runtime API as the runtime uses it (docs/contract/runtime-api.md §2).

One connection carries everything in order: /next, then /response or /error,
then /next again. Not safe for concurrent use.
"""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from typing import Any

from .connection import Connection, ConnectionLost, Reply
from .errors import Fault, encode_document, header_text
from .log import complain
from .settings import Endpoint

INVOCATION = "/2018-06-01/runtime/invocation/"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_JSON = "application/json"

# How often the connection may break in /next, without any reply in between,
# before the Runtime API counts as gone.
_RETRIES = 3


class RuntimeApiGone(Exception):
    """The Runtime API can't be reached, or refuses to give events."""


@dataclass(frozen=True)
class Event:
    """One invocation as /next describes it. Absent headers are None."""

    id: str
    deadline: int  # Unix time in milliseconds
    arn: str | None
    trace_id: str | None
    client_context: str | None  # JSON
    identity: str | None  # JSON
    tenant_id: str | None
    attempt: str | None  # Lambda-Runtime-Invocation-Id, echoed in answers
    content_type: str
    body: bytes

    def payload(self) -> Any:
        """The handler's first argument; bytes when the event is no JSON document."""
        if self.content_type.split(";")[0].strip().lower() != _JSON:
            return self.body
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None

    @property
    def echo(self) -> str:
        return f"Lambda-Runtime-Invocation-Id: {self.attempt}\r\n" if self.attempt else ""


class RuntimeApi:
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: Connection | None = None
        self._common = f"Host: {endpoint.authority}\r\nUser-Agent: sluice-python/{platform.python_version()}\r\n"

    def connection(self) -> Connection:
        """The connection for the next request; a new one when the last one was closed."""
        if self._connection and self._connection.disturbed:
            self.discard()
        if not self._connection:
            try:
                self._connection = Connection(self._endpoint)
            except OSError as error:
                raise ConnectionLost(str(error)) from None
        return self._connection

    def discard(self) -> None:
        """Drops the connection; the next request opens another one."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def head(self, method: str, path: str, headers: str = "") -> bytes:
        return f"{method} {path} HTTP/1.1\r\n{self._common}{headers}\r\n".encode("utf-8")

    def next(self) -> Event:
        """Waits for an event; raises RuntimeApiGone when there will be none."""
        broken = 0
        while True:
            connected = False
            try:
                connection = self.connection()
                connected = True
                connection.send(self.head("GET", INVOCATION + "next"))
                return _read_event(connection.read_reply())
            except ConnectionLost as lost:
                # Asking again is safe: an event that was handed out and not
                # answered is handed out again.
                self.discard()
                broken += 1
                if not connected or broken == _RETRIES:
                    raise RuntimeApiGone(f"the Runtime API at {self._endpoint} is gone: {lost}") from None

    def respond(self, event: Event, body: bytes, content_type: str) -> None:
        """Posts a buffered result."""
        self._post(f"{INVOCATION}{event.id}/response", f"{event.echo}Content-Type: {content_type}\r\n", body)

    def fail(self, event: Event, document: dict[str, Any], *, kind: str = "", cause: str = "") -> None:
        """Posts a failed invocation. kind is what the platform notes; AWS's client leaves it out."""
        headers = f"{event.echo}Content-Type: {_JSON}\r\n"
        if kind:
            headers += f"Lambda-Runtime-Function-Error-Type: {kind}\r\n"
        if cause:
            headers += f"Lambda-Runtime-Function-XRay-Error-Cause: {cause}\r\n"
        self._post(f"{INVOCATION}{event.id}/error", headers, encode_document(document))

    def init_error(self, document: dict[str, Any]) -> None:
        """Posts a failed init."""
        kind = header_text(document["errorType"])
        headers = f"Content-Type: {_JSON}\r\nLambda-Runtime-Function-Error-Type: {kind}\r\n"
        self._post(_INIT_ERROR, headers, encode_document(document))

    def _post(self, path: str, headers: str, body: bytes) -> None:
        try:
            connection = self.connection()
            head = self.head("POST", path, f"{headers}Content-Length: {len(body)}\r\n")
            try:
                connection.send(head, body)
            except ConnectionLost:
                # A refusal of a large body comes before its end was sent.
                check(connection.read_reply())
                self.discard()
            else:
                check(connection.read_reply())
        except ConnectionLost as lost:
            self.discard()
            complain(f"[sluice] an answer to the Runtime API was lost: {lost}\n")


def check(reply: Reply) -> None:
    """Complains about a refused answer; there is nothing else left to do about it."""
    if not reply.ok:
        text = reply.body[:500].decode("utf-8", "replace").strip()
        complain(f"[sluice] the Runtime API refused an answer: {reply.status} {text}\n")


def _read_event(reply: Reply) -> Event:
    if reply.status != 200:
        text = reply.body[:500].decode("utf-8", "replace").strip()
        raise RuntimeApiGone(f"the Runtime API refused to give an event: {reply.status} {text}")
    headers = reply.headers
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    if not re.fullmatch(r"[\x21-\x7e]+", request_id):
        raise RuntimeApiGone("the Runtime API gave an event without a usable Lambda-Runtime-Aws-Request-Id")
    deadline = headers.get("lambda-runtime-deadline-ms", "")
    return Event(
        id=request_id,
        deadline=int(deadline) if re.fullmatch(r"[0-9]{1,18}", deadline) else 0,
        arn=headers.get("lambda-runtime-invoked-function-arn"),
        trace_id=headers.get("lambda-runtime-trace-id") or None,
        client_context=headers.get("lambda-runtime-client-context") or None,
        identity=headers.get("lambda-runtime-cognito-identity") or None,
        tenant_id=headers.get("lambda-runtime-aws-tenant-id") or None,
        attempt=headers.get("lambda-runtime-invocation-id") or None,
        content_type=headers.get("content-type") or _JSON,
        body=reply.body,
    )
