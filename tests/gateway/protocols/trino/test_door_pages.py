"""GET, HEAD and DELETE on pages: tokens, retries, owners, cancels, abandonment, lost engines."""

from __future__ import annotations

import asyncio
import re
import tracemalloc

import pytest

from engines.base import ResultPage
from tests.gateway.protocols.trino.harness import PAGES, page, renumbered, same, site, wait_for


@pytest.mark.asyncio
async def test_the_last_page_can_be_read_again_byte_for_byte_and_the_engine_is_asked_once() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        for _ in PAGES:
            first = await at.get(uri)
            assert same(first, await at.get(uri))
            uri = first.json.get("nextUri", uri)
        assert len(at.engine.asked) == len(PAGES)


@pytest.mark.asyncio
async def test_an_older_page_is_gone_and_a_page_not_yet_due_is_unknown() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uris = [(await at.post()).json["nextUri"]]
        for _ in range(3):
            uris.append((await at.get(uris[-1])).json["nextUri"])
        assert (await at.get(uris[1])).status == 410
        assert (await at.get(renumbered(uris[3], +1))).status == 404
        assert (await at.get(renumbered(uris[3], +1000))).status == 404
        assert (await at.get(renumbered(uris[3], -2))).status == 410
        assert (await at.get(uris[3])).status == 200


@pytest.mark.asyncio
async def test_a_queued_page_stays_readable_until_it_is_two_behind() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page(state="QUEUED"), page(state="QUEUED"), page([[1, "a"]]), page()]
        uris = [(await at.post()).json["nextUri"]]
        for _ in range(3):
            uris.append((await at.get(uris[-1])).json["nextUri"])
        stages = [re.search(r"/statement/(\w+)/", uri) for uri in uris]
        assert [match and match.group(1) for match in stages] == ["queued", "queued", "queued", "executing"]
        assert (await at.get(uris[0])).status == 410
        assert (await at.get(uris[2])).status == 200
        assert (await at.get(uris[3])).status == 200
        assert (await at.get(uris[2])).status == 200


@pytest.mark.asyncio
async def test_after_the_last_page_there_is_no_next_one() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES[:1]
        uri = (await at.post()).json["nextUri"]
        assert "nextUri" not in (await at.get(uri)).json
        assert (await at.get(uri)).status == 200
        assert (await at.get(renumbered(uri, +1))).status == 404
        assert (await at.get(renumbered(uri, -1))).status == 410


@pytest.mark.asyncio
async def test_two_pollers_of_one_page_get_the_same_and_the_engine_is_asked_once() -> None:
    async with site() as at:
        ready = asyncio.Event()
        at.engine.scripts["select"] = [wait_for(ready, page([[1, "a"]])), page()]
        uri = (await at.post()).json["nextUri"]
        pollers = [asyncio.create_task(at.get(uri)) for _ in range(5)]
        await asyncio.sleep(0.05)
        ready.set()
        answers = await asyncio.gather(*pollers)
        assert all(same(answers[0], answer) for answer in answers)
        assert len(at.engine.asked) == 1


@pytest.mark.asyncio
async def test_head_keeps_the_query_alive_on_the_engine_and_never_advances() -> None:
    """trino-gateway #937, trino-lb #100: HEAD missing, or turned into GET so that a heartbeat consumed a page."""
    async with site(abandon_seconds=100) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.get((await at.post()).json["nextUri"])).json["nextUri"]
        for _ in range(5):
            at.clock.now += 60
            beat = await at.get(uri, method="HEAD")
            assert (beat.status, beat.body) == (200, b"")
        assert len(at.engine.asked) == 1
        assert len(at.engine.heartbeats) == 5
        assert (await at.get(uri)).json["data"] == [[2, "b"]]


@pytest.mark.asyncio
async def test_head_on_the_last_page_is_still_200() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES[:1]
        uri = (await at.post()).json["nextUri"]
        await at.get(uri)
        assert (await at.get(uri, method="HEAD")).status == 200


# --- whose page it is -------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_large_page_passes_whole_with_the_right_length() -> None:
    """trino-gateway #749, #786, #652: whole-body limits and stale lengths."""
    async with site() as at:
        row = [1, "x" * 20_000_000]
        at.engine.scripts["select"] = [page([row])]
        for accept in ("identity", "gzip"):
            uri = (await at.post()).json["nextUri"]
            answer = await at.get(uri, "alice", ("Accept-Encoding", accept))
            assert int(answer.header("Content-Length") or 0) == len(answer.body)
            if accept == "identity":
                assert answer.json["data"] == [row]


@pytest.mark.asyncio
async def test_a_long_result_costs_the_memory_of_a_few_pages() -> None:
    """trino-gateway #749: whole bodies buffered. Here 60 MB of pages pass; what is kept at a time is bounded."""

    async def megabyte() -> ResultPage:
        return page([[1, "x" * 1_000_000]])

    async with site() as at:
        at.engine.scripts["select"] = [megabyte] * 60
        uri = (await at.post()).json["nextUri"]
        tracemalloc.start()
        try:
            while uri is not None:
                answer = await at.get(uri)
                uri = answer.json.get("nextUri")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert at.finished[0].bytes > 60_000_000
        assert peak < 20_000_000


@pytest.mark.asyncio
async def test_a_first_page_full_of_rows_is_not_kept_beside_the_next() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page([[1, "x" * 100_000]]), page(), page(), page()]
        first = (await at.post()).json["nextUri"]
        second = (await at.get(first)).json["nextUri"]
        await at.get(second)
        assert (await at.get(first)).status == 410
