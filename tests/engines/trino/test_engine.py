"""The Trino engine in front of an engine that refuses, hangs, answers nonsense or dies: each ends in a clear answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from catalog.errors import ErrorCode, Refusal
from engines.base import EngineStatement
from engines.executions import PageGone, PageUnknown
from engines.trino import Basic, Timeouts, TrinoEngine
from tests.engines.trino.upstream import QUERY, SLUG, Reply, Upstream, page, page_path, raw, reply, scripted

QUICK = Timeouts(connect=2.0, first_byte=0.3, idle=0.3, total=2.0)
STATEMENT = EngineStatement(sql="SELECT 'é'", user="ann", catalog="tpch", schema="tiny", time_zone="UTC")
CURSOR = page_path(1)


@asynccontextmanager
async def relay(replies: Sequence[Reply], **options: object) -> AsyncIterator[tuple[TrinoEngine, Upstream]]:
    async with scripted(replies) as upstream:
        defaults = {"timeouts": QUICK, "recover_seconds": 0.4, "cancel_seconds": 0.4}
        engine = TrinoEngine("trino", ("tpch",), upstream.url, **{**defaults, **options})  # type: ignore[arg-type]  # the words of a test
        await engine.start()
        try:
            yield engine, upstream
        finally:
            await engine.close()


@pytest.mark.asyncio
async def test_a_statement_goes_up_as_its_user_under_the_gateways_own_credentials() -> None:
    queued = reply(page(1).replace(page_path(1).encode(), page_path(1, "queued").encode()))
    async with relay([queued], credentials=Basic("gateway", "secret")) as (engine, upstream):
        submission = await engine.submit(STATEMENT, "q1")
    assert (submission.query_id, submission.cursor, submission.page) == (QUERY, page_path(1, "queued"), None)
    (post,) = upstream.seen
    assert (post.method, post.path, post.body.decode()) == ("POST", "/v1/statement", "SELECT 'é'")
    assert post.header("x-trino-user") == "ann"
    assert post.header("authorization") == "Basic Z2F0ZXdheTpzZWNyZXQ="


@pytest.mark.asyncio
async def test_polls_carry_the_credentials_and_nothing_of_the_session() -> None:
    async with relay([reply(page(2))], credentials=Basic("gateway", "secret")) as (engine, upstream):
        await engine.page(CURSOR)
    (poll,) = upstream.seen
    assert (poll.method, poll.path) == ("GET", CURSOR)
    assert {name for name, _ in poll.headers} == {"host", "accept-encoding", "user-agent", "authorization"}


@pytest.mark.asyncio
async def test_a_page_is_relayed_with_its_rows_counted_and_its_session_effects() -> None:
    answer = reply(
        page(2, data=[[1], [2]]), "200 OK", "X-Trino-Set-Schema: sf1", "WWW-Authenticate: Basic", "Set-Cookie: a=b"
    )
    async with relay([answer]) as (engine, _):
        got = await engine.page(CURSOR)
    assert (got.members["data"], got.rows, got.bytes, got.next) == (b"[[1],[2]]", 2, 9, page_path(2))
    assert got.headers == (("X-Trino-Set-Schema", "sf1"),)


@pytest.mark.asyncio
async def test_a_failed_query_is_a_page_with_an_error_not_a_refusal() -> None:
    error = {"errorName": "DIVISION_BY_ZERO", "message": "Division by zero"}
    async with relay([reply(page(None, error=error))]) as (engine, _):
        got = await engine.page(CURSOR)
    assert got.failed == "DIVISION_BY_ZERO"
    assert json.loads(got.members["error"]) == error


@pytest.mark.asyncio
async def test_an_engine_that_fails_a_statement_at_once_is_heard() -> None:
    async with relay([reply(page(None, error={"errorName": "X"}))]) as (engine, _):
        submission = await engine.submit(STATEMENT, "q1")
    assert submission.page is not None
    assert submission.page.failed == "X"


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "kind"), [("404 Not Found", PageUnknown), ("410 Gone", PageGone)])
async def test_what_the_engine_no_longer_knows_is_passed_on(status: str, kind: type[Exception]) -> None:
    async with relay([reply(b"x", status)]) as (engine, _):
        with pytest.raises(kind):
            await engine.page(CURSOR)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "hiccup",
    [
        reply(b"", "503 Service Unavailable"),
        reply(b"", "502 Bad Gateway"),
        reply(b"", "504 Gateway Timeout"),
        reply(b"", "429 Too Many Requests"),
        raw(then="reset"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", then="close"),
        raw(then="hang"),
    ],
    ids=["503", "502", "504", "429", "reset", "dies mid-page", "hangs once"],
)
async def test_a_poll_waits_out_a_short_outage(hiccup: Reply) -> None:
    async with relay([hiccup, reply(page(2, data=[[1]]))], recover_seconds=3.0) as (engine, upstream):
        assert (await engine.page(CURSOR)).rows == 1
    assert [seen.path for seen in upstream.seen] == [CURSOR, CURSOR]


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", [reply(b"", "503 Service Unavailable"), raw(then="close")], ids=["503", "closes"])
async def test_an_engine_lost_for_good_ends_the_query(answer: Reply) -> None:
    async with relay([answer] * 50) as (engine, _):
        with pytest.raises(Refusal) as caught:
            await engine.page(CURSOR)
    assert caught.value.code is ErrorCode.REMOTE_HOST_GONE


NONSENSE = {
    "HTML": reply(b"<html>Welcome</html>"),
    "a page of another query": reply(page(2).replace(QUERY.encode(), b"20990101_000000_00001_zzzzz")),
    "a server error": reply(b"NullPointerException at io.trino", "500 Internal Server Error"),
    "a redirect": reply(b"", "302 Found", "Location: http://169.254.169.254/"),
    "no content": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "an empty page": reply(b""),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "an address elsewhere": reply(page(2).replace(page_path(2).encode(), b"/v1/node")),
    "spooled segments": reply(page(2).replace(b'"stats"', b'"data":{"encoding":"json","segments":[]},"stats"')),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_is_refused_and_nothing_of_it_is_shown(answer: Reply) -> None:
    async with relay([answer]) as (engine, upstream):
        with pytest.raises(Refusal) as caught:
            await engine.page(CURSOR)
        assert len(upstream.seen) == 1
    assert caught.value.code is ErrorCode.GENERIC_EXTERNAL
    assert caught.value.text == "The engine gave an answer that is no Trino result"


@pytest.mark.asyncio
async def test_a_page_beyond_all_bounds_is_refused() -> None:
    async with relay([reply(page(2, data=[["x" * 5000]]))], max_page=1000) as (engine, _):
        with pytest.raises(Refusal) as caught:
            await engine.page(CURSOR)
    assert caught.value.code is ErrorCode.GENERIC_INSUFFICIENT_RESOURCES


REJECTIONS = [
    (reply(b"", "503 Service Unavailable"), ErrorCode.NO_NODES_AVAILABLE),
    (reply(b"", "401 Unauthorized", "WWW-Authenticate: Basic"), ErrorCode.GENERIC_EXTERNAL),
    (reply(b"Access Denied: User gateway cannot impersonate user ann", "403 Forbidden"), ErrorCode.GENERIC_EXTERNAL),
    (reply(b"Invalid X-Trino-Session header", "400 Bad Request"), ErrorCode.GENERIC_USER_ERROR),
    (raw(then="close"), ErrorCode.REMOTE_HOST_GONE),
    (raw(then="hang"), ErrorCode.REMOTE_HOST_GONE),
    (raw(b"garbage\r\n\r\n", then="close"), ErrorCode.GENERIC_EXTERNAL),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "code"), REJECTIONS, ids=["503", "401", "403", "400", "closes", "hangs", "speaks no HTTP"]
)
async def test_a_statement_is_posted_once_whatever_becomes_of_it(answer: Reply, code: ErrorCode) -> None:
    async with relay([answer, reply(page(1))]) as (engine, upstream):
        with pytest.raises(Refusal) as caught:
            await engine.submit(STATEMENT, "q1")
        assert [seen.method for seen in upstream.seen] == ["POST"]
    assert caught.value.code is code
    assert not any(word in caught.value.text for word in ("gateway cannot", "127.0.0.1", "X-Trino"))


@pytest.mark.asyncio
async def test_an_engine_that_is_down_is_named_without_its_address() -> None:
    async with relay([]) as (engine, upstream):
        down = TrinoEngine("main", ("tpch",), upstream.url)
        await engine.close()
    with pytest.raises(Refusal) as caught:
        await down.submit(STATEMENT, "q1")
    assert caught.value.code is ErrorCode.NO_NODES_AVAILABLE
    assert caught.value.text == "The engine main does not answer"


@pytest.mark.asyncio
async def test_a_session_that_headers_cannot_carry_is_refused() -> None:
    async with relay([]) as (engine, upstream):
        for user in ("ann\r\nX-Trino-Role: system=ROLE{admin}", "☃"):
            with pytest.raises(Refusal) as caught:
                await engine.submit(EngineStatement("SELECT 1", user, None, None, "UTC"), "q1")
            assert caught.value.code is ErrorCode.INVALID_ARGUMENTS
    assert not upstream.seen


CURSORS = [
    "",
    "/",
    "/v1/info",
    "/v1/query/x",
    f"http://elsewhere{CURSOR}",
    f"{CURSOR}/../../../../v1/node",
    CURSOR + "\r\nX: y",
]


@pytest.mark.asyncio
@pytest.mark.parametrize("cursor", CURSORS)
async def test_a_cursor_reaches_nothing_but_pages(cursor: str) -> None:
    async with relay([]) as (engine, upstream):
        for ask in (engine.page, engine.heartbeat, engine.cancel):
            with pytest.raises(PageUnknown):
                await ask(cursor)
    assert not upstream.connections


@pytest.mark.asyncio
@pytest.mark.parametrize("status", ["204 No Content", "404 Not Found", "410 Gone"])
async def test_a_cancel_is_repeated_until_the_engine_confirms_it(status: str) -> None:
    confirmed = raw(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    failures = [raw(then="reset"), reply(b"", "503 Service Unavailable")]
    async with relay([*failures, confirmed], cancel_seconds=5.0) as (engine, upstream):
        await engine.cancel(CURSOR)
    assert [(seen.method, seen.path) for seen in upstream.seen] == [("DELETE", CURSOR)] * 3


@pytest.mark.asyncio
async def test_a_cancel_that_is_never_confirmed_says_so() -> None:
    async with relay([reply(b"", "500 Internal Server Error")] * 20) as (engine, _):
        with pytest.raises(Refusal) as caught:
            await engine.cancel(CURSOR)
    assert caught.value.code is ErrorCode.REMOTE_HOST_GONE


@pytest.mark.asyncio
async def test_one_stage_can_be_cancelled() -> None:
    path = f"/v1/statement/executing/partialCancel/{QUERY}/2/{SLUG}/1"
    async with relay([raw(b"HTTP/1.1 204 No Content\r\n\r\n")]) as (engine, upstream):
        await engine.cancel(path)
    assert upstream.seen[0].path == path


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "alive"),
    [
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), True),
        (raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 36\r\n\r\n"), False),
        (raw(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), False),
        (raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), True),
        (raw(then="close"), True),
    ],
    ids=["200", "404", "410", "503", "closed"],
)
async def test_a_heartbeat_is_relayed_as_head_and_only_a_clear_no_is_a_no(answer: Reply, alive: bool) -> None:
    async with relay([answer]) as (engine, upstream):
        assert await engine.heartbeat(CURSOR) is alive
    assert upstream.seen[0].method == "HEAD"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (reply(b'{"starting":false,"nodeVersion":{"version":"476"}}'), True),
        (reply(b'{"starting":true}'), False),
        (reply(b"{}"), False),
        (reply(b"[]"), False),
        (reply(b"<html>"), False),
        (reply(b'{"starting":false}', "503 Service Unavailable"), False),
        (raw(then="hang"), False),
    ],
    ids=["up", "starting", "unclear", "a list", "HTML", "503", "hangs"],
)
async def test_health_is_what_the_coordinator_says(answer: Reply, healthy: bool) -> None:
    async with relay([answer]) as (engine, _):
        assert (await engine.health()).healthy is healthy


@pytest.mark.asyncio
async def test_many_polls_at_once_share_the_pool() -> None:
    async with relay([reply(page(2, data=[[1]]))] * 200, connections=8) as (engine, upstream):
        pages = await asyncio.gather(*(engine.page(CURSOR) for _ in range(200)))
    assert sum(got.rows for got in pages) == 200
    assert upstream.connections <= 8
