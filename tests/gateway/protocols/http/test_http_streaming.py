"""Bodies that are sent piece by piece: as fast as the client reads, and never taken for whole when they are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.protocols.http import HttpLimits, HttpServer, Request, Response

CHUNK = b"x" * 65_536
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Body:
    """Count what was asked of it."""

    def __init__(self, chunks: int, breaks: bool = False) -> None:
        self.chunks, self.breaks, self.given, self.closed = chunks, breaks, 0, asyncio.Event()

    async def __call__(self) -> AsyncGenerator[bytes]:
        try:
            while self.given < self.chunks:
                self.given += 1
                yield CHUNK
            if self.breaks:
                raise OSError("the engine went away")
        finally:
            self.closed.set()


@asynccontextmanager
async def serving(body: Body, limits: HttpLimits | None = None) -> AsyncIterator[tuple[HttpServer, int]]:
    def handle(_: Request) -> Response:
        return Response(200, (("Content-Type", "application/octet-stream"),), chunks=body())

    async def later(request: Request) -> Response:
        return handle(request)

    server = HttpServer(later, limits or HttpLimits())
    port = await server.listen()
    try:
        yield server, port
    finally:
        await server.close()


async def read_whole(reader: asyncio.StreamReader) -> bytes:
    """Read one chunked answer. Raises IncompleteReadError when it breaks off."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    body = b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        body += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
        if size == 0:
            return body


@pytest.mark.asyncio
async def test_the_body_arrives_and_the_connection_serves_on() -> None:
    body = Body(20)
    async with serving(body) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            body.given = 0
            writer.write(GET)
            assert await read_whole(reader) == CHUNK * 20
        writer.close()


@pytest.mark.asyncio
async def test_nothing_more_is_asked_for_while_the_client_does_not_read() -> None:
    body = Body(100_000)
    async with serving(body) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65_536)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        given = -1
        while body.given != given:  # until it comes to rest
            given = body.given
            await asyncio.sleep(0.3)
        assert given < 1_000, "some in the buffers of both sides, of 6 GB"
        writer.transport.abort()
        await asyncio.wait_for(body.closed.wait(), 10)
    assert body.given <= given + 2


@pytest.mark.asyncio
async def test_a_client_that_never_reads_on_is_cut_off() -> None:
    body = Body(100_000)
    async with serving(body, HttpLimits(write_seconds=0.5)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65_536)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(body.closed.wait(), 20)
        writer.transport.abort()


@pytest.mark.asyncio
async def test_a_body_that_breaks_off_is_not_taken_for_whole() -> None:
    body = Body(3, breaks=True)
    async with serving(body) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await read_whole(reader)
        writer.close()


@pytest.mark.asyncio
async def test_head_and_clients_of_old_get_no_chunks() -> None:
    body = Body(1)
    async with serving(body) as (_, port):
        for request in (
            b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
            head, _, content = answer.partition(b"\r\n\r\n")
            assert content == (CHUNK if request.startswith(b"GET") else b"")
            assert (b"chunked" in head) is request.startswith(b"HEAD")
