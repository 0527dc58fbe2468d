"""A client that costs next to nothing: one keep-alive socket, pages read whole and thrown away."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\nTransfer-Encoding: *chunked\r\n", re.IGNORECASE)
_NEXT = re.compile(rb'"nextUri":"https?://[^/"]+(/[^"]+)"')


@dataclass(frozen=True, slots=True)
class Drained:
    """Say what one statement gave and how long it took."""

    seconds: float
    rows: int
    bytes: int
    pages: int


class Client:
    """Run statements over one connection."""

    def __init__(self, port: int, user: str) -> None:
        """Connect to a server on loopback."""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = f"Host: 127.0.0.1:{port}\r\nX-Trino-User: {user}\r\nX-Trino-Source: bench\r\n"
        self._head = f" HTTP/1.1\r\n{lines}X-Trino-Client-Capabilities: PARAMETRIC_DATETIME\r\n".encode()
        self._buffer = bytearray()

    def drain(self, sql: str) -> Drained:
        """Run a statement to its end. Exits when it fails."""
        text = sql.encode()
        begun = time.perf_counter()
        body = self._ask(b"POST /v1/statement" + self._head + b"Content-Length: %d\r\n\r\n" % len(text) + text)
        rows = size = pages = 0
        while (match := _NEXT.search(body)) is not None:
            body = self._ask(b"GET " + match.group(1) + self._head + b"\r\n")
            if b'"error":{' in body[:4096] or b'"error":{' in body[-8192:]:
                raise SystemExit(f"the statement failed: {body[-2000:]!r}")
            if (start := body.find(b'"data":[[')) >= 0:
                rows += body.count(b"],[", start) + 1
                size += len(body)
                pages += 1
        return Drained(time.perf_counter() - begun, rows, size, pages)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _ask(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._receive()
        head = self._take(end + 4)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"the benchmark was answered {head!r}")
        if (length := _LENGTH.search(head)) is not None:
            return self._take(int(length.group(1)))
        if _CHUNKED.search(head) is None:
            raise SystemExit(f"an answer without a length: {head!r}")
        return self._chunks()

    def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        while True:
            while (end := self._buffer.find(b"\r\n")) < 0:
                self._receive()
            size = int(self._take(end + 2).split(b";")[0], 16)
            piece = self._take(size + 2)
            if size == 0:
                return b"".join(pieces)
            pieces.append(piece[:-2])

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _receive(self) -> None:
        data = self._socket.recv(1 << 20)
        if not data:
            raise SystemExit("the connection was closed under the benchmark")
        self._buffer += data
