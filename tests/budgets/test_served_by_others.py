"""A statement whose worker is gone stops where it would have: its page tokens say what it is held to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from catalog.errors import ErrorCode, Refusal
from engines.base import ResultPage
from gateway.budgets.bounds import Bounds, Reading, Running
from gateway.events import BudgetRefused
from tests.gateway.protocols.trino.harness import MemoryEngine, Site, page, site

pytestmark = pytest.mark.asyncio
LATE = Refusal(ErrorCode.EXCEEDED_TIME_LIMIT, "The query ran longer than 60 s, which cap short allows a query.")
READ_TEN = Reading(10, "small", "cap", "bytes", "cap small allows 10 B a query")


def read(size: int | None, *rows: Any, **more: Any) -> ResultPage:
    return replace(page(rows, **more), scanned_bytes=size)


@asynccontextmanager
async def orphaned(bounds: Bounds | None, *pages: ResultPage) -> AsyncIterator[tuple[Site, str, MemoryEngine]]:
    """Begin a statement at one of two workers, take that away, and yield the other with the next page's address."""
    engine = MemoryEngine(kind="trino", own_ids=True)
    engine.scripts["select"] = [read(0), *pages]
    workers: dict[str, str] = {}
    async with (
        site(engine, worker="aaaaa", workers=workers, ports={"bounds": lambda _: bounds}) as one,
        site(engine, worker="bbbbb", workers=workers) as two,
    ):
        uri = (await one.get((await one.post()).json["nextUri"])).json["nextUri"]
        yield two, uri, engine


async def test_who_serves_in_a_dead_workers_place_stops_what_reads_more_than_it_may() -> None:
    async with orphaned(Bounds(READ_TEN), read(10, [1, "a"]), read(11, [2, "b"]), read(12)) as (two, uri, engine):
        within = (await two.get(uri)).json
        assert within["data"] == [[1, "a"]]
        stopped = (await two.get(within["nextUri"])).json
        assert stopped["error"]["errorName"] == "EXCEEDED_SCAN_LIMIT"
        assert "cap small allows 10 B a query" in stopped["error"]["message"]
        assert "data" not in stopped
        assert "nextUri" not in stopped
        assert two.of(BudgetRefused) == [BudgetRefused("small", "cap", "bytes", stopped=True)]
    assert len(engine.cancelled) == 1


async def test_who_serves_in_a_dead_workers_place_stops_what_runs_longer_than_it_may() -> None:
    waiting = [read(None, state="RUNNING") for _ in range(3)]
    async with orphaned(Bounds(None, Running(1_800_000_060.0, "short", 60)), *waiting, read(1)) as (two, uri, engine):
        two.clock.now += 60
        within = (await two.get(uri)).json
        assert "error" not in within
        two.clock.now += 1
        stopped = (await two.get(within["nextUri"])).json
        assert stopped["error"]["errorName"] == "EXCEEDED_TIME_LIMIT"
        assert "cap short allows" in stopped["error"]["message"]
    assert len(engine.cancelled) == 1


async def test_what_is_on_the_last_page_is_given_out() -> None:
    async with orphaned(Bounds(READ_TEN), read(11, [1, "a"])) as (two, uri, engine):
        last = (await two.get(uri)).json
        assert (last["data"], last.get("error")) == ([[1, "a"]], None)
    assert engine.cancelled == []


async def test_what_nothing_holds_goes_on() -> None:
    async with orphaned(None, read(10**15, [1, "a"]), read(10**15)) as (two, uri, _):
        assert (await two.get(uri)).json["data"] == [[1, "a"]]


async def test_an_engine_that_counts_after_views_were_read_may_read_so_much_less() -> None:
    assert Bounds(READ_TEN).after(4).reading == replace(READ_TEN, most=6)
    assert Bounds(READ_TEN).after(40).reading == replace(READ_TEN, most=0)
    assert Bounds(None).after(4) == Bounds(None)


async def test_a_statement_that_runs_too_long_is_ended_though_nobody_asks_for_its_pages() -> None:
    told: list[tuple[str, int]] = []

    def watch(query_id: str, scanned: int) -> Refusal | None:
        told.append((query_id, scanned))
        return LATE if len(told) > 1 else None

    engine = MemoryEngine(kind="clickhouse")
    engine.scripts["select"] = [read(None, state="RUNNING"), read(None)]
    async with site(engine, ports={"watch": watch}) as at:
        uri = (await at.get((await at.post()).json["nextUri"])).json["nextUri"]
        at.door._door.queries.watch_all()
        assert [(each.outcome, each.error_code) for each in at.finished] == [("FAILED", "EXCEEDED_TIME_LIMIT")]
        assert (await at.get(uri)).json["error"]["errorName"] == "EXCEEDED_TIME_LIMIT"
    assert [scanned for _, scanned in told] == [0, 0]
    assert len(engine.cancelled) == 1


async def test_an_engine_that_does_not_say_what_it_reads_is_watched_for_its_time() -> None:
    engine = MemoryEngine(kind="clickhouse")
    engine.scripts["select"] = [read(None, state="RUNNING"), read(None, [1, "a"])]
    async with site(engine, ports={"watch": lambda _, __: LATE}) as at:
        assert (await at.get((await at.post()).json["nextUri"])).json["error"]["errorName"] == "EXCEEDED_TIME_LIMIT"
    assert len(engine.cancelled) == 1
