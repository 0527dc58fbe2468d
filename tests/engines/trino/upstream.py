"""A scripted engine: answers each request with exactly the bytes, and the manners, that a test asks for."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Then = Literal["keep", "close", "reset", "hang"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to write, and what to do afterwards; `parts` are written with a pause in between."""

    parts: tuple[bytes, ...]
    then: Then = "keep"
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True)
class Upstream:
    """A running scripted engine; `seen` and `connections` grow."""

    port: int
    scheme: str
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


def reply(body: bytes = b"{}", status: str = "200 OK", *headers: str, then: Then = "keep") -> Reply:
    """Make an ordinary answer with a Content-Length."""
    lines = "".join(f"{line}\r\n" for line in (f"Content-Length: {len(body)}", *headers))
    return Reply((f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body,), then)


def raw(*parts: bytes, then: Then = "keep", pause: float = 0.0) -> Reply:
    """Make an answer of exactly these bytes."""
    return Reply(parts, then, pause)


QUERY = "20260101_000000_00001_abcde"
SLUG = "yabcdef0123456789"


def page_path(token: int, kind: str = "executing") -> str:
    return f"/v1/statement/{kind}/{QUERY}/{SLUG}/{token}"


def page(token: int | None = None, *, host: str = "http://engine.internal:8080", **members: object) -> bytes:
    """Make a page in Trino's own member order; `token` is the next page's, None on the last."""
    document: dict[str, object] = {"id": QUERY, "infoUri": f"{host}/ui/query.html?{QUERY}"}
    if token is not None:
        document["nextUri"] = host + page_path(token)
    document |= {name: members[name] for name in ("columns", "data") if name in members}
    document["stats"] = {"state": "RUNNING" if token is not None else "FINISHED", "nodes": 1}
    document |= {name: value for name, value in members.items() if name not in ("columns", "data")}
    document["warnings"] = members.get("warnings", [])
    return json.dumps(document, separators=(",", ":")).encode()


@asynccontextmanager
async def scripted(replies: Iterable[Reply], tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """Serve the replies in order, over any number of connections; beyond the last, connections are closed."""
    script = iter(replies)
    upstream = Upstream(0, "https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                upstream.seen.append(await _read_request(reader))
                answer = next(script, None)
                if answer is None or not await _write(writer, answer):
                    break
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = int(next((value for name, value in headers if name == "content-length"), "0"))
    return Seen(method, path, headers, await reader.readexactly(length))


async def _write(writer: asyncio.StreamWriter, answer: Reply) -> bool:
    """Write an answer; say whether the connection stays open."""
    for number, part in enumerate(answer.parts):
        if number:
            await asyncio.sleep(answer.pause)
        writer.write(part)
        await writer.drain()
    if answer.then == "hang":
        await asyncio.sleep(3600)
    if answer.then == "reset":
        writer.transport.abort()
    return answer.then == "keep"
