"""The upstream client against engines that misbehave: nothing is believed, nothing is repeated that might have run."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zstandard

from engines.trino.connection import MAX_HEAD_BYTES
from engines.trino.http import Fault, HttpClient, Timeouts, UpstreamError
from tests.engines.trino.certificates import self_signed
from tests.engines.trino.upstream import Reply, raw, reply, scripted

QUICK = Timeouts(connect=2.0, first_byte=0.3, idle=0.3, total=2.0, queue=0.3)
HEAD = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def client(url: str, **options: object) -> AsyncIterator[HttpClient]:
    opened = HttpClient(url, **{"timeouts": QUICK, **options})  # type: ignore[arg-type]  # the words of a test
    try:
        yield opened
    finally:
        await opened.close()


async def fault_of(answer: Reply, method: str = "GET", **options: object) -> Fault:
    async with scripted([answer]) as upstream, client(upstream.url, **options) as http:
        with pytest.raises(UpstreamError) as caught:
            await http.request(method, "/", body=b"x" if method == "POST" else None)
        return caught.value.fault


MISBEHAVIOUR = [
    ("closes without a word", raw(then="close"), Fault.GONE),
    ("resets without a word", raw(then="reset"), Fault.GONE),
    ("never answers", raw(then="hang"), Fault.TIMEOUT),
    ("stops in the status line", raw(b"HTTP/1.1 20", then="hang"), Fault.TIMEOUT),
    ("stops in the headers", raw(HEAD + b"Content-Length: 5\r\n", then="hang"), Fault.TIMEOUT),
    ("stops in the body", raw(HEAD + b"Content-Length: 5\r\n\r\nab", then="hang"), Fault.TIMEOUT),
    ("dies in the body", raw(HEAD + b"Content-Length: 5\r\n\r\nab", then="close"), Fault.GONE),
    ("dies in a chunk", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", then="reset"), Fault.GONE),
    ("dies between chunks", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", then="close"), Fault.GONE),
    ("speaks no HTTP", raw(b"SSH-2.0-OpenSSH\r\n", then="hang"), Fault.NONSENSE),
    ("speaks TLS", raw(b"\x15\x03\x01\x00\x02\x02\x46", then="close"), Fault.NONSENSE),
    ("names a length that is none", raw(HEAD + b"Content-Length: many\r\n\r\n", then="hang"), Fault.NONSENSE),
    ("names two lengths", raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), Fault.NONSENSE),
    (
        "names a length and chunks",
        raw(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Fault.NONSENSE,
    ),
    ("names no length", raw(HEAD + b"\r\n{}", then="close"), Fault.NONSENSE),
    ("writes a bad chunk size", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", then="hang"), Fault.NONSENSE),
    ("folds a header with a bare newline", raw(HEAD + b"A: b\nContent-Length: 0\r\n\r\n", then="hang"), Fault.NONSENSE),
    ("switches protocols", raw(b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"), Fault.NONSENSE),
    ("sends endless headers", raw(HEAD + b"A: " + b"a" * (MAX_HEAD_BYTES + 1), then="hang"), Fault.TOO_LARGE),
    ("sends damaged gzip", reply(b"no gzip", "200 OK", "Content-Encoding: gzip"), Fault.NONSENSE),
    ("sends cut gzip", reply(gzip.compress(b"abc" * 99)[:-4], "200 OK", "Content-Encoding: gzip"), Fault.NONSENSE),
    ("sends damaged zstd", reply(b"no zstd", "200 OK", "Content-Encoding: zstd"), Fault.NONSENSE),
    ("uses an unknown encoding", reply(b"abc", "200 OK", "Content-Encoding: br"), Fault.NONSENSE),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("answer", "fault"), [c[1:] for c in MISBEHAVIOUR], ids=[c[0] for c in MISBEHAVIOUR])
async def test_an_engine_that(answer: Reply, fault: Fault) -> None:
    assert await fault_of(answer) is fault


@pytest.mark.asyncio
async def test_an_engine_that_is_not_there_is_refused_with_nothing_sent() -> None:
    async with scripted([]) as upstream:
        url = upstream.url
    async with client(url) as http:
        with pytest.raises(UpstreamError) as caught:
            await http.request("POST", "/", body=b"x")
    assert caught.value.fault is Fault.REFUSED
    assert not caught.value.sent


@pytest.mark.asyncio
async def test_a_slow_drip_ends_at_the_total_deadline() -> None:
    drip = raw(HEAD + b"Content-Length: 100\r\n\r\n", *[b"x"] * 99, pause=0.1, then="hang")
    began = asyncio.get_running_loop().time()
    limits = Timeouts(first_byte=5.0, idle=5.0, total=0.5)
    assert await fault_of(drip, timeouts=limits) is Fault.TIMEOUT
    assert asyncio.get_running_loop().time() - began < 2.0


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
async def test_a_body_beyond_the_bound_is_not_taken(encoding: str) -> None:
    body = b"a" * 50_000
    packed = {"identity": body, "gzip": gzip.compress(body), "zstd": zstandard.compress(body)}[encoding]
    fault = await fault_of(reply(packed, "200 OK", f"Content-Encoding: {encoding}"), max_body=20_000)
    assert fault is (Fault.TOO_LARGE if encoding == "identity" else Fault.NONSENSE)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [
        reply(b"hello"),
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"),
        raw(*[bytes([b]) for b in HEAD + b"Content-Length: 5\r\n\r\nhello"], pause=0.001),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 5\r\n\r\nhello"),
        raw(b"HTTP/1.1 103 Early\r\nA: 1\r\n\r\n", HEAD + b"Content-Length: 5\r\n\r\nhello", pause=0.02),
        reply(gzip.compress(b"hello"), "200 OK", "Content-Encoding: gzip"),
        reply(zstandard.compress(b"hello"), "200 OK", "Content-Encoding: zstd"),
    ],
    ids=["length", "chunks", "chunk extension and trailer", "byte by byte", "100", "103", "gzip", "zstd"],
)
async def test_every_honest_framing_gives_the_body(answer: Reply) -> None:
    async with scripted([answer]) as upstream, client(upstream.url) as http:
        got = await http.request("GET", "/")
    assert (got.status, got.body) == (200, b"hello")
    assert got.header("trailer") is None
    assert got.header("a") is None


@pytest.mark.asyncio
async def test_a_connection_is_used_again_and_again() -> None:
    async with scripted([reply(b"%d" % n) for n in range(20)]) as upstream, client(upstream.url) as http:
        bodies = [(await http.request("GET", "/")).body for _ in range(20)]
    assert bodies == [b"%d" % n for n in range(20)]
    assert upstream.connections == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "first",
    [
        reply(b"1", "200 OK", "Connection: close"),
        raw(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1"),
        raw(HEAD + b"Content-Length: 1\r\n\r\n1" + HEAD + b"Content-Length: 6\r\n\r\nforged"),
        raw(HEAD + b"Content-Length: 1\r\n\r\n1garbage"),
        raw(HEAD + b"Content-Length: 1\r\n\r\n1", HEAD + b"Content-Length: 6\r\n\r\nforged", pause=0.05),
    ],
    ids=["close", "HTTP/1.0", "a second answer", "garbage after it", "an answer nobody asked for"],
)
async def test_a_doubtful_connection_is_never_used_again(first: Reply) -> None:
    async with scripted([first, reply(b"2")]) as upstream, client(upstream.url) as http:
        assert (await http.request("GET", "/")).body == b"1"
        await asyncio.sleep(0.1)
        assert (await http.request("GET", "/")).body == b"2"
    assert upstream.connections == 2


@pytest.mark.asyncio
async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with (
        scripted([]) as elsewhere,
        scripted([reply(b"", "302 Found", f"Location: {elsewhere.url}/")]) as upstream,
    ):
        async with client(upstream.url) as http:
            answer = await http.request("GET", "/")
        assert answer.status == 302
        assert elsewhere.connections == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_get_that_met_a_connection_just_closed_is_sent_again(ending: str) -> None:
    stale = raw(then=ending)  # type: ignore[arg-type]  # the words of a test
    async with scripted([reply(b"1"), stale, reply(b"2")]) as upstream, client(upstream.url) as http:
        await http.request("GET", "/")
        assert (await http.request("GET", "/")).body == b"2"
    assert [seen.method for seen in upstream.seen] == ["GET"] * 3


@pytest.mark.asyncio
async def test_a_get_is_sent_twice_at_most() -> None:
    async with scripted([reply(b"1"), raw(then="close"), raw(then="close")]) as upstream, client(upstream.url) as http:
        await http.request("GET", "/")
        with pytest.raises(UpstreamError):
            await http.request("GET", "/")
    assert len(upstream.seen) == 3


@pytest.mark.asyncio
async def test_a_get_whose_answer_had_begun_is_not_sent_again() -> None:
    cut = raw(HEAD + b"Content-Length: 9\r\n\r\nab", then="close")
    async with scripted([reply(b"1"), cut, reply(b"2")]) as upstream, client(upstream.url) as http:
        await http.request("GET", "/")
        with pytest.raises(UpstreamError) as caught:
            await http.request("GET", "/")
    assert caught.value.answered
    assert len(upstream.seen) == 2


@pytest.mark.asyncio
async def test_a_post_whose_bytes_left_is_never_sent_again() -> None:
    async with scripted([reply(b"1"), raw(then="close"), reply(b"2")]) as upstream, client(upstream.url) as http:
        await http.request("GET", "/")
        with pytest.raises(UpstreamError) as caught:
            await http.request("POST", "/", body=b"DELETE FROM t")
    assert caught.value.sent
    assert len(upstream.seen) == 2


@pytest.mark.asyncio
async def test_a_post_does_not_take_a_connection_that_the_engine_had_closed() -> None:
    closing = raw(HEAD + b"Content-Length: 1\r\n\r\n1", b"", pause=0.05, then="close")
    async with scripted([closing, reply(b"2")]) as upstream, client(upstream.url) as http:
        await http.request("GET", "/")
        (idle,) = http._idle
        assert idle.transport is not None
        idle.transport.pause_reading()  # as if the loop had not come round to see the closing
        await asyncio.sleep(0.1)
        assert not idle.closed
        assert (await http.request("POST", "/", body=b"x")).body == b"2"
    assert [seen.method for seen in upstream.seen] == ["GET", "POST"]


@pytest.mark.asyncio
async def test_head_reads_no_body_whatever_length_is_named() -> None:
    head = raw(HEAD + b"Content-Length: 725\r\n\r\n")
    async with scripted([head, reply(b"next")]) as upstream, client(upstream.url) as http:
        answer = await http.request("HEAD", "/")
        assert (answer.status, answer.body) == (200, b"")
        assert (await http.request("GET", "/")).body == b"next"


@pytest.mark.asyncio
async def test_a_cancelled_exchange_takes_its_connection_along() -> None:
    async with scripted([raw(then="hang"), reply(b"2")]) as upstream, client(upstream.url) as http:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(http.request("GET", "/"), 0.05)
        assert (await http.request("GET", "/")).body == b"2"
    assert upstream.connections == 2


@pytest.mark.asyncio
async def test_when_all_connections_are_in_use_a_request_waits_its_turn_then_gives_up() -> None:
    async with scripted([raw(then="hang")]) as upstream:
        limits = Timeouts(first_byte=5.0, queue=0.1)
        async with client(upstream.url, connections=1, timeouts=limits) as http:
            stuck = asyncio.create_task(http.request("GET", "/"))
            await asyncio.sleep(0.05)
            with pytest.raises(UpstreamError) as caught:
                await http.request("POST", "/", body=b"x")
            stuck.cancel()
            await asyncio.gather(stuck, return_exceptions=True)
    assert not caught.value.sent


@pytest.mark.asyncio
async def test_large_answers_wait_for_each_other_and_all_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.trino.connection.LARGE_BODY", 10_000)
    large = [raw(HEAD + b"Content-Length: 90000\r\n\r\n" + b"a" * 20_000, b"b" * 70_000, pause=0.05) for _ in range(6)]
    async with scripted(large) as upstream, client(upstream.url, large_bodies=1) as http:
        answers = await asyncio.gather(*(http.request("GET", "/") for _ in range(6)))
        assert all(answer.body == b"a" * 20_000 + b"b" * 70_000 for answer in answers)
        assert not http._limits.permits.locked()


@pytest.mark.asyncio
@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\x00b", "a\x7fb", "ŝ"])
async def test_no_header_can_be_smuggled_in(value: str) -> None:
    async with scripted([]) as upstream, client(upstream.url) as http:
        with pytest.raises(ValueError, match="character"):
            await http.request("GET", "/", [("X-Trino-User", value)])
    assert upstream.connections == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["", "v1", "/a b", "/a\r\nX: 1", "/é", "http://elsewhere/"])
async def test_no_request_line_can_be_smuggled_in(path: str) -> None:
    async with scripted([]) as upstream, client(upstream.url) as http:
        with pytest.raises(ValueError, match="path"):
            await http.request("GET", path)
    assert upstream.connections == 0


@pytest.mark.parametrize("url", ["ftp://h", "http://", "h:8080", "http://u:p@h", "http://h/?q", "http://h:99999999"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|Port"):
        HttpClient(url)


@pytest.mark.asyncio
async def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server, _ = self_signed(tmp_path)
    async with scripted([reply()], server) as upstream, client(upstream.url) as http:
        with pytest.raises(UpstreamError) as caught:
            await http.request("GET", "/")
    assert caught.value.fault is Fault.REFUSED
    assert not upstream.seen


@pytest.mark.asyncio
async def test_a_certificate_of_a_named_authority_is_accepted(tmp_path: Path) -> None:
    server, authority = self_signed(tmp_path)
    tls = ssl.create_default_context(cafile=str(authority))
    async with scripted([reply(b"1"), reply(b"2")], server) as upstream, client(upstream.url, tls=tls) as http:
        assert [(await http.request("GET", "/")).body for _ in range(2)] == [b"1", b"2"]
        await asyncio.sleep(0)
    assert upstream.connections == 1
