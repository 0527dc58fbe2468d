"""A lake with a table of prices, and the ClickHouse in this process that keeps views over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as IcebergTable

from catalog.cache import CatalogCache
from catalog.materialized_views import Definition, ForeignKey, Key, State
from catalog.objects import TableName
from engines.base import Engine
from engines.clickhouse.engine import ClickHouseEngine
from engines.lake.engine import LakeEngine
from gateway.views.finding import Finder
from gateway.views.freshness import FreshnessOf, Histories
from gateway.views.looking import Looking
from gateway.views.proving import Prover
from tests.real.clickhouse import embedded

BASE = TableName("lake", "grid", "lmp")
HUBS = TableName("lake", "grid", "hubs")
_START = datetime(2026, 3, 1)
LMP = pa.schema(
    [
        pa.field("node", pa.string()),
        pa.field("hub", pa.string()),
        pa.field("ts", pa.timestamp("us")),
        pa.field("lmp", pa.decimal128(10, 2)),
        pa.field("mw", pa.float64()),
    ]
)


def prices(count: int, *, first: int = 0) -> pa.Table:
    """Return rows of prices: an hour each, with a NULL here and there."""
    numbers = range(first, first + count)
    return pa.table(
        {
            "node": [None if n % 7 == 3 else f"n{n % 5}" for n in numbers],
            "hub": [None if n % 11 == 4 else f"H{n % 3}" for n in numbers],
            "ts": [_START + timedelta(hours=n) for n in numbers],
            "lmp": [None if n % 13 == 5 else Decimal(n).scaleb(-2) for n in numbers],
            "mw": [float(n) / 4 for n in numbers],
        },
        schema=LMP,
    )


@dataclass(frozen=True, slots=True)
class World:
    """What views are built in."""

    iceberg: SqlCatalog
    lake: LakeEngine
    clickhouse: ClickHouseEngine
    catalog: CatalogCache
    schema: str
    """A schema of ClickHouse for this test alone."""

    @property
    def engines(self) -> Mapping[str, Engine]:
        """Return the engines by name."""
        return {"lake": self.lake, "clickhouse": self.clickhouse}

    @property
    def lmp(self) -> IcebergTable:
        """Return the table of prices as pyiceberg writes it."""
        return self.iceberg.load_table("grid.lmp")

    def view(self, sql: str, *states: State, name: str = "v") -> Definition:
        """Define a view over the lake's tables."""
        return Definition(TableName("clickhouse", self.schema, name), sql, "lake", "grid", states)

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Ask ClickHouse; `{v}` stands for the schema."""
        found = await self.clickhouse._connection.rows(sql.replace("{v}", self.schema), {})
        return [tuple(row) for row in found]


@asynccontextmanager
async def world(path: Path, rows: int = 40) -> AsyncIterator[World]:
    """Open a world whose table has some rows."""
    place = {"uri": f"sqlite:///{path}/catalog.db", "warehouse": f"file://{path}/warehouse"}
    iceberg = SqlCatalog("lake", **place)
    iceberg.create_namespace("grid")
    iceberg.create_table("grid.lmp", LMP).append(prices(rows))
    lake = LakeEngine("lake", {"lake": place})
    schema = f"views_{uuid4().hex[:8]}"
    async with embedded() as clickhouse:
        await clickhouse._connection.run(f"CREATE DATABASE {schema}", {})
        await lake.start()
        catalog = CatalogCache([lake, clickhouse])
        try:
            yield World(iceberg, lake, clickhouse, catalog, schema)
        finally:
            await lake.close()
            await clickhouse._connection.run(f"DROP DATABASE {schema}", {})


def looking(made: World, *declared: Key | ForeignKey, quarantined: Mapping[TableName, str] | None = None) -> Looking:
    """Make what looks at the world's views."""

    async def quarantines() -> Mapping[TableName, str]:
        return quarantined or {}

    prover = Prover(made.engines, declared, every=0.0, told=lambda: None)
    finder = Finder(made.catalog, made.engines, [])
    return Looking(finder, FreshnessOf(Histories(made.engines)), prover, made.catalog, made.engines, quarantines)
