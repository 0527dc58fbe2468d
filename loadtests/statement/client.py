"""One client over one raw socket: what it costs to ask is as little as can be, so that the answer's cost shows."""

from __future__ import annotations

import re
import socket
import time
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
_NEXT = re.compile(rb'"nextUri":"https?://[^/"]+(/[^"]+)"')


class Answered(NamedTuple):
    """A statement's whole answer."""

    took_ms: float
    requests: int
    page: bytes
    """The page with the rows."""


class Client:
    """Run statements over one keep-alive connection."""

    def __init__(self, port: int, headers: tuple[tuple[str, str], ...]) -> None:
        """Connect."""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}".encode()

    def statement(self, sql: bytes) -> Answered:
        """Run a statement to its end."""
        begun = time.perf_counter()
        body = self._ask(b"POST /v1/statement" + self._head + b"Content-Length: %d\r\n\r\n" % len(sql) + sql)
        asked, rows = 1, b""
        while (match := _NEXT.search(body)) is not None:
            body = self._ask(b"GET " + match.group(1) + self._head + b"\r\n")
            rows = body if b'"data":' in body else rows
            asked += 1
        took = (time.perf_counter() - begun) * 1000
        return Answered(took, asked, rows or body)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _ask(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        match = _LENGTH.search(received, 0, end + 2)
        if not received.startswith(b"HTTP/1.1 200 ") or match is None:
            raise SystemExit(f"the benchmark was answered {received[:500]!r}")
        whole = end + 4 + int(match.group(1))
        while len(received) < whole:
            received += self._receive()
        return received[end + 4 :]

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise SystemExit("the connection was closed under the benchmark")
        return data
