"""A lake with tables partitioned by day, month and market, and a pipeline over it: what the coach's tests stand on."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import DateType, DoubleType, LongType, NestedField, StringType, TimestampType, TimestamptzType

from catalog.objects import TableName
from catalog.statistics import (
    Basis,
    ColumnStatistics,
    Interval,
    Scan,
    ScanEstimate,
    TableStatistics,
)
from catalog.statistics import (
    PartitionField as Field,
)
from gateway.config import Config
from gateway.models import Planned
from gateway.received import Received
from gateway.simulation.offline import Offline, offline
from gateway.simulation.question import Question, received
from policies.cost.estimate import Estimate, Widest
from tests.engines.iceberg.tables import Written

POLICIES = """\
version: 1
roles: {analyst: , trader: , keeper: }
users:
  ana: {roles: [analyst]}
  tom: {roles: [trader]}
  kay: {roles: [keeper]}
grants:
  - {id: all, roles: [analyst, trader, keeper], assets: "lake.market.*", allow: [read]}
  - {id: no-note, roles: [trader], assets: lake.market.ticks, deny: [select], columns: [note]}
row_filters:
  - {id: north, table: lake.market.ticks, roles: [trader], filter: "node = 'SECRET_NODE'"}
  - {id: whole, table: lake.market.ticks, roles: [analyst, keeper], filter: none}
column_masks:
  - {id: hide, table: lake.market.ticks, column: ts, roles: [keeper], mask: "null"}
  - {id: show, table: lake.market.ticks, column: ts, roles: [analyst, trader], mask: none}
session_properties:
  - {roles: all, allow: [autofix]}
"""
TICKS = TableName("lake", "market", "ticks")
NODES = TableName("lake", "market", "nodes")
_SCHEMA = Schema(
    NestedField(1, "id", LongType()),
    NestedField(2, "ts", TimestamptzType()),
    NestedField(3, "at", TimestampType()),
    NestedField(4, "d", DateType()),
    NestedField(5, "node", StringType()),
    NestedField(6, "price", DoubleType()),
    NestedField(7, "note", StringType()),
)
_SPEC = PartitionSpec(PartitionField(2, 1000, DayTransform(), "ts_day"))
_EDGES = (
    datetime(2025, 12, 31, 23, 59, 59, 999_999),
    datetime(2026, 1, 1),
    datetime(2026, 1, 1, 7, 59, 59),
    datetime(2026, 1, 1, 8),
    datetime(2026, 3, 8, 10),
    datetime(2026, 3, 8),
    datetime(2026, 3, 31, 23, 59, 59),
    datetime(2026, 4, 1),
)


def ticks(rows: int, seed: int) -> list[dict[str, Any]]:
    """Give random rows: ends of days, months and years among them, and nulls."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    for number in range(rows):
        if number % 3 == 0:
            at = chance.choice(_EDGES)
        else:
            first = chance.choice((datetime(2025, 12, 30), datetime(2026, 3, 7), datetime(2026, 3, 30)))
            at = first + timedelta(seconds=chance.randrange(4 * 86_400), microseconds=chance.choice((0, 1, 999_999)))
        known = chance.random() > 0.05
        found.append(
            {
                "id": number,
                "ts": at.replace(tzinfo=UTC) if known else None,
                "at": at if chance.random() > 0.05 else None,
                "d": date(at.year, at.month, at.day) if chance.random() > 0.05 else None,
                "node": chance.choice(("N1", "N2", "S1", "SECRET_NODE")),
                "price": chance.randrange(100) / 4,
                "note": chance.randbytes(700).hex(),
            }
        )
    return found


def make_market(folder: Path, rows: int = 400, seed: int = 7) -> Config:
    """Make the lake and the policies; return a configuration over them."""
    folder.mkdir(parents=True, exist_ok=True)
    uri, warehouse = f"sqlite:///{folder / 'lake.db'}", f"file://{folder / 'warehouse'}"
    catalog = SqlCatalog("lake", uri=uri, warehouse=warehouse)
    catalog.create_namespace("market")
    catalog.create_table("market.ticks", schema=_SCHEMA, partition_spec=_SPEC)
    Written(catalog, "market.ticks").add(ticks(rows, seed))
    nodes = pa.table({"node": ["N1", "N2", "N2", "S1"], "hub": ["A", "B", "C", "D"]})
    catalog.create_table("market.nodes", schema=nodes.schema).append(nodes)
    catalog.close()
    (folder / "policies.yaml").write_text(POLICIES)
    return Config.model_validate(
        {
            "data_dir": folder / "data",
            "identity": {"insecure": True},
            "keys": [{"id": "a", "secret": "a-secret-of-at-least-thirty-two-characters"}],
            "engines": [
                {"kind": "lake", "name": "lake", "catalog": "lake", "uri": uri, "warehouse": warehouse, "threads": 1}
            ],
            "policies": [folder / "policies.yaml"],
            "store": {"url": f"sqlite:///{folder / 'usage.db'}"},
        }
    )


@dataclass(frozen=True, slots=True)
class Market:
    """The pipeline over the market, and what runs its plans."""

    grounds: Offline

    def ask(self, sql: str, user: str = "ana", *, time_zone: str = "UTC", **properties: str) -> Received:
        """Return a statement as a user would send it."""
        question = Question(user, sql, "lake", "market", time_zone=time_zone, properties=properties)
        return received(question, self.grounds.policies)

    async def plan(self, sql: str, user: str = "ana", *, time_zone: str = "UTC") -> Planned:
        """Plan a statement; one that is refused fails the test."""
        found = await self.grounds.pipeline.plan(self.ask(sql, user, time_zone=time_zone))
        if not isinstance(found, Planned):
            raise found.refusal
        return found

    async def rows(self, sql: str, user: str = "ana", *, time_zone: str = "UTC") -> list[str]:
        """Return a statement's rows, in an order of their own."""
        planned = await self.plan(sql, user, time_zone=time_zone)
        asked = self.ask(sql, user, time_zone=time_zone)
        return sorted(map(repr, await self.grounds.runner.rows(planned.plan, asked, self.grounds.policies)))


@asynccontextmanager
async def market(config: Config) -> AsyncIterator[Market]:
    """Open the market."""
    async with offline(config, files_only=True) as grounds:
        yield Market(grounds)


def guess(*scans: ScanEstimate, nano: float = 5e6, size: float = 1e9, **changes: Any) -> Estimate:
    """Return an estimate as the estimator gives them, with figures of the test's own."""
    figures = {
        "kind": "upper bound",
        "bytes": Interval(size * 0.8, size, size * 1.2),
        "widest": Widest(Interval.exactly(400)),
        "seconds": Interval(1, 2, 3),
        "nano": Interval(nano * 0.8, nano, nano * 1.2),
        "scans": scans or (ticks_scan(),),
        "engine": "lake",
        "rate": "lake: USD 5.00 per TB",
        "basis": "manifest, snapshot 1",
    }
    return Estimate(**{**figures, **changes})


def ticks_scan(columns: tuple[str, ...] = ("id", "ts", "note"), size: float = 1e9, read: int = 60) -> ScanEstimate:
    """Return the scan of all days of the ticks."""
    weights = {"id": 0.05, "ts": 0.04, "at": 0.04, "d": 0.01, "node": 0.05, "price": 0.1, "note": 0.8}
    whole = sum(weights[each] for each in columns) or 1
    statistics = TableStatistics(
        TICKS,
        400,
        int(size),
        {"ts": ColumnStatistics(low=datetime(2026, 2, 1, tzinfo=UTC), high=datetime(2026, 4, 1, 5, tzinfo=UTC))},
        (Field("ts", "day"),),
    )
    return ScanEstimate(
        Scan(TICKS, columns),
        Interval(size * 0.8, size, size * 1.2),
        Interval.exactly(400),
        Basis("manifest", "1"),
        {each: int(size * weights[each] / whole) for each in columns},
        partitions=(read, 60),
        files=(read, 60),
        unfiltered=(Field("ts", "day"),) if read == 60 else (),
        statistics=statistics,
    )
