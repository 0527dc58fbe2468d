"""How queries end before their time: cancelled, abandoned, forgotten; and stages that end alone."""

from __future__ import annotations

import asyncio

import pytest

from catalog.errors import ErrorCode
from tests.gateway.protocols.trino.harness import PAGES, MemoryEngine, page, refusal, same, site, wait_for


@pytest.mark.asyncio
async def test_delete_is_204_at_once_and_again_and_the_next_page_says_user_canceled() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.get((await at.post()).json["nextUri"])).json["nextUri"]
        for _ in range(3):
            answer = await at.delete(uri)
            assert (answer.status, answer.body) == (204, b"")
        last = await at.get(uri)
        assert (last.status, last.json["error"]["errorName"], "nextUri" in last.json) == (200, "USER_CANCELED", False)
        assert same(last, await at.get(uri))
        assert len(at.engine.cancelled) == 1
        assert [(r.outcome, r.error_code, r.rows) for r in at.finished] == [("CANCELED", "USER_CANCELED", 1)]


@pytest.mark.asyncio
async def test_delete_after_the_end_is_204_and_changes_nothing() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES[:1]
        uri = (await at.post()).json["nextUri"]
        last = await at.get(uri)
        assert (await at.delete(uri)).status == 204
        assert same(last, await at.get(uri))
        assert ([r.outcome for r in at.finished], at.engine.cancelled) == (["FINISHED"], [])


@pytest.mark.asyncio
async def test_delete_works_with_the_address_of_an_older_page() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        oldest = (await at.post()).json["nextUri"]
        await at.get((await at.get(oldest)).json["nextUri"])
        assert (await at.delete(oldest)).status == 204
        assert [r.outcome for r in at.finished] == ["CANCELED"]


@pytest.mark.asyncio
async def test_delete_wakes_a_poll_that_waits_for_the_engine() -> None:
    async with site() as at:
        never = asyncio.Event()
        at.engine.scripts["select"] = [wait_for(never, page()), page()]
        uri = (await at.post()).json["nextUri"]
        waiting = asyncio.create_task(at.get(uri))
        await asyncio.sleep(0.05)
        assert (await at.delete(uri)).status == 204
        answer = await asyncio.wait_for(waiting, 1)
        assert answer.json["error"]["errorName"] == "USER_CANCELED"


@pytest.mark.asyncio
async def test_a_cancel_that_the_engine_does_not_confirm_is_repeated() -> None:
    class Deaf(MemoryEngine):
        async def cancel(self, cursor: str) -> None:
            await super().cancel(cursor)
            if len(self.cancelled) < 2:
                raise refusal(ErrorCode.REMOTE_HOST_GONE)

    async with site(Deaf()) as at:
        at.engine.scripts["select"] = PAGES
        await at.delete((await at.post()).json["nextUri"])
        for _ in range(100):
            if len(at.engine.cancelled) == 2:
                break
            await asyncio.sleep(0.02)
        assert len(at.engine.cancelled) == 2


@pytest.mark.asyncio
async def test_a_query_nobody_asks_for_is_cancelled_and_recorded_as_abandoned() -> None:
    """Superset #34992: undrained queries stay FINISHING."""
    async with site(abandon_seconds=0.2, real_time=True) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.get((await at.post()).json["nextUri"])).json["nextUri"]
        for _ in range(100):
            if at.finished:
                break
            await asyncio.sleep(0.02)
        assert [(r.outcome, r.error_code) for r in at.finished] == [("ABANDONED", "ABANDONED_QUERY")]
        await asyncio.sleep(0.02)
        assert len(at.engine.cancelled) == 1
        assert (await at.get(uri)).json["error"]["errorName"] == "ABANDONED_QUERY"


@pytest.mark.asyncio
async def test_polling_keeps_a_query_from_being_abandoned() -> None:
    async with site(abandon_seconds=0.3, real_time=True) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        for _ in range(8):
            await at.get(uri)
            await asyncio.sleep(0.1)
        assert at.finished == []


@pytest.mark.asyncio
async def test_an_ended_query_is_kept_within_bounds_then_gone() -> None:
    async with site(kept_queries=3) as at:
        at.engine.scripts["select"] = PAGES[:1]
        uris = []
        for _ in range(5):
            uris.append((await at.post()).json["nextUri"])
            await at.get(uris[-1])
        assert [(await at.get(uri)).status for uri in uris] == [410, 410, 200, 200, 200]
        assert [(await at.delete(uri)).status for uri in uris] == [204] * 5


@pytest.mark.asyncio
async def test_the_last_pages_kept_are_bounded_in_bytes() -> None:
    async with site(kept_bytes=250_000) as at:
        at.engine.scripts["select"] = [page([[1, "x" * 100_000]])]
        uris = []
        for _ in range(4):
            uris.append((await at.post()).json["nextUri"])
            await at.get(uris[-1])
        assert [(await at.get(uri)).status for uri in uris] == [410, 410, 200, 200]


# --- what engines do wrong --------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_partial_cancel_ends_one_stage_and_the_query_goes_on() -> None:
    async with site(MemoryEngine(kind="trino", own_ids=True)) as at:
        at.engine.scripts["select"] = [page([[1, "a"]], partial_cancel="stage/0"), page(state="FINISHED")]
        first = await at.get((await at.post()).json["nextUri"])
        partial = first.json["partialCancelUri"]
        assert "/v1/statement/executing/partialCancel/" in partial
        assert (await at.delete(partial, "bob")).status == 404
        assert (await at.get(partial)).status == 405
        assert (await at.delete(partial)).status == 204
        await asyncio.sleep(0.01)
        assert at.engine.cancelled == ["stage/0"]
        assert "error" not in (await at.get(first.json["nextUri"])).json
        page_token = first.json["nextUri"].split("/")[-2]
        as_page = partial.replace("executing/partialCancel", "executing")
        assert (await at.get(as_page)).status == 404
        as_partial = "/".join([*partial.split("/")[:-2], page_token, "0"])
        assert (await at.delete(as_partial)).status == 404
        assert [r.outcome for r in at.finished] == ["FINISHED"]


# --- what engines say -------------------------------------------------------------------------------------------
