"""The catalog in memory: found at first use, asked once, kept while unchanged, never waited for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from catalog.cache import CatalogCache, Refreshed
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import TrinoType

BIGINT = TrinoType("bigint")


def table(name: str, *columns: str, version: str = "1") -> Table:
    full = TableName("lake", "sales", name)
    return Table(full, tuple(Column(c, BIGINT) for c in columns or ("id",)), "lake", version=version)


class Engine:
    """A source whose contents the test changes and whose calls it counts."""

    name = "lake"
    catalogs = ("lake",)

    def __init__(self, *tables: Table) -> None:
        self.there = {t.name: t for t in tables}
        self.described: list[TableName] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        return [SchemaName(catalog, "sales")]

    async def tables(self, catalog: str) -> Sequence[Table]:
        await self.gate.wait()
        if self.broken:
            raise Refusal(ErrorCode.NO_NODES_AVAILABLE, "gone", detail="connection refused")
        return [replace(t) for t in self.there.values()]

    async def describe(self, name: TableName) -> Table | None:
        self.described.append(name)
        await asyncio.sleep(0)
        return self.there.get(name)


ORDERS, TRADES = TableName("lake", "sales", "orders"), TableName("lake", "sales", "trades")


@pytest.mark.asyncio
async def test_an_unchanged_table_keeps_its_object_over_a_refresh() -> None:
    engine = Engine(table("orders"), table("trades"))
    cache = CatalogCache([engine])
    await cache.refresh("lake")
    before, generation = cache.get(ORDERS), cache.generation
    await cache.refresh("lake")
    assert cache.get(ORDERS) is before
    assert cache.generation == generation
    engine.there[ORDERS] = table("orders", "id", "amount", version="2")
    await cache.refresh("lake")
    assert cache.get(ORDERS) is not before
    assert cache.generation > generation


@pytest.mark.asyncio
async def test_a_table_made_elsewhere_is_found_at_first_use() -> None:
    engine = Engine()
    cache = CatalogCache([engine])
    await cache.refresh("lake")
    engine.there[ORDERS] = table("orders")
    assert await cache.fetch(ORDERS) is not None


@pytest.mark.asyncio
async def test_a_hundred_callers_cost_one_question() -> None:
    engine = Engine(table("orders"))
    cache = CatalogCache([engine])
    found = await asyncio.gather(*(cache.fetch(ORDERS) for _ in range(100)))
    assert all(each is found[0] for each in found)
    assert engine.described == [ORDERS]


@pytest.mark.asyncio
async def test_a_caller_that_gives_up_does_not_spoil_the_answer_of_the_others() -> None:
    engine = Engine(table("orders"))
    cache = CatalogCache([engine])
    first, second = asyncio.create_task(cache.fetch(ORDERS)), asyncio.create_task(cache.fetch(ORDERS))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


@pytest.mark.asyncio
async def test_a_missing_name_is_not_asked_for_again_at_once() -> None:
    now = [0.0]
    engine = Engine()
    cache = CatalogCache([engine], clock=lambda: now[0], missing_seconds=1.0)
    assert await cache.fetch(ORDERS) is None
    assert await cache.fetch(ORDERS) is None
    assert len(engine.described) == 1
    now[0] = 2.0
    engine.there[ORDERS] = table("orders")
    assert await cache.fetch(ORDERS) is not None


@pytest.mark.asyncio
async def test_an_invalidated_table_is_read_again_before_anyone_sees_it() -> None:
    engine = Engine(table("orders"))
    cache = CatalogCache([engine])
    await cache.fetch(ORDERS)
    engine.there[ORDERS] = table("orders", "id", "amount", version="2")
    await cache.invalidate(ORDERS)
    known = cache.get(ORDERS)
    assert known is not None
    assert len(known.columns) == 2
    del engine.there[ORDERS]
    await cache.invalidate(ORDERS)
    assert cache.get(ORDERS) is None


@pytest.mark.asyncio
async def test_a_listing_that_began_before_a_change_does_not_undo_it() -> None:
    engine = Engine(table("orders"))
    ticks = iter(range(1000))
    cache = CatalogCache([engine], clock=lambda: float(next(ticks)))
    await cache.refresh("lake")
    engine.gate.clear()
    listing = asyncio.create_task(cache.refresh("lake"))
    await asyncio.sleep(0)
    old = dict(engine.there)
    engine.there[TRADES] = table("trades")
    await cache.invalidate(TRADES)
    engine.there = old  # what the slow listing will report
    engine.gate.set()
    await listing
    assert cache.get(TRADES) is not None


@pytest.mark.asyncio
async def test_a_broken_engine_keeps_the_last_good_listing_and_reports_why() -> None:
    reports: list[Refreshed] = []
    engine = Engine(table("orders"))
    cache = CatalogCache([engine], observe=reports.append)
    await cache.refresh("lake")
    engine.broken = True
    await cache.refresh("lake")
    assert cache.get(ORDERS) is not None
    assert reports[-1].error == "connection refused"


@pytest.mark.asyncio
async def test_ten_thousand_tables_cost_no_statement_a_wait() -> None:
    engine = Engine(*(table(f"t{number}") for number in range(10_000)))
    cache = CatalogCache([engine])
    engine.gate.clear()  # the listing is still being read
    await cache.start()
    async with asyncio.timeout(1):
        assert await cache.fetch(TableName("lake", "sales", "t7")) is not None
    engine.gate.set()
    while not cache.complete:
        await asyncio.sleep(0.01)
    assert len(cache.tables("lake", "sales")) == 10_000
    await cache.close()
