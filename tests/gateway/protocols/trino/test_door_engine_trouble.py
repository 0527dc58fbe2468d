"""Engines that are lost, come back, fail midway, or say something at the wrong time."""

from __future__ import annotations

import asyncio

import pytest

from catalog.errors import ErrorCode
from engines.base import ResultPage, Submission
from engines.executions import PageGone, PageUnknown
from tests.gateway.protocols.trino.harness import PAGES, MemoryEngine, failed_page, page, refusal, site


@pytest.mark.parametrize("code", [ErrorCode.REMOTE_HOST_GONE, ErrorCode.NO_NODES_AVAILABLE])
@pytest.mark.asyncio
async def test_a_lost_engine_is_503_while_it_may_come_back_then_an_error_page_and_never_500(code: ErrorCode) -> None:
    async with site(lost_engine_polls=2) as at:
        at.engine.scripts["select"] = [refusal(code, "The engine was lost at 10.0.0.5"), page()]
        uri = (await at.post()).json["nextUri"]
        for _ in range(2):
            answer = await at.get(uri)
            assert (answer.status, answer.header("Retry-After")) == (503, "1")
        last = await at.get(uri)
        assert (last.status, last.json["error"]["errorName"]) == (200, "REMOTE_HOST_GONE")
        assert b"10.0.0.5" not in last.body
        assert [(r.outcome, r.error_code) for r in at.finished] == [("FAILED", "REMOTE_HOST_GONE")]


@pytest.mark.asyncio
async def test_an_engine_that_comes_back_goes_on_where_it_was() -> None:
    async with site() as at:
        failures = [refusal(ErrorCode.REMOTE_HOST_GONE)]

        async def flapping() -> ResultPage | BaseException:
            return failures.pop() if failures else page([[1, "a"]])

        at.engine.scripts["select"] = [flapping, page()]
        uri = (await at.post()).json["nextUri"]
        assert [(await at.get(uri)).status for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("trouble", "name"),
    [
        (refusal(ErrorCode.GENERIC_EXTERNAL, "no Trino result"), "GENERIC_EXTERNAL"),
        (ZeroDivisionError("secret 10.0.0.5"), "GENERIC_INTERNAL_ERROR"),
        (PageUnknown("x"), "REMOTE_HOST_GONE"),
        (refusal(ErrorCode.EXCEEDED_TIME_LIMIT, "too long"), "EXCEEDED_TIME_LIMIT"),
    ],
    ids=["nonsense", "bug", "forgotten", "too long"],
)
@pytest.mark.asyncio
async def test_an_engine_that_fails_midway_ends_the_query_with_an_error_page(trouble: BaseException, name: str) -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page([[1, "a"]]), trouble, page()]
        answers = await at.run()
        error = answers[-1].json["error"]
        assert (answers[-1].status, error["errorName"], "secret" in str(error)) == (200, name, False)
        assert [(r.outcome, r.error_code, r.rows) for r in at.finished] == [("FAILED", name, 1)]


@pytest.mark.asyncio
async def test_a_page_the_engine_no_longer_has_is_gone() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [PageGone("x"), page()]
        assert (await at.get((await at.post()).json["nextUri"])).status == 410


@pytest.mark.asyncio
async def test_what_the_engine_said_on_submission_is_told_on_the_first_page() -> None:
    class Hasty(MemoryEngine):
        async def submit(self, statement: object, query_id: str) -> Submission:
            last = failed_page("QUERY_QUEUE_FULL", 131074, "INSUFFICIENT_RESOURCES", "Too many queued queries")
            return Submission(
                "20260101_000000_00009_trino", "", ResultPage(last.members, None, failed="QUERY_QUEUE_FULL")
            )

    async with site(Hasty(kind="trino")) as at:
        first, second = await at.run()
        assert first.json["stats"]["state"] == "QUEUED"
        assert second.json["error"]["message"] == "Too many queued queries"
        assert [(r.outcome, r.error_code) for r in at.finished] == [("FAILED", "QUERY_QUEUE_FULL")]


@pytest.mark.asyncio
async def test_an_engine_that_changes_the_columns_midway_ends_the_query() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page([[1, "a"]]), page([["b", 2]], columns=[{"name": "word"}]), PAGES[-1]]
        answers = await at.run()
        assert [answer.json.get("data") for answer in answers] == [None, [[1, "a"]], None]
        assert answers[-1].json["error"]["errorName"] == "GENERIC_EXTERNAL"
        async with asyncio.timeout(10):
            while not at.engine.cancelled:
                await asyncio.sleep(0.01)
        assert [row.outcome for row in at.finished] == ["FAILED"]
