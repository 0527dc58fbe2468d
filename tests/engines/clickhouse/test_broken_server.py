"""Servers that refuse, hang, answer nonsense or die while answering: each ends in a clear error, in bounded time."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.types import BIGINT, VARCHAR
from engines.clickhouse.engine import ClickHouseEngine
from tests.real.clickhouse import ask, over_http, statement

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[int]:
    """Listen on a free port and talk to whoever connects."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def failure(engine: ClickHouseEngine) -> Refusal:
    """Ask something and return how it failed."""
    with pytest.raises(Refusal) as refused:
        await ask(engine, statement("SELECT toInt64(1)", BIGINT))
    return refused.value


async def check(talk: Talk, code: ErrorCode, seconds: float = 10) -> None:
    async with server(talk) as port, over_http(port, read_seconds=1.0) as engine:
        start = time.monotonic()
        refusal = await failure(engine)
        assert refusal.code is code
        assert str(port) not in refusal.text
        health = await engine.health()
        assert not health.healthy
        assert health.detail
        with pytest.raises(Refusal):
            await engine.tables("clickhouse")
        with pytest.raises(Refusal):
            await engine.describe(TableName("clickhouse", "a", "b"))
        assert time.monotonic() - start < seconds


def reply(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.asyncio
async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with over_http(port, read_seconds=1.0) as engine:
        refusal = await failure(engine)
        assert refusal.code is ErrorCode.NO_NODES_AVAILABLE
        assert str(port) not in refusal.text


@pytest.mark.asyncio
async def test_a_server_that_hangs() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    await check(talk, ErrorCode.NO_NODES_AVAILABLE, seconds=20)


@pytest.mark.asyncio
async def test_a_server_that_hangs_up() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    await check(talk, ErrorCode.NO_NODES_AVAILABLE)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        reply("200 OK", b"<html>a proxy's page</html>"),
        reply("200 OK", b"\x00\xff\xfe nonsense"),
        reply("200 OK", b""),
        reply("502 Bad Gateway", b"<html>upstream 10.9.8.7 failed</html>"),
        reply("301 Moved", b"", "Location: http://127.0.0.1:1/"),
    ],
)
async def test_a_server_that_talks_nonsense(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with server(talk) as port, over_http(port, read_seconds=1.0) as engine:
        refusal = await failure(engine)
        assert refusal.code in (ErrorCode.GENERIC_EXTERNAL, ErrorCode.NO_NODES_AVAILABLE)
        assert "10.9.8.7" not in refusal.text
        assert "html" not in refusal.text
        assert not (await engine.health()).healthy


@pytest.mark.asyncio
async def test_a_server_that_rejects_the_login() -> None:
    body = b"Code: 516. DB::Exception: default: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply("403 Forbidden", body, "X-ClickHouse-Exception-Code: 516"))
        await writer.drain()

    await check(talk, ErrorCode.NO_NODES_AVAILABLE)


@asynccontextmanager
async def cut_after(port: int, size: int) -> AsyncIterator[int]:
    """Pass everything on to a real server, but break off the first answer that is longer than `size` bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)

        async def onward() -> None:
            while data := await reader.read(65536):
                upstream_writer.write(data)
                await upstream_writer.drain()

        task = asyncio.create_task(onward())
        passed = 0
        try:
            while data := await upstream_reader.read(65536):
                passed += len(data)
                if passed > size:
                    writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()
        finally:
            task.cancel()
            upstream_writer.close()

    async with server(talk) as own:
        yield own


@pytest.mark.asyncio
async def test_a_server_that_dies_while_answering(front: int) -> None:
    sql = "SELECT toInt64(number), repeat('x', 100) FROM numbers(500000)"
    async with cut_after(front, 6_000_000) as port, over_http(port) as engine:
        cursor: str | None = (await engine.submit(statement(sql, BIGINT, VARCHAR), "dies")).cursor
        rows = 0
        with pytest.raises(Refusal) as refused:
            while cursor is not None:
                page = await engine.page(cursor)
                rows, cursor = rows + page.rows, page.next
        assert refused.value.code is ErrorCode.REMOTE_HOST_GONE
        assert 0 < rows < 500_000
        with pytest.raises(Refusal):
            await engine.page(cursor or "")


@pytest.mark.asyncio
async def test_an_engine_recovers_when_its_server_comes_back(front: int) -> None:
    down = True

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if down:
            return
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", front)

        async def onward() -> None:
            while data := await reader.read(65536):
                upstream_writer.write(data)

        task = asyncio.create_task(onward())
        try:
            while data := await upstream_reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            task.cancel()
            upstream_writer.close()

    async with server(talk) as port, over_http(port) as engine:
        assert not (await engine.health()).healthy
        down = False
        assert (await engine.health()).healthy
        assert (await ask(engine, statement("SELECT toInt64(1)", BIGINT))).rows == [[1]]
