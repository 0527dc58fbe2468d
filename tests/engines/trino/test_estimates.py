"""What Trino's own figures are taken for: bounds where they are known, nothing where they are NaN."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf

import msgspec
import pytest

from catalog.objects import Column, Table, TableName
from catalog.statistics import Comparison, Interval, Scan, ScanEstimate
from catalog.types import parse_type
from engines.base import EngineStatement, Write
from engines.estimates import EstimatingEngine
from engines.trino.estimates import Read, read_plan, reading
from engines.trino.table_stats import StatsRow, figure, question, read_stats
from tests.engines.trino.test_engine import relay
from tests.engines.trino.upstream import Reply, page, reply

NAME = TableName("hive", "s", "t")
TYPES = {"k": "bigint", "d": "date", "m": "decimal(10,2)", "at": "timestamp(6) with time zone", "v": "varchar"}
TABLE = Table(NAME, tuple(Column(name, parse_type(kind)) for name, kind in TYPES.items()), "trino")
SCAN = Scan(NAME, ("k",), Comparison("k", "=", (7,)))
STATEMENT = EngineStatement(sql="SELECT k FROM hive.s.t", user="ann", catalog=None, schema=None, time_zone="UTC")
STATS: list[list[object]] = [
    ["k", None, 100.0, 0.1, None, "1", "1000"],
    ["d", None, 10.0, 0.0, None, "2026-01-01", "2026-12-31"],
    ["m", None, "NaN", 0.0, None, "-1.50", "9.99"],
    ["at", None, None, 0.0, None, "2026-02-01 00:03:39.000 UTC", "2026-04-01 23:56:56.000 UTC"],
    ["v", 5000.0, 3.0, 0.0, None, None, None],
    [None, None, None, None, 1000.0, None, None],
]


def io(rows: object, size: object, *names: TableName) -> str:
    inputs = [
        {
            "table": {"catalog": n.catalog, "schemaTable": {"schema": n.schema, "table": n.table}},
            "constraint": {"none": False, "columnConstraints": []},
            "estimate": {"outputRowCount": rows, "outputSizeInBytes": size, "cpuCost": "NaN"},
        }
        for n in names
    ]
    return json.dumps({"inputTableColumnInfos": inputs, "estimate": {}})


def answers(plan: str, connector: str = "hive", stats: list[list[object]] | None = None) -> list[Reply]:
    """Answer by what is asked: Trino's pages come at once here."""
    made = {"EXPLAIN": [[plan]], "SELECT": [["hive", connector]], "SHOW": STATS if stats is None else stats}
    return [reply(page(None, data=made[kind])) for kind in ("SELECT", "EXPLAIN", "SHOW")]


async def estimated(replies: list[Reply]) -> ScanEstimate:
    async with relay(replies) as (engine, _):
        assert isinstance(engine, EstimatingEngine)
        (found,) = await engine.estimate((SCAN,), {NAME: TABLE}, STATEMENT)
    return found


def test_figures_that_are_no_numbers_are_none() -> None:
    assert [figure(value) for value in ("NaN", "Infinity", None, -1.0, "x", 5.0, 0.0)] == [None] * 5 + [5.0, 0.0]


def test_of_several_readings_of_a_table_the_largest_counts() -> None:
    plan = json.loads(io(10.0, 100.0, NAME))
    plan["inputTableColumnInfos"] += json.loads(io(20.0, 50.0, NAME))["inputTableColumnInfos"]
    assert read_plan(json.dumps(plan)) == {NAME: Read(20.0, 100.0)}


def test_one_unknown_reading_makes_all_of_a_table_unknown() -> None:
    plan = json.loads(io("NaN", 100.0, NAME))
    plan["inputTableColumnInfos"] += json.loads(io(20.0, 50.0, NAME))["inputTableColumnInfos"]
    assert read_plan(json.dumps(plan))[NAME].rows is None


def test_statistics_are_read_by_the_columns_types() -> None:
    found = read_stats(TABLE, [StatsRow(*row) for row in STATS], 5.0)  # type: ignore[arg-type]  # the words of a test
    assert (found.rows, found.bytes) == (1000, 1000 * (8 + 4 + 16 + 8) + 5000)
    assert (found.columns["k"].low, found.columns["k"].high, found.columns["k"].nulls) == (1, 1000, 100)
    assert found.columns["d"].low == date(2026, 1, 1)
    assert found.columns["m"].low == Decimal("-1.50")
    assert found.columns["m"].distinct is None
    assert found.columns["at"].low == datetime(2026, 2, 1, 0, 3, 39, tzinfo=UTC)


def test_a_table_without_statistics_has_no_size() -> None:
    empty = [StatsRow("k", None, None, None, None, None, None), StatsRow(None, None, None, None, None, None, None)]
    found = read_stats(TABLE, empty, 5.0)
    assert (found.rows, found.bytes) == (None, None)


def test_names_are_quoted_in_the_question() -> None:
    assert question(Table(TableName("c", 'a"b', "t"), (), "trino")) == 'SHOW STATS FOR "c"."a""b"."t"'


@pytest.mark.asyncio
async def test_sizes_in_memory_only_bound_what_is_read() -> None:
    found = await estimated(answers(io(1000.0, 9000.0, NAME)))
    assert found.bytes == Interval(0.0, 9000.0, 9000.0)
    assert found.rows == Interval(0.0, pytest.approx(9.0), 1000.0)
    assert found.basis.kind == "explain io"
    assert "uncompressed" in found.why


@pytest.mark.asyncio
@pytest.mark.parametrize(("rows", "size"), [("NaN", 0.0), ("NaN", "NaN"), (5.0, "NaN")])
async def test_what_trino_does_not_know_is_unbounded_and_says_what_to_do(rows: object, size: object) -> None:
    found = await estimated(answers(io(rows, size, NAME), stats=[]))
    assert (found.bytes.high, found.basis.kind) == (inf, "none")
    assert "ANALYZE" in found.why


@pytest.mark.asyncio
async def test_generated_rows_cost_nothing_to_read() -> None:
    found = await estimated(answers(io(1000.0, 9000.0, NAME), connector="tpch"))
    assert found.bytes == Interval.exactly(0.0)
    assert found.rows.high == 1000
    assert "nothing is read from storage" in found.why


@pytest.mark.asyncio
async def test_a_table_that_the_plan_does_not_read_is_not_guessed_at() -> None:
    found = await estimated(answers(io(1.0, 1.0, TableName("hive", "s", "other"))))
    assert (found.bytes.high, found.basis.kind) == (inf, "none")


@pytest.mark.asyncio
@pytest.mark.parametrize("plan", ["", "{}", '{"inputTableColumnInfos":[{}]}'])
async def test_an_answer_that_is_not_understood_is_said_so(plan: str) -> None:
    found = await estimated(answers(plan))
    assert (found.bytes.high, found.basis.kind) == (inf, "none")
    assert "not understood" in found.why


@pytest.mark.asyncio
async def test_a_question_that_takes_too_long_is_given_up() -> None:
    silent = [reply(page(1)), reply(page(1))]
    async with relay(silent) as (engine, _):
        engine._estimates._seconds = 0.1
        (found,) = await engine.estimate((SCAN,), {NAME: TABLE}, STATEMENT)
        await asyncio.sleep(0.2)  # connections that were given up close by themselves, and before the loop does
    await asyncio.sleep(0)
    assert found.bytes.high == inf
    assert found.basis.kind == "none"


@pytest.mark.parametrize(
    ("sql", "write", "asked"),
    [
        ("SELECT 1", None, "SELECT 1"),
        ("WITH w AS (SELECT 1) SELECT * FROM w", None, "WITH w AS (SELECT 1) SELECT * FROM w"),
        ("(SELECT 1) UNION ALL (SELECT 2)", None, "(SELECT 1) UNION ALL (SELECT 2)"),
        ("EXPLAIN ANALYZE VERBOSE SELECT 1", None, "SELECT 1"),
        ("CREATE TABLE hive.s.made AS SELECT 1 a", Write("create table as", NAME, query="SELECT 1 a"), "SELECT 1 a"),
        ("INSERT INTO hive.s.t VALUES 1", Write("insert", NAME), None),
        ("INSERT INTO hive.s.t SELECT 1", None, None),
        ("DELETE FROM hive.s.t", Write("delete", NAME, predicate="k = 1"), None),
        ("EXECUTE p USING 1", None, None),
        ("CALL hive.system.x()", None, None),
    ],
)
def test_trino_is_never_asked_to_plan_a_write(sql: str, write: Write | None, asked: str | None) -> None:
    found = reading(msgspec.structs.replace(STATEMENT, sql=sql, write=write))
    assert (found.sql if found is not None else None) == asked
