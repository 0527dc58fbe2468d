"""The catalog under change: what was read before a change never replaces what was read after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from catalog.cache import CatalogCache, Refreshed
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import TrinoType

ORDERS = TableName("lake", "sales", "orders")


def orders(version: str) -> Table:
    return Table(ORDERS, (Column("id", TrinoType("bigint")),), "lake", version=version)


class Source:
    """An engine whose answers are taken when asked and arrive when the test lets them."""

    name = "lake"
    catalogs = ("lake",)

    def __init__(self) -> None:
        self.there: dict[TableName, Table] = {ORDERS: orders("1")}
        self.schemata = ["sales"]
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def _arrive(self) -> None:
        gate = self.gate
        if self.error is not None:
            raise self.error
        await gate.wait()

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        found = [SchemaName(catalog, each) for each in self.schemata]
        await self._arrive()
        return found

    async def tables(self, catalog: str) -> Sequence[Table]:
        found = list(self.there.values())
        await self._arrive()
        return found

    async def describe(self, name: TableName) -> Table | None:
        found = self.there.get(name)
        await self._arrive()
        return found


def shut(source: Source) -> asyncio.Event:
    """Let what is asked from now on wait; return its gate."""
    source.gate = asyncio.Event()
    return source.gate


def reopened(source: Source) -> None:
    source.gate = asyncio.Event()
    source.gate.set()


@pytest.mark.asyncio
async def test_a_description_from_before_a_change_does_not_replace_the_one_after() -> None:
    source = Source()
    cache = CatalogCache([source])
    gate = shut(source)
    early = asyncio.create_task(cache.fetch(ORDERS))
    await asyncio.sleep(0.01)
    source.there.clear()
    reopened(source)
    await cache.invalidate(ORDERS)
    gate.set()
    await early
    assert cache.get(ORDERS) is None


@pytest.mark.asyncio
async def test_a_listing_from_before_a_change_does_not_bring_back_what_went() -> None:
    source = Source()
    cache = CatalogCache([source])
    await cache.refresh("lake")
    gate = shut(source)
    early = asyncio.create_task(cache.refresh("lake"))
    await asyncio.sleep(0.01)
    source.there.clear()
    source.schemata = ["sales", "fresh"]
    reopened(source)
    await cache.invalidate(ORDERS)
    await cache.invalidate_catalog("lake")
    gate.set()
    await early
    assert cache.get(ORDERS) is None
    assert "fresh" in cache.schemas("lake")


@pytest.mark.asyncio
async def test_a_dropped_schema_takes_its_tables_along() -> None:
    source = Source()
    cache = CatalogCache([source])
    await cache.refresh("lake")
    source.schemata, source.there = [], {}
    await cache.invalidate_catalog("lake")
    assert cache.get(ORDERS) is None
    assert cache.schemas("lake") == frozenset()


@pytest.mark.asyncio
async def test_a_changed_table_that_cannot_be_read_is_forgotten() -> None:
    source = Source()
    cache = CatalogCache([source])
    await cache.refresh("lake")
    source.error = Refusal(ErrorCode.NO_NODES_AVAILABLE, "gone")
    with pytest.raises(Refusal):
        await cache.invalidate(ORDERS)
    assert cache.get(ORDERS) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), Refusal(ErrorCode.NO_NODES_AVAILABLE, "gone")])
async def test_no_error_of_an_engine_ends_the_background_refresh(error: Exception) -> None:
    source = Source()
    seen: list[Refreshed] = []
    cache = CatalogCache([source], refresh_seconds=0.01, observe=seen.append)
    source.error = error
    await cache.start()
    await asyncio.sleep(0.1)
    assert cache.tried
    source.error = None
    await asyncio.sleep(0.1)
    await cache.close()
    assert seen[0].error is not None
    assert seen[-1].error is None
    assert cache.get(ORDERS) is not None


@pytest.mark.asyncio
async def test_an_engine_that_hangs_does_not_keep_the_gateway_from_being_ready() -> None:
    source = Source()
    shut(source)
    cache = CatalogCache([source], describe_seconds=0.05)
    await cache.start()
    assert not cache.tried
    await asyncio.sleep(0.2)
    assert cache.tried
    assert not cache.complete
    await cache.close()
