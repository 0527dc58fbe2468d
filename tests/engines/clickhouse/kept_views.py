"""Views' tables in the ClickHouse of this process: the engine, a name for a view, and how one is filled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import msgspec
import pytest_asyncio

from catalog.materialized_views import Definition, Watermark
from catalog.objects import TableName
from catalog.view_documents import Document
from engines.clickhouse.engine import ClickHouseEngine
from engines.views import Filled, Filling
from tests.real.clickhouse import embedded

BASE = TableName("iceberg", "grid", "lmp")
MARK = Watermark({BASE: "7"}, 12.5)


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[ClickHouseEngine]:
    async with embedded() as opened:
        yield opened


@pytest_asyncio.fixture
async def view(engine: ClickHouseEngine) -> TableName:
    await run(engine, "CREATE DATABASE IF NOT EXISTS filling")
    return TableName("ch", "filling", f"v_{uuid4().hex[:8]}")


def filling(view: TableName, columns: Sequence[Filled], order_by: Sequence[str] = ("k",)) -> Filling:
    states = tuple(column.state for column in columns if column.state is not None)
    document = Document(Definition(view, "SELECT 1", states=states), None, {c.name: c.type for c in columns})
    return Filling(document, tuple(columns), tuple(order_by))


async def pages(*each: list[list[object]]) -> AsyncIterator[bytes]:
    for rows in each:
        yield msgspec.json.encode(rows)


async def run(engine: ClickHouseEngine, sql: str) -> None:
    await engine._connection.run(sql, {})
