"""Estimates of the lake hold what its statements then read and give, and say exactly what reads whole files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import DecimalType, LongType, NestedField, StringType, TimestamptzType

from catalog.objects import TableName
from catalog.statistics import ALL_ROWS, AllOf, AnyOf, Comparison, Condition, Opaque, Scan, ScanEstimate
from engines.base import EngineStatement
from engines.estimates import AccountingEngine, EstimatingEngine
from tests.engines.iceberg.tables import Written
from tests.engines.lake.asking import Lake

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=False),
    NestedField(2, "node", StringType(), required=False),
    NestedField(3, "at", TimestamptzType(), required=False),
    NestedField(4, "price", DecimalType(10, 2), required=False),
)
DAYS, EACH = 8, 500


def _at(day: int) -> datetime:
    return START + timedelta(days=day)


CASES: list[tuple[str, Condition]] = [
    ("true", ALL_ROWS),
    ("at >= TIMESTAMP '2026-03-03 00:00:00 UTC'", Comparison("at", ">=", (_at(2),))),
    (
        "at >= TIMESTAMP '2026-03-03 06:00:00 UTC' AND at < TIMESTAMP '2026-03-05 00:00:00 UTC'",
        AllOf((Comparison("at", ">=", (_at(2) + timedelta(hours=6),)), Comparison("at", "<", (_at(4),)))),
    ),
    ("node = 'node3'", Comparison("node", "=", ("node3",))),
    ("node = 'nowhere'", Comparison("node", "=", ("nowhere",))),
    ("node LIKE 'node1%'", Comparison("node", "starts with", ("node1",))),
    ("id < 700", Comparison("id", "<", (700,))),
    ("id IN (3, 3999)", Comparison("id", "in", (3, 3999))),
    ("price > 100000", Comparison("price", ">", (100000,))),
    ("price IS NULL", Comparison("price", "is null")),
    ("id < 10 OR node = 'node2'", AnyOf((Comparison("id", "<", (10,)), Comparison("node", "=", ("node2",))))),
    ("length(node) > 4", Opaque(("node",))),
    (
        "at < TIMESTAMP '2026-03-02 00:00:00 UTC' AND price IS NOT NULL",
        AllOf((Comparison("at", "<", (_at(1),)), Comparison("price", "is not null"))),
    ),
]


@pytest.fixture
def prices(catalog: SqlCatalog) -> SqlCatalog:
    """A table by hidden days, in two commits; ids ascend with time."""
    catalog.create_table("s.prices", SCHEMA, partition_spec=PartitionSpec(PartitionField(3, 1000, DayTransform(), "d")))
    written = Written(catalog, "s.prices")
    rows = [
        {
            "id": n,
            "node": f"node{n % 7}",
            "at": START + timedelta(seconds=n * 86_400 // EACH),
            "price": None if n % 50 == 0 else pa.scalar(n % 997, pa.decimal128(10, 2)).as_py(),
        }
        for n in range(DAYS * EACH)
    ]
    written.add(rows[: len(rows) // 2])
    written.add(rows[len(rows) // 2 :])
    return catalog


@pytest.mark.asyncio
async def test_intervals_hold_what_is_read_and_what_comes_out(lake: Lake, prices: SqlCatalog) -> None:
    for sql, condition in CASES:
        statement = await lake.prepare(f"SELECT count(*), sum(id), max(price) FROM prices WHERE {sql}")
        estimate, found, rows = await _compared(lake, statement, condition)
        assert estimate.bytes.low <= found <= estimate.bytes.high, sql
        assert found == pytest.approx(estimate.bytes.likely, rel=0.02), sql
        assert estimate.rows.low <= rows <= estimate.rows.high, sql


async def _compared(lake: Lake, statement: EngineStatement, condition: Condition) -> tuple[ScanEstimate, int, int]:
    """Return what is estimated, the bytes really read, and the rows that came out of the scan."""
    assert isinstance(lake.engine, EstimatingEngine)
    scan = Scan(TableName("lake", "s", "prices"), ("id", "price"), condition)
    (estimate,) = await lake.engine.estimate([scan], {}, statement)
    answer = await lake.run(statement)
    assert isinstance(lake.engine, AccountingEngine)
    found = await lake.engine.actuals(f"q{lake.asked}", None)
    assert found is not None
    assert found.scanned_bytes is not None
    return estimate, found.scanned_bytes, int(str(answer.rows[0][0]))


@pytest.mark.asyncio
async def test_data_versions_change_with_the_data_and_leave_out_what_is_gone(lake: Lake, prices: SqlCatalog) -> None:
    assert isinstance(lake.engine, EstimatingEngine)
    tables = await lake.engine.tables("lake")  # type: ignore[attr-defined]  # the test looks inside
    before = await lake.engine.data_versions(tables)
    assert set(before) == {table.name for table in tables}
    Written(prices, "s.prices").add([{"id": 1, "at": START}])
    prices.drop_table("s.every")
    after = await lake.engine.data_versions(tables)
    name = TableName("lake", "s", "prices")
    assert set(after) == {name}
    assert after[name] != before[name]


@pytest.mark.asyncio
async def test_statistics_tell_rows_bounds_and_partitions(lake: Lake, prices: SqlCatalog) -> None:
    assert isinstance(lake.engine, EstimatingEngine)
    table = next(t for t in await lake.engine.tables("lake") if t.name.table == "prices")  # type: ignore[attr-defined]  # the test looks inside
    known = await lake.engine.statistics(table)
    assert known is not None
    assert (known.rows, known.columns["id"].high, known.columns["price"].nulls) == (DAYS * EACH, DAYS * EACH - 1, 80)
    assert [(field.column, field.transform) for field in known.partitioning] == [("at", "day")]
    assert known.basis.kind == "manifest"
