"""What ClickHouse is expected to read, against what its own log says that it read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf

import clickhouse_connect
import msgspec
import pytest
import pytest_asyncio
from clickhouse_connect.driver.client import Client

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.statistics import (
    ALL_ROWS,
    NO_ROWS,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Interval,
    Opaque,
    PartitionField,
    Scan,
    ScanEstimate,
)
from catalog.types import BIGINT
from engines.clickhouse.conditions import condition_sql
from engines.clickhouse.engine import ClickHouseEngine
from engines.clickhouse.scans import PARTLY
from engines.clickhouse.sizes import Held, PartsRow, TableRow, sizes_of
from engines.estimates import EstimatingEngine
from tests.real.clickhouse import ask, over_http, statement

ROWS = 200_000
MAKE = [
    "CREATE DATABASE sizes",
    "CREATE TABLE sizes.wide (id Int64, day Date, s String, x Float64, g Nullable(Int32)) ENGINE = MergeTree"
    " PARTITION BY toYYYYMM(day) ORDER BY id SETTINGS min_bytes_for_wide_part = 0",
    "INSERT INTO sizes.wide SELECT number, toDate('2026-01-01') + number % 150, toString(number * 7), rand64() / 3,"
    f" if(number % 3 = 0, NULL, number % 10) FROM numbers({ROWS})",
    "CREATE TABLE sizes.compact (id Int64, s String, x Float64, n Nullable(String)) ENGINE = MergeTree ORDER BY id",
    "INSERT INTO sizes.compact SELECT number, toString(number * 7), rand64() / 3, toString(rand()) FROM numbers(50000)",
    "CREATE TABLE sizes.memory (id Int64) ENGINE = Memory",
    "INSERT INTO sizes.memory VALUES (1), (2)",
    "CREATE TABLE sizes.log (id Int64) ENGINE = TinyLog",
    "INSERT INTO sizes.log SELECT number FROM numbers(10000)",
    "CREATE VIEW sizes.plain AS SELECT id, x FROM sizes.wide WHERE day < '2026-02-01'",
    "CREATE VIEW sizes.joined AS SELECT a.id FROM sizes.wide AS a JOIN sizes.wide AS b ON a.day = b.day",
    "CREATE TABLE sizes.empty (id Int64) ENGINE = MergeTree ORDER BY id",
    "CREATE TABLE sizes.`odd ``name'\\\\` (`a b'\\\\` Int64) ENGINE = MergeTree ORDER BY `a b'\\\\`",
    "INSERT INTO sizes.`odd ``name'\\\\` VALUES (1)",
]


def named(table: str) -> TableName:
    return TableName("clickhouse", "sizes", table)


@dataclass(frozen=True, slots=True)
class World:
    """The engine over HTTP, and a client beside it."""

    engine: ClickHouseEngine
    client: Client

    async def estimated(self, sql: str, *scans: Scan) -> tuple[ScanEstimate, ...]:
        tables = {scan.table: await self.engine.describe(scan.table) for scan in scans}
        known = {name: table for name, table in tables.items() if table is not None}
        return await self.engine.estimate(scans, known, statement(sql, BIGINT))

    async def read(self, sql: str) -> int:
        """Run a query and return the compressed bytes that its log tells of."""
        await asyncio.to_thread(self.client.command, "SYSTEM DROP QUERY CONDITION CACHE")
        tag = f"sizes-{abs(hash(sql))}-{id(sql)}"
        await ask(self.engine, statement(sql, BIGINT), tag)
        await asyncio.to_thread(self.client.command, "SYSTEM FLUSH LOGS query_log")
        found = await self.engine.actuals(tag, None)
        assert found is not None
        assert found.scanned_bytes is not None
        return found.scanned_bytes


@pytest.fixture(scope="module")
def client(front: int) -> Iterator[Client]:
    opened = clickhouse_connect.get_client(host="127.0.0.1", port=front)
    for sql in MAKE:
        opened.command(sql)
    yield opened
    opened.command("DROP DATABASE sizes")
    opened.close()


@pytest_asyncio.fixture
async def world(front: int, client: Client) -> AsyncIterator[World]:
    async with over_http(front) as engine:
        yield World(engine, client)


JUNE = Comparison("day", ">=", (date(2026, 5, 1),))
EXACT: dict[str, tuple[str, str, tuple[str, ...], Condition]] = {
    "a column of wide parts": ("sum(x)", "wide", ("x",), ALL_ROWS),
    "a text": ("uniq(s)", "wide", ("s",), ALL_ROWS),
    "a column that may be null": ("sum(g)", "wide", ("g",), ALL_ROWS),
    "a partition": ("sum(x)", "wide", ("x",), JUNE),
    "a range of the key": ("sum(x)", "wide", ("x",), Comparison("id", "<", (50_000,))),
    "a condition beyond the key": ("sum(x)", "wide", ("x",), Comparison("g", "=", (5,))),
    "a number of compact parts": ("sum(x)", "compact", ("x",), ALL_ROWS),
    "a text of compact parts": ("uniq(s)", "compact", ("s",), ALL_ROWS),
    "a text of compact parts that may be null": ("uniq(n)", "compact", ("n",), ALL_ROWS),
}

IN_SHORT = frozenset({"a partition", "a condition beyond the key", "a text of compact parts that may be null"})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("what", "table", "columns", "condition"),
    [pytest.param(*case, id=name, marks=() if name in IN_SHORT else pytest.mark.long) for name, case in EXACT.items()],
)
async def test_what_is_read_is_foretold_within_some_percent(
    world: World, what: str, table: str, columns: tuple[str, ...], condition: Condition
) -> None:
    where = condition_sql(condition, {name: name for name in ("id", "day", "g")})
    sql = f"SELECT toInt64({what}) FROM sizes.{table}" + (f" WHERE {where}" if where else "")
    (found,) = await world.estimated(sql, Scan(named(table), columns, condition))
    scanned = await world.read(sql)
    assert found.basis.kind == "explain estimate"
    assert found.bytes.likely == pytest.approx(scanned, rel=0.06)
    assert found.bytes.low <= scanned <= found.bytes.high
    assert sum(found.column_bytes.values()) == pytest.approx(found.bytes.likely, abs=5)


@pytest.mark.asyncio
async def test_partitions_that_are_left_out_are_counted_and_a_missed_filter_is_named(world: World) -> None:
    pruned, whole = await world.estimated("SELECT 1", Scan(named("wide"), ("x",), JUNE), Scan(named("wide"), ("x",)))
    assert (pruned.files, whole.files) == ((1, 5), (5, 5))
    assert pruned.unfiltered == ()
    assert whole.unfiltered == (PartitionField("day", "toYYYYMM(day)"),)
    assert pruned.bytes.likely < whole.bytes.likely / 4


@pytest.mark.long
@pytest.mark.asyncio
async def test_what_late_reading_leaves_out_lies_within_the_interval(world: World) -> None:
    nothing = Comparison("s", "=", ("nothing",))
    sql = "SELECT toInt64(sum(x)) FROM sizes.wide WHERE s = 'nothing'"
    (found,) = await world.estimated(sql, Scan(named("wide"), ("x",), nothing))
    scanned = await world.read(sql)
    assert found.bytes.low <= scanned < found.bytes.likely * 0.7


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_part_of_a_column_lies_within_the_interval(world: World) -> None:
    sql = "SELECT toInt64(sum(length(s))) FROM sizes.wide"
    (found,) = await world.estimated(sql, Scan(named("wide"), ("s",)))
    assert found.bytes.low <= await world.read(sql) < found.bytes.likely / 10


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_subquery_that_serves_as_an_index_lies_within_the_interval(world: World) -> None:
    sql = "SELECT toInt64(sum(x)) FROM sizes.wide WHERE id IN (SELECT id FROM sizes.compact WHERE id < 10)"
    condition = Opaque(("id",), subquery=True)
    scans = (
        Scan(named("wide"), ("x",), condition),
        Scan(named("compact"), ("id",), Comparison("id", "<", (10,))),
    )
    found = await world.estimated(sql, *scans)
    scanned = await world.read(sql)
    assert found[0].bytes.low == 0
    assert sum(each.bytes.low for each in found) <= scanned <= sum(each.bytes.high for each in found)


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_table_that_is_read_twice_counts_twice(world: World) -> None:
    sql = "SELECT toInt64(sum(a.x)) FROM sizes.wide AS a JOIN sizes.wide AS b ON a.id = b.id"
    found = await world.estimated(sql, Scan(named("wide"), ("id", "x")), Scan(named("wide"), ("id",)))
    assert sum(each.bytes.likely for each in found) == pytest.approx(await world.read(sql), rel=0.05)


@pytest.mark.asyncio
async def test_what_needs_no_reading_is_free(world: World) -> None:
    counted, memory, empty = await world.estimated(
        "SELECT 1", Scan(named("wide"), ()), Scan(named("memory"), ("id",)), Scan(named("empty"), ("id",))
    )
    assert (counted.bytes.low, counted.bytes.likely, counted.rows) == (0, 0, Interval.exactly(ROWS))
    assert memory.bytes == Interval.exactly(0)
    assert (empty.bytes.likely, empty.rows.high) == (0, 0)
    assert await world.read("SELECT toInt64(count()) FROM sizes.wide") == 0
    assert await world.read("SELECT sum(id) FROM sizes.memory") == 0


@pytest.mark.long
@pytest.mark.asyncio
async def test_tables_without_parts_are_bounded_by_their_size(world: World) -> None:
    (found,) = await world.estimated("SELECT 1", Scan(named("log"), ("id",)))
    assert found.basis.kind == "table size"
    assert 0 < await world.read("SELECT sum(id) FROM sizes.log") <= found.bytes.high * 1.02
    assert found.bytes.low == 0


@pytest.mark.asyncio
async def test_views_are_bounded_by_what_they_leave_of_their_tables(world: World) -> None:
    plain, joined, whole = await world.estimated(
        "SELECT 1", Scan(named("plain"), ("x",)), Scan(named("joined"), ("id",)), Scan(named("wide"), ("x",))
    )
    assert whole.statistics is not None
    assert whole.statistics.bytes is not None
    assert 0 < await world.read("SELECT toInt64(sum(x)) FROM sizes.plain") <= plain.bytes.high
    assert plain.bytes.high < whole.statistics.bytes / 3
    assert plain.rows.high < ROWS / 3
    assert joined.rows.high == inf
    assert 0 < await world.read("SELECT sum(id) FROM sizes.joined WHERE id < 1000") <= joined.bytes.high


@pytest.mark.asyncio
async def test_a_version_changes_with_the_data_and_sizes_are_read_once_for_it(world: World) -> None:
    assert isinstance(world.engine, EstimatingEngine)
    names = ("wide", "compact", "memory", "empty", "plain")
    tables = [table for name in names if (table := await world.engine.describe(named(name))) is not None]
    assert len(tables) == len(names)
    before = await world.engine.data_versions(tables)
    assert set(before) == {named("wide"), named("compact"), named("empty")}
    assert await world.engine.data_versions(tables) == before
    asked: list[str] = []
    rows = world.engine._connection.rows

    async def counted(sql: str, parameters: dict[str, str]) -> object:
        asked.append(sql)
        return await rows(sql, parameters)

    world.engine._connection.rows = counted  # type: ignore[method-assign, assignment]  # the test counts calls
    scan = Scan(named("wide"), ("x",), JUNE)
    for _ in range(3):
        await world.engine.estimate((scan, scan), {scan.table: tables[0]}, statement("SELECT 1", BIGINT))
    heavy = [sql for sql in asked if "system.tables" not in sql]
    assert len(heavy) == 3, "parts, columns, and ranges for the one condition"
    await asyncio.to_thread(world.client.command, "INSERT INTO sizes.empty VALUES (1)")
    await asyncio.to_thread(world.client.command, "TRUNCATE TABLE sizes.empty")
    await asyncio.to_thread(world.client.command, "INSERT INTO sizes.compact SELECT 1, 'a', 1, NULL")
    after = await world.engine.data_versions(tables)
    assert {name for name in before if before[name] != after[name]} == {named("compact")}


@pytest.mark.asyncio
async def test_names_that_need_quoting_are_asked_about_as_they_are(world: World) -> None:
    rows = await world.engine._connection.rows("SELECT name FROM system.tables WHERE database = 'sizes'", {})
    odd = next(name for (name,) in rows if name.startswith("odd"))
    table = next(t for t in await world.engine.tables("clickhouse") if t.native_name == ("sizes", odd))
    column = table.columns[0].name
    scan = Scan(table.name, (column,), Comparison(column, "=", (1,)))
    (found,) = await world.engine.estimate((scan,), {table.name: table}, statement("SELECT 1", BIGINT))
    assert (found.rows.high, found.why.count("could not")) == (1, 0)


@pytest.mark.asyncio
async def test_a_query_is_stopped_where_it_may_not_read_more_and_only_there(world: World) -> None:
    sql = "SELECT toInt64(sum(x)) FROM sizes.wide"
    (found,) = await world.estimated(sql, Scan(named("wide"), ("x",)))
    asked = statement(sql, BIGINT)
    enough = msgspec.structs.replace(asked, max_scan_bytes=round(found.bytes.high))
    assert len((await ask(world.engine, enough, "enough")).rows) == 1
    little = msgspec.structs.replace(asked, max_scan_bytes=round(found.bytes.likely / 3))
    with pytest.raises(Refusal) as caught:
        await ask(world.engine, little, "little")
    assert caught.value.code is ErrorCode.EXCEEDED_SCAN_LIMIT
    unheard = msgspec.structs.replace(asked, sql=f"{sql} WHERE 1", max_scan_bytes=1)
    assert len((await ask(world.engine, unheard, "unheard")).rows) == 1, "its sizes in memory are not known"
    own = msgspec.structs.replace(unheard, session_properties={"query_max_scan_physical_bytes": "1kB"})
    with pytest.raises(Refusal) as caught:
        await ask(world.engine, own, "own")
    assert caught.value.code is ErrorCode.EXCEEDED_SCAN_LIMIT


@pytest.mark.asyncio
async def test_a_server_that_does_not_answer_gives_no_estimate(world: World) -> None:
    async def silent(sql: str, parameters: dict[str, str]) -> object:
        await asyncio.sleep(60)
        raise AssertionError

    table = await world.engine.describe(named("wide"))
    assert table is not None
    world.engine._connection.rows = silent  # type: ignore[method-assign, assignment]  # the test counts calls
    world.engine._estimates._seconds = 0.05
    with pytest.raises(Refusal) as caught:
        await world.engine.estimate((Scan(table.name, ("x",)),), {table.name: table}, statement("SELECT 1", BIGINT))
    assert caught.value.code is ErrorCode.EXCEEDED_TIME_LIMIT


KINDS = {
    "wide": PartsRow("d", "t", "Wide", "1", "100", "1000", "4000", "1"),
    "compact": PartsRow("d", "t", "Compact", "2", "50", "600", "900", "2"),
}
ROW = TableRow("d", "t", "MergeTree", "150", "1600", "", "a", "v")
WIDE = [["a", "900", "3000"], ["b", "100", "1000"]]
NO_SAMPLE = {"a": Held(0.0, 0.0), "b": Held(0.0, 0.0)}


def test_compact_parts_are_split_by_the_sample_and_add_up() -> None:
    sample = {"a": Held(10.0, 20.0), "b": Held(20.0, 40.0)}
    found = sizes_of(ROW, tuple(KINDS.values()), WIDE, sample)
    assert (found.rows, found.bytes, found.parts, found.partitions) == (150, 1600, 3, 2)
    assert found.columns == {"a": Held(1100.0, 3300.0), "b": Held(500.0, 1600.0)}


def test_without_a_sample_compact_parts_are_split_as_wide_ones_are() -> None:
    found = sizes_of(ROW, tuple(KINDS.values()), WIDE, NO_SAMPLE)
    assert sum(held.compressed for held in found.columns.values()) == pytest.approx(1600)
    assert found.columns["a"].compressed == pytest.approx(1440)


@pytest.mark.asyncio
async def test_a_table_whose_rows_are_all_deleted_is_bounded_by_its_size(world: World) -> None:
    for sql in (
        "CREATE TABLE sizes.deleted (id Int64, x Float64) ENGINE = MergeTree ORDER BY id",
        "INSERT INTO sizes.deleted SELECT number, number / 7 FROM numbers(1000)",
        "DELETE FROM sizes.deleted WHERE 1",
    ):
        await asyncio.to_thread(world.client.command, sql)
    (found,) = await world.estimated("SELECT 1", Scan(named("deleted"), ("x",)))
    assert found.bytes.high > 0
    assert found.basis.kind in ("table size", "explain estimate")


SAID: list[tuple[Condition, str | None]] = [
    (ALL_ROWS, None),
    (NO_ROWS, "0"),
    (Opaque(("a",)), None),
    (Comparison("a", "=", ("it's \\",)), "`a` = 'it\\'s \\\\'"),
    (Comparison("a", "<", (1.5,)), "`a` < 1.5"),
    (Comparison("a", "<", (float("nan"),)), None),
    (Comparison("a", "=", (True,)), "`a` = true"),
    (Comparison("a", "=", (Decimal("1.50"),)), "`a` = toDecimal128('1.50', 2)"),
    (Comparison("a", "=", (Decimal("NaN"),)), None),
    (Comparison("a", ">=", (date(2026, 3, 8),)), "`a` >= toDate32('2026-03-08')"),
    (
        Comparison("a", ">", (datetime(2026, 3, 8, 1, tzinfo=UTC),)),
        "`a` > toDateTime64('2026-03-08 01:00:00.000000', 6, 'UTC')",
    ),
    (Comparison("a", "between", (1, 2)), "`a` >= 1 AND `a` <= 2"),
    (Comparison("a", "in", (1, 2)), "`a` IN (1, 2)"),
    (Comparison("a", "in", ()), "0"),
    (Comparison("a", "not in", (1,)), "`a` NOT IN (1)"),
    (Comparison("a", "is null"), "`a` IS NULL"),
    (Comparison("a", "starts with", ("x",)), "startsWith(`a`, 'x')"),
    (Comparison("a", "=", (b"x",)), None),
    (Comparison("a", "=", (None,)), None),
    (Comparison("unheard", "=", (1,)), None),
    (AllOf((Comparison("a", "=", (1,)), Opaque())), "(`a` = 1)"),
    (AnyOf((Comparison("a", "=", (1,)), Opaque())), None),
    (AnyOf((Comparison("a", "=", (1,)), Comparison("a", "=", (2,)))), "(`a` = 1) OR (`a` = 2)"),
]


@pytest.mark.parametrize(("condition", "sql"), SAID, ids=[str(each)[:70] for each, _ in SAID])
def test_a_condition_is_said_or_left_out_where_that_keeps_more_rows(condition: Condition, sql: str | None) -> None:
    assert condition_sql(condition, {"a": "a"}) == sql


@pytest.mark.parametrize(
    ("sql", "partly"),
    [
        ("SELECT length(s) FROM t", True),
        ("SELECT 1 FROM t WHERE g IS NOT NULL", True),
        ("SELECT count(g) FROM t", True),
        ("SELECT 1 FROM t WHERE s != ''", True),
        ("SELECT count(*), count() FROM t WHERE x > 1", False),
        ("SELECT sum(lengthy) FROM t", False),
    ],
)
def test_texts_that_may_read_a_part_of_a_column_are_told(sql: str, partly: bool) -> None:
    assert (PARTLY.search(sql) is not None) == partly
