"""One connection to the Runtime API: a raw socket that speaks HTTP/1.1.

It knows HTTP's framing and nothing of its meaning. Requests and replies
alternate. Not safe for concurrent use.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from .settings import Endpoint

_HEAD_LIMIT = 1 << 20
_READ_SIZE = 64 << 10
# Up to this many bytes, copying parts into one is cheaper than sending each.
_COPY_LIMIT = 64 << 10


class ConnectionLost(Exception):
    """The connection broke, or the peer does not speak HTTP/1.1."""


@dataclass
class Reply:
    status: int
    headers: dict[str, str]  # by lower-case name; the last one wins
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status <= 299


class Connection:
    """Connects at once; raises OSError when that fails."""

    def __init__(self, endpoint: Endpoint) -> None:
        if endpoint.path:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.socket.connect(endpoint.path)
            except OSError:
                self.socket.close()
                raise
        else:
            self.socket = socket.create_connection((endpoint.host, endpoint.port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()

    def close(self) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        """Writes the parts; blocks as long as the peer does not read."""
        try:
            if sum(map(len, parts)) <= _COPY_LIMIT:
                self.socket.sendall(b"".join(parts))
                return
            for part in parts:
                self.socket.sendall(part)
        except OSError as error:
            raise ConnectionLost(str(error)) from None

    @property
    def disturbed(self) -> bool:
        """Whether the peer closed, or answered something that is not asked yet."""
        if self._buffer:
            return True
        try:
            self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def read_reply(self) -> Reply:
        """Reads one reply, however long it takes."""
        while True:
            status, headers = self._head()
            if status >= 200:
                break
        coding = headers.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked":
                raise ConnectionLost(f"a reply with Transfer-Encoding {coding!r}")
            body = self._chunked()
        elif status in (204, 304):
            body = b""
        elif "content-length" in headers:
            length = headers["content-length"]
            if not re.fullmatch(r"[0-9]{1,15}", length):
                raise ConnectionLost(f"a reply with Content-Length {length!r}")
            body = self._take(int(length))
        else:
            body = self._until_close()
        return Reply(status, headers, body)

    def _head(self) -> tuple[int, dict[str, str]]:
        start = 0
        while (end := self._buffer.find(b"\r\n\r\n", start)) < 0:
            start = max(0, len(self._buffer) - 3)
            self._fill()
        lines = self._take(end + 4)[:-4].decode("utf-8", "replace").split("\r\n")
        match = re.match(r"HTTP/1\.[01] ([0-9]{3})(?: |$)", lines[0])
        if not match:
            raise ConnectionLost(f"a reply that starts with {lines[0][:80]!r}")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name:
                raise ConnectionLost(f"a reply with the header line {line[:80]!r}")
            headers[name.lower()] = value.strip()
        return int(match[1]), headers

    def _chunked(self) -> bytes:
        body = bytearray()
        while True:
            line = self._line()
            match = re.match(rb"([0-9A-Fa-f]{1,13})\s*(?:;|$)", line)
            if not match:
                raise ConnectionLost(f"a reply with the chunk size {line[:80]!r}")
            size = int(match[1], 16)
            if size == 0:
                break
            body += self._take(size)
            if self._line():
                raise ConnectionLost("a reply with a chunk longer than its size")
        while self._line():
            pass  # Trailers of replies mean nothing here.
        return bytes(body)

    def _until_close(self) -> bytes:
        while data := self._receive():
            self._buffer += data
        return self._take(len(self._buffer))

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._fill()
        return self._take(end + 1).rstrip(b"\r\n")

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill(bounded=False)
        with memoryview(self._buffer) as view:
            part = bytes(view[:size])
        del self._buffer[:size]
        return part

    def _fill(self, *, bounded: bool = True) -> None:
        if bounded and len(self._buffer) > _HEAD_LIMIT:
            raise ConnectionLost(f"a reply with a head of more than {_HEAD_LIMIT} bytes")
        data = self._receive()
        if not data:
            raise ConnectionLost("the peer closed it")
        self._buffer += data

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(_READ_SIZE)
        except OSError as error:
            raise ConnectionLost(str(error)) from None
