"""A client that sees bytes: what went over the socket, not what a library made of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        return [v for n, v in self.headers if n.lower() == name.lower()]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, **options: Any) -> Wire:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26, **options))

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, head_only: bool = False, seconds: float = 10.0) -> Answer:
        async with asyncio.timeout(seconds):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head[:-4].split("\r\n")
            headers = tuple((line.partition(": ")[0], line.partition(": ")[2]) for line in lines)
            length = next((int(v) for n, v in headers if n == "Content-Length"), 0)
            body = b"" if head_only else await self.reader.readexactly(length)
            return Answer(int(status.split(" ")[1]), headers, body)

    async def rest(self, seconds: float = 10.0) -> bytes:
        async with asyncio.timeout(seconds):
            return await self.reader.read()


def request_bytes(
    method: str, target: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"", host: str = "door.test"
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{n}: {v}" for n, v in headers)]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


async def ask(
    port: int,
    method: str,
    target: str,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    host: str = "door.test",
) -> Answer:
    """Send one request on a connection of its own."""
    async with await Wire.open(port) as wire:
        await wire.send(request_bytes(method, target, headers, body, host))
        return await wire.answer(head_only=method == "HEAD")
