"""An engine that says what a test has it say of its tables, and counts how often it is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, Table, TableName
from catalog.statistics import Basis, Interval, Scan, ScanEstimate, TableStatistics
from catalog.types import TrinoType
from engines.base import EngineStatement
from gateway.billing.price_book import PriceBook
from gateway.config.prices import Prices
from gateway.config.pricing import Pricing as Settings
from gateway.models import Plan, Planned, TableAccess
from gateway.pricing.pricing import Pricing
from rewrite_rules.outline.nodes import Outline, ScanOf
from tests.gateway.recording import usage_records

GIGABYTE, MILLION = Interval.exactly(1e9), Interval.exactly(1e6)
ORDERS = Table(TableName("lake", "sales", "orders"), (Column("id", TrinoType("bigint")),), "lake")
ITEMS = Table(TableName("lake", "sales", "items"), (Column("id", TrinoType("bigint")),), "lake")


@dataclass
class Figures:
    """The engine. What it is told to raise it raises; what it waits for it waits for."""

    bytes: Interval = GIGABYTE
    rows: Interval = MILLION
    size: int | None = 4_000_000_000
    versions: dict[TableName, str] = field(default_factory=lambda: {ORDERS.name: "1", ITEMS.name: "1"})
    asked: Counter[str] = field(default_factory=Counter)
    may_answer: asyncio.Event | None = None
    raises: Exception | None = None
    scans: int | None = None
    """How many scans it speaks of, where that is not as many as it is asked about."""
    name: str = "lake"
    kind: str = "lake"

    async def data_versions(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Say the versions, and count the tables."""
        self.asked.update(f"version of {table.name.table}" for table in tables)
        await asyncio.sleep(0)  # others ask meanwhile
        return {table.name: self.versions[table.name] for table in tables if table.name in self.versions}

    async def statistics(self, table: Table) -> TableStatistics | None:
        """Say a table's size."""
        self.asked[f"statistics of {table.name.table}"] += 1
        return TableStatistics(table.name, None, self.size)

    async def estimate(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Say the same of every scan."""
        self.asked["estimate"] += 1
        if self.may_answer is not None:
            await self.may_answer.wait()
        if self.raises is not None:
            raise self.raises
        known = TableStatistics(ORDERS.name, None, self.size)
        told = [
            ScanEstimate(each, self.bytes, self.rows, Basis("manifest", self.versions.get(each.table, ""), 1e9),
                         statistics=known)
            for each in scans
        ]  # fmt: skip
        return tuple(told if self.scans is None else told[: self.scans])


BOOK = PriceBook(Prices(default_usd_per_tb=Decimal(5)))
AWAY = Refusal(ErrorCode.GENERIC_EXTERNAL, "it is away")


def pricing(engine: Figures, **settings: Any) -> Pricing:
    """Return pricing over that engine, at 5 dollars a terabyte."""
    engines: Any = {"lake": engine}
    return Pricing(
        engines,
        Settings(**settings),
        lambda plan, received: BOOK.rate(plan.engine or "", "", received.received_at),
        lambda plan, received: EngineStatement(plan.sql or "", "ann", None, None, "UTC"),
    )


def planned(sql: str = "SELECT id FROM orders", *tables: Table, **changes: Any) -> Planned:
    """Return the plan of a query that scans those tables, each once."""
    read = tables or (ORDERS,)
    scans = tuple(Scan(table.name, ("id",)) for table in read)
    plan = replace(
        Plan("SELECT", "engine", engine="lake", sql=sql, fingerprint=sql),
        outline=Outline(scans, ScanOf(0)),
        engine_tables=read,
        tables=tuple(TableAccess(table.name, "select", ("id",)) for table in read),
        **changes,
    )
    return Planned(plan)


RECEIVED = usage_records.received("q1")
