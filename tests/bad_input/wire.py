"""Bytes on a socket, as nobody should send them, and what came back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from tests.attacks.process import Gateway


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw HTTP answer; status 0 when the connection was closed without one."""

    status: int
    text: str


def head(gateway: Gateway, *lines: str, method: str = "POST", path: str = "/v1/statement") -> bytes:
    """Return a request's head for user ana, with further header lines."""
    known = [
        f"{method} {path} HTTP/1.1",
        "Host: gateway.test",
        f"Authorization: Bearer {gateway.token('ana')}",
        "X-Trino-User: ana",
        "X-Trino-Catalog: lake",
        "X-Trino-Schema: sales",
    ]
    return "\r\n".join([*known, *lines]).encode("utf-8", "surrogateescape") + b"\r\n\r\n"


def post(gateway: Gateway, body: bytes, *lines: str) -> bytes:
    """Return a whole POST of a statement."""
    return head(gateway, f"Content-Length: {len(body)}", *lines) + body


@contextmanager
def connected(gateway: Gateway, seconds: float = 10.0) -> Iterator[socket.socket]:
    """Open a connection to the door."""
    with closing(socket.create_connection(("127.0.0.1", gateway.port), timeout=seconds)) as wire:
        yield wire


def read_answer(wire: socket.socket) -> Answer:
    """Read until the answer is complete or the connection ends."""
    data = b""
    try:
        while not _complete(data):
            part = wire.recv(65_536)
            if not part:
                break
            data += part
    except (ConnectionResetError, BrokenPipeError):
        pass
    status = int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/") else 0
    return Answer(status, data.decode("utf-8", "replace"))


def _complete(data: bytes) -> bool:
    before, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in before.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False


def send(gateway: Gateway, data: bytes) -> Answer:
    """Send bytes on a connection of their own and return what came back."""
    with connected(gateway) as wire:
        # Turned away before all was sent: the answer may still be there.
        with suppress(ConnectionResetError, BrokenPipeError):
            wire.sendall(data)
        return read_answer(wire)
