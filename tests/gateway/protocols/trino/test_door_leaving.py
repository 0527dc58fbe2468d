"""Draining: new statements go elsewhere, running ones finish, and what is left is recorded."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.protocols.trino.harness import TWO_PAGES, MemoryEngine, site
from tests.gateway.protocols.wire import ask


@pytest.mark.asyncio
async def test_draining_turns_new_statements_away_and_lets_running_ones_finish() -> None:
    async with site(real_time=True) as at:
        at.engine.scripts["select"] = TWO_PAGES
        running = await at.post()
        draining = asyncio.create_task(at.door.drain(5))
        await asyncio.sleep(0.01)
        refused = await at.post()
        assert (refused.status, refused.header("Retry-After")) == (503, "5")
        assert (await ask(at.port, "GET", "/v1/info/state")).json == "SHUTTING_DOWN"
        while "nextUri" in running.json:
            running = await at.get(running.json["nextUri"])
        assert await draining == 0
        assert [r.outcome for r in at.finished] == ["FINISHED"]


@pytest.mark.asyncio
async def test_what_still_runs_at_the_end_of_a_drain_is_recorded_and_cancelled() -> None:
    async with site(real_time=True) as at:
        at.engine.scripts["select"] = TWO_PAGES
        await at.post()
        assert await at.door.drain(0.1) == 1
        await at.door.close()
        assert [(r.outcome, r.error_code) for r in at.finished] == [("CANCELED", "SERVER_SHUTTING_DOWN")]
        assert len(at.engine.cancelled) == 1


@pytest.mark.asyncio
async def test_what_an_engine_of_its_own_still_runs_is_left_running_for_other_replicas() -> None:
    async with site(MemoryEngine(kind="trino", own_ids=True)) as at:
        at.engine.scripts["select"] = TWO_PAGES
        await at.post()
        await at.door.close()
        assert [(r.outcome, r.error_code) for r in at.finished] == [("CUT_OFF", "SERVER_SHUTTING_DOWN")]
        assert at.engine.cancelled == []
