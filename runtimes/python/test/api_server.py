"""A Runtime API for tests: raw sockets, so that tests see what is really on the
wire (connections, chunks, trailers) and can misbehave on request."""

from __future__ import annotations

import base64
import json
import os
import queue
import socket
import tempfile
import threading
import time
import uuid

NEXT = "/2018-06-01/runtime/invocation/next"
PATIENCE = 30
HANG_UP = object()  # in place of an event


class Request:
    """One request of the runtime, as far as it has arrived."""

    def __init__(self, connection, head: bytes) -> None:
        self.connection = connection
        self.head = head
        lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
        self.wire = b""  # the body as it was sent, framing included
        self.chunks: list[bytes] = []
        self.trailers: dict[str, str] = {}
        self.complete = False
        self.over = False
        self.changed = threading.Condition()

    def header(self, name: str):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def trailer_error(self):
        return json.loads(base64.b64decode(self.trailers["Lambda-Runtime-Function-Error-Body"]))

    def until(self, test) -> Request:
        """Waits until test(self) holds."""
        with self.changed:
            if not self.changed.wait_for(lambda: test(self) or self.over, PATIENCE) or not test(self):
                raise AssertionError(f"never came: {self.path} {self.chunks!r}")
        return self

    def update(self, **values) -> None:
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def add(self, chunk: bytes) -> None:
        with self.changed:
            self.chunks.append(chunk)
            self.changed.notify_all()


class ApiServer:
    """unix: serve a Unix socket besides TCP. Set behave to answer a POST otherwise."""

    def __init__(self, *, unix: bool = True) -> None:
        self.requests: list[Request] = []
        self.accepted: list[str] = []  # "unix" or "tcp" for each connection
        self.behave = None  # called with a POST's request; True: it took over
        self._events: queue.Queue = queue.Queue()
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._parked = 0
        self._dir = tempfile.mkdtemp(prefix="sluice-api-")
        self._listeners = [(socket.create_server(("127.0.0.1", 0)), "tcp")]
        self.authority = "127.0.0.1:%d" % self._listeners[0][0].getsockname()[1]
        self.path = None
        if unix:
            self.path = os.path.join(self._dir, "api.sock")
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.path)
            listener.listen()
            self._listeners.append((listener, "unix"))
        for listener, kind in self._listeners:
            threading.Thread(target=self._accept, args=(listener, kind), daemon=True).start()

    def invoke(self, event=None, headers=None, *, body: bytes | None = None, ms: int = 60_000) -> str:
        """Hands out an event and returns its request id."""
        request_id = str(uuid.uuid4())
        all_headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + ms),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:000000000000:function:test",
            **(headers or {}),
        }
        payload = json.dumps(event if event is not None else {}).encode() if body is None else body
        self._events.put((all_headers, payload))
        return request_id

    def hang_up(self) -> None:
        """Breaks the connection that waits for an event, or the next one that does."""
        self._events.put(HANG_UP)

    def request(self, test) -> Request:
        """Waits for a request for which test holds."""
        with self._changed:
            found = None

            def look():
                nonlocal found
                found = next((r for r in self.requests if test(r)), None)
                return found

            if not self._changed.wait_for(look, PATIENCE):
                raise AssertionError(f"no such request among {[r.path for r in self.requests]}")
            return found

    def answer(self, request_id: str) -> Request:
        """Waits for the beginning of the answer to an invocation."""
        return self.request(lambda r: f"/{request_id}/" in r.path)

    def idle(self, count: int) -> None:
        """Waits until the runtime has asked for its count-th event."""
        self.request(lambda r: len([x for x in self.requests if x.path == NEXT]) >= count)

    def close(self) -> None:
        """Closes everything; again is allowed."""
        if not os.path.exists(self._dir):
            return
        for listener, _ in self._listeners:
            # Closing alone does not wake accept().
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        self._events.put(None)
        for connection in list(self._connections):
            shut(connection)
        if self.path and os.path.exists(self.path):
            os.unlink(self.path)
        os.rmdir(self._dir)

    def _accept(self, listener, kind) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.accepted.append(kind)
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection) -> None:
        reader = connection.makefile("rb")
        request = None
        try:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = reader.readline()
                    if not line:
                        return
                    head += line
                request = Request(connection, head)
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                if request.method == "GET":
                    request.update(complete=True, over=True)
                    event = self._events.get()
                    if event is None:
                        self._events.put(None)
                        return
                    if event is HANG_UP:
                        return
                    headers, payload = event
                    reply(connection, 200, payload, headers)
                    continue
                if self.behave and self.behave(request, reader):
                    return
                read_body(request, reader)
                reply(connection, 202, b'{"status":"OK"}\n')
        except (OSError, ValueError):
            pass
        finally:
            if request:
                request.update(over=True)
            self._connections.discard(connection)
            shut(connection)
            reader.close()


def read_body(request: Request, reader) -> None:
    """Reads the rest of a request's body, byte by byte as HTTP frames it."""
    if request.header("Transfer-Encoding") != "chunked":
        body = reader.read(int(request.header("Content-Length")))
        request.wire += body
        request.add(body)
        request.update(complete=True, over=True)
        return
    while (size := read_chunk(request, reader)) != 0:
        if size is None:
            raise ConnectionError("the body has no end")
    while (line := reader.readline()) not in (b"\r\n", b""):
        request.wire += line
        name, _, value = line.decode("latin-1").rstrip("\r\n").partition(": ")
        request.trailers[name] = value
    request.wire += line
    request.update(complete=line == b"\r\n", over=True)


def read_chunk(request: Request, reader):
    line = reader.readline()
    if not line:
        return None
    request.wire += line
    size = int(line, 16)
    if size:
        data = reader.read(size)
        request.wire += data + reader.readline()
        request.add(data)
    return size


def reply(connection, status: int, body: bytes, headers=None) -> None:
    fields = {"Content-Type": "application/json", **(headers or {}), "Content-Length": str(len(body))}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(head.encode() + b"\r\n" + body)


def shut(connection) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
