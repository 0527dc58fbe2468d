"""The HTTP server at the socket: framing, order, limits, slow and rude clients, leaving gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from gateway.protocols.http import Handler, HttpLimits, HttpServer, Request, Response
from tests.gateway.protocols.wire import Wire, ask, request_bytes


def echo(request: Request) -> Response:
    body = f"{request.method} {request.path}?{request.query}|".encode() + request.body
    return Response(200, (("Content-Type", "text/plain"),), body)


@asynccontextmanager
async def serving(handler: Handler = echo, **limits: float) -> AsyncIterator[tuple[HttpServer, int]]:
    server = HttpServer(handler, HttpLimits(**limits))  # type: ignore[arg-type]  # the words of a test
    port = await server.listen()
    try:
        yield server, port
    finally:
        await server.close()


@pytest.mark.asyncio
async def test_a_connection_serves_one_request_after_another() -> None:
    async with serving() as (_, port), await Wire.open(port) as wire:
        for number in range(3):
            await wire.send(request_bytes("GET", f"/{number}?a=b"))
            answer = await wire.answer()
            assert (answer.status, answer.body) == (200, f"GET /{number}?a=b|".encode())
            assert answer.header("Connection") is None
            assert answer.header("Date")


@pytest.mark.asyncio
async def test_pipelined_requests_are_answered_in_order_though_later_ones_are_faster() -> None:
    async def slower_first(request: Request) -> Response:
        await asyncio.sleep(0.05 / int(request.path[1:]))
        return Response(200, (), request.path.encode())

    async with serving(slower_first) as (_, port), await Wire.open(port) as wire:
        await wire.send(b"".join(request_bytes("GET", f"/{n}") for n in range(1, 30)))
        assert [(await wire.answer()).body for _ in range(1, 30)] == [f"/{n}".encode() for n in range(1, 30)]


@pytest.mark.asyncio
async def test_sized_and_chunked_bodies_arrive_whole() -> None:
    async with serving() as (_, port), await Wire.open(port) as wire:
        await wire.send(request_bytes("POST", "/s", body=b"x" * 100_000))
        assert (await wire.answer()).body == b"POST /s?|" + b"x" * 100_000
        head = b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        await wire.send(head + b"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: dropped\r\n\r\n")
        assert (await wire.answer()).body == b"POST /c?|abcdefg"


@pytest.mark.asyncio
async def test_head_has_the_length_but_not_the_body() -> None:
    async with serving() as (_, port), await Wire.open(port) as wire:
        await wire.send(request_bytes("HEAD", "/h") + request_bytes("GET", "/g"))
        head = await wire.answer(head_only=True)
        assert head.header("Content-Length") == str(len(b"HEAD /h?|"))
        assert (await wire.answer()).body == b"GET /g?|"


@pytest.mark.asyncio
async def test_no_content_has_neither_length_nor_body() -> None:
    async with serving(lambda _: Response(204)) as (_, port), await Wire.open(port) as wire:
        await wire.send(request_bytes("DELETE", "/") * 2)
        for _ in range(2):
            answer = await wire.answer()
            assert (answer.status, answer.header("Content-Length")) == (204, None)


@pytest.mark.asyncio
async def test_expect_continue_is_answered_before_the_body_and_in_turn() -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(0.05)
        return echo(request)

    async with serving(slow) as (_, port), await Wire.open(port) as wire:
        expecting = request_bytes("POST", "/e", (("Expect", "100-continue"),), b"abc")[:-3]
        await wire.send(request_bytes("GET", "/first") + expecting)
        assert (await wire.answer()).body == b"GET /first?|"
        assert (await wire.answer()).status == 100
        await wire.send(b"abc")
        assert (await wire.answer()).body == b"POST /e?|abc"


@pytest.mark.asyncio
async def test_an_offer_to_upgrade_is_declined_and_the_body_still_read() -> None:
    offer = (("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMA"))
    async with serving() as (_, port), await Wire.open(port) as wire:
        whole = request_bytes("POST", "/u", offer, b"select 1") + request_bytes("GET", "/v", offer)
        for byte in whole:
            await wire.send(bytes([byte]))
        assert (await wire.answer()).body == b"POST /u?|select 1"
        assert (await wire.answer()).body == b"GET /v?|"


@pytest.mark.asyncio
async def test_http_1_0_closes_unless_asked_to_stay() -> None:
    async with serving() as (_, port):
        async with await Wire.open(port) as wire:
            await wire.send(b"GET /a HTTP/1.0\r\n\r\n")
            assert (await wire.answer()).header("Connection") == "close"
            assert await wire.rest() == b""
        async with await Wire.open(port) as wire:
            await wire.send(b"GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" * 2)
            assert (await wire.answer()).header("Connection") == "keep-alive"
            assert (await wire.answer()).status == 200


REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "length and chunks": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "negative length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    "other coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
    "chunks in 1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "folded line": (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400),
    "space before colon": (b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
    "control character in a header": (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x01\r\n\r\n", 400),
    "nul in a header": (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x00\r\n\r\n", 400),
    "bare line feed": (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\nC: d\r\n\r\n", 400),
    "control character in the target": (b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target of a proxy": (b"GET a.b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "other method": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "other version": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "other expectation": (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\na", 417),
    "not http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
    "bad chunk size": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.asyncio
async def test_what_can_be_read_in_two_ways_is_refused_in_text_and_ends_the_connection(
    sent: bytes, status: int
) -> None:
    async with serving() as (_, port), await Wire.open(port) as wire:
        await wire.send(request_bytes("GET", "/before") + sent)
        assert (await wire.answer()).body == b"GET /before?|"
        answer = await wire.answer()
        assert (answer.status, answer.header("Content-Type")) == (status, "text/plain;charset=utf-8")
        assert answer.header("Connection") == "close"
        assert await wire.rest() == b""


@pytest.mark.asyncio
async def test_large_headers_pass_up_to_the_limit_and_get_431_beyond() -> None:
    async with serving(max_header_bytes=70_000) as (_, port):
        fits = (*((f"X-P-{n}", "v" * 600) for n in range(100)),)
        assert (await ask(port, "GET", "/", fits)).status == 200
        assert (await ask(port, "GET", "/", (*fits, ("X-Q", "v" * 9_000)))).status == 431
        assert (await ask(port, "GET", "/" + "a" * 80_000)).status == 431


@pytest.mark.asyncio
async def test_a_header_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    async with serving(max_header_bytes=70_000) as (_, port), await Wire.open(port) as wire:
        await wire.send(b"GET / HTTP/1.1\r\nX-Endless: ")
        with contextlib.suppress(OSError):
            for _ in range(40):
                await wire.send(b"x" * 65_536)
        assert (await wire.answer()).status == 431


@pytest.mark.asyncio
async def test_too_many_header_lines_get_431() -> None:
    async with serving(max_header_count=50) as (_, port):
        assert (await ask(port, "GET", "/", tuple((f"A{n}", "b") for n in range(60)))).status == 431


@pytest.mark.asyncio
async def test_a_body_over_the_limit_gets_413_sized_or_chunked() -> None:
    async with serving(max_body_bytes=1_000) as (_, port):
        assert (await ask(port, "POST", "/", (), b"x" * 1_000)).status == 200
        answer = await ask(port, "POST", "/", (), b"x" * 1_000_000)
        assert (answer.status, answer.header("Connection")) == (413, "close")
        async with await Wire.open(port) as wire:
            await wire.send(
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + b"x" * 500
            )
            await wire.send(b"\r\n1f5\r\n" + b"x" * 501 + b"\r\n0\r\n\r\n")
            assert (await wire.answer()).status == 413


@pytest.mark.asyncio
async def test_a_head_or_body_that_does_not_arrive_in_time_gets_408() -> None:
    async with serving(read_seconds=0.2, idle_seconds=5.0) as (_, port):
        for sent in (b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"):
            async with await Wire.open(port) as wire:
                await wire.send(sent)
                assert (await wire.answer(seconds=3)).status == 408
                assert await wire.rest() == b""


@pytest.mark.asyncio
async def test_a_trickle_of_header_bytes_does_not_extend_the_time() -> None:
    async with serving(read_seconds=0.3, idle_seconds=5.0) as (_, port), await Wire.open(port) as wire:
        started = asyncio.get_running_loop().time()
        await wire.send(b"GET / HTTP/1.1\r\n")
        answer = asyncio.create_task(wire.answer(seconds=5))
        while not answer.done():
            with contextlib.suppress(OSError):
                await wire.send(b"A: b\r\n")
            await asyncio.sleep(0.02)
        assert (await answer).status == 408
        assert asyncio.get_running_loop().time() - started < 2


@pytest.mark.asyncio
async def test_a_body_at_a_fair_speed_may_take_longer() -> None:
    async with serving(read_seconds=0.3, min_body_rate=1_000.0) as (_, port), await Wire.open(port) as wire:
        await wire.send(b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1600\r\n\r\n")
        for _ in range(8):
            await wire.send(b"x" * 200)
            await asyncio.sleep(0.1)
        assert (await wire.answer()).status == 200


@pytest.mark.asyncio
async def test_an_idle_connection_is_closed() -> None:
    async with serving(idle_seconds=0.2) as (server, port), await Wire.open(port) as wire:
        await wire.send(request_bytes("GET", "/"))
        assert (await wire.answer()).status == 200
        assert await wire.rest(seconds=3) == b""
        assert server.connections == 0


def test_a_request_that_came_while_the_loop_was_busy_is_answered_and_not_cut_off() -> None:
    def answer(request: Request) -> Response:
        if request.path == "/slow":
            time.sleep(0.5)
        return Response(200)

    def ask_twice(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port)) as one, socket.create_connection(("127.0.0.1", port)) as two:
            one.sendall(request_bytes("GET", "/"))
            assert one.recv(1000).startswith(b"HTTP/1.1 200 ")
            two.sendall(request_bytes("GET", "/slow"))
            time.sleep(0.25)  # the loop stands still, and the first connection has rested for long enough
            one.sendall(request_bytes("GET", "/"))
            return one.recv(1000)

    async def late() -> bytes:
        async with serving(answer, idle_seconds=0.2) as (_, port):
            return await asyncio.to_thread(ask_twice, port)

    # uvloop looks at its clocks before it looks at its sockets.
    assert uvloop.run(late()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.asyncio
async def test_a_client_that_reads_nothing_is_cut_off_and_costs_one_answer() -> None:
    served = 0

    def big(_: Request) -> Response:
        nonlocal served
        served += 1
        return Response(200, (), b"x" * 8_000_000)

    async with serving(big, write_seconds=0.3) as (server, port), await Wire.open(port) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # the test looks inside
        await wire.send(request_bytes("GET", "/") * 50)
        for _ in range(60):
            if server.connections == 0:
                break
            await asyncio.sleep(0.05)
        assert server.connections == 0
        assert served == 1


@pytest.mark.asyncio
async def test_a_client_that_reads_slowly_gets_everything() -> None:
    async with (
        serving(lambda _: Response(200, (), b"x" * 8_000_000), write_seconds=0.4) as (_, port),
        await Wire.open(port) as wire,
    ):
        await wire.send(request_bytes("GET", "/"))
        await asyncio.sleep(0.2)
        assert len((await wire.answer()).body) == 8_000_000


@pytest.mark.asyncio
async def test_a_client_that_vanishes_lets_the_handler_finish() -> None:
    finished = asyncio.Event()
    begun = asyncio.Event()

    async def work(_: Request) -> Response:
        begun.set()
        await asyncio.sleep(0.1)
        finished.set()
        return Response(200)

    async with serving(work) as (server, port):
        async with await Wire.open(port) as wire:
            await wire.send(request_bytes("POST", "/", body=b"x"))
            await begun.wait()
        await asyncio.wait_for(finished.wait(), 2)
        await asyncio.sleep(0.01)
        assert server.connections == 0


@pytest.mark.asyncio
async def test_a_client_that_shuts_its_side_still_gets_its_answer() -> None:
    async def work(request: Request) -> Response:
        await asyncio.sleep(0.05)
        return echo(request)

    async with serving(work) as (_, port), await Wire.open(port) as wire:
        await wire.send(request_bytes("GET", "/half"))
        wire.writer.write_eof()
        assert (await wire.answer()).body == b"GET /half?|"
        assert await wire.rest() == b""


@pytest.mark.asyncio
async def test_a_handler_that_fails_answers_500_without_saying_why() -> None:
    def broken(_: Request) -> Response:
        raise RuntimeError("secret")

    async def broken_later(_: Request) -> Response:
        raise RuntimeError("secret")

    handlers: list[Callable[[Request], Response | Awaitable[Response]]] = [broken, broken_later]
    for handler in handlers:
        async with serving(handler) as (_, port):
            answer = await ask(port, "GET", "/")
            assert (answer.status, answer.text) == (500, "Internal error")


UNSAFE = {
    "line break in a value": ("X-Trino-Set-Session", "a=b\r\nSet-Cookie: x"),
    "line feed": ("X-Trino-Set-Session", "a\nb"),
    "carriage return": ("X-Trino-Set-Session", "a\rb"),
    "nul": ("X-Trino-Set-Session", "a\x00b"),
    "line break in a name": ("X-A\r\nB", "c"),
    "space in a name": ("X A", "c"),
    "framing": ("Content-Length", "0"),
    "transfer coding": ("transfer-encoding", "chunked"),
}


@pytest.mark.parametrize("header", UNSAFE.values(), ids=UNSAFE.keys())
@pytest.mark.asyncio
async def test_no_header_of_an_answer_can_start_another_one(header: tuple[str, str]) -> None:
    async with serving(lambda _: Response(200, (header,), b"ok")) as (_, port), await Wire.open(port) as wire:
        await wire.send(request_bytes("GET", "/"))
        answer = await wire.answer()
        assert (answer.status, answer.text, answer.header("Set-Cookie")) == (500, "Internal error", None)


@pytest.mark.asyncio
async def test_one_connection_too_many_gets_503() -> None:
    async with serving(max_connections=2) as (_, port), await Wire.open(port), await Wire.open(port):
        await asyncio.sleep(0.02)
        async with await Wire.open(port) as third:
            assert (await third.answer()).status == 503


@pytest.mark.asyncio
async def test_drain_lets_running_requests_finish_and_closes_the_rest() -> None:
    begun = asyncio.Event()

    async def work(_: Request) -> Response:
        begun.set()
        await asyncio.sleep(0.2)
        return Response(200, (), b"done")

    server = HttpServer(work)
    port = await server.listen()
    async with await Wire.open(port) as busy, await Wire.open(port) as idle:
        await busy.send(request_bytes("GET", "/"))
        await begun.wait()
        drained = asyncio.create_task(server.drain(5))
        assert await idle.rest(seconds=1) == b""
        answer = await busy.answer()
        assert (answer.body, answer.header("Connection")) == (b"done", "close")
        assert await drained
        with pytest.raises(OSError):
            await Wire.open(port)


@pytest.mark.asyncio
async def test_drain_ends_in_time_though_a_request_does_not() -> None:
    async def endless(_: Request) -> Response:
        await asyncio.sleep(60)
        return Response(200)

    server = HttpServer(endless)
    port = await server.listen()
    async with await Wire.open(port) as wire:
        await wire.send(request_bytes("GET", "/"))
        await asyncio.sleep(0.05)
        assert not await server.drain(0.1)
        assert await wire.rest(seconds=1) == b""
