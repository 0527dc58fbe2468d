"""Views' tables are filled whole or not at all, and hold what Trino would show."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Bound, State
from catalog.objects import TableName
from catalog.types import DOUBLE, VARCHAR, array, decimal, parse_type, timestamp
from catalog.view_documents import read_document
from engines.clickhouse.engine import ClickHouseEngine
from engines.views import Filled, ViewKeepingEngine
from tests.engines.clickhouse.kept_views import MARK, engine, filling, pages, run, view
from tests.real.clickhouse import over_http

__all__ = ["engine", "view"]
pytestmark = pytest.mark.asyncio


async def shown(engine: ClickHouseEngine, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await engine._connection.rows(sql, {})]


PLAIN = [
    ("boolean", [True, False, None], ["true", "false"]),
    ("bigint", [9007199254740993, -9223372036854775808, None], ["9007199254740993", "-9223372036854775808"]),
    ("decimal(38,4)", ["-9999999999999999999999999999999999.9999", "0.0001", None], None),
    ("double", ["NaN", "-Infinity", 4.9e-324, -0.0, None], ["nan", "-inf", "5e-324", "-0"]),
    ("real", [1.1, "Infinity", None], ["1.1", "inf"]),
    ("varchar(7)", ["é'\\\"\n\t\u0000", "", None], None),
    ("char(3)", ["a  ", "   ", None], ["a", ""]),
    ("date", ["0001-01-01", "9999-12-31", "1969-12-31", None], None),
    ("timestamp(6)", ["0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999", None], None),
    ("timestamp(3) with time zone", ["2024-03-10 01:00:00.123 UTC", None], ["2024-03-10 01:00:00.123"]),
    ("uuid", ["12151fd2-7586-11e9-8f9e-2a86e4085a59", None], None),
]


async def test_values_of_the_wire_are_held_exactly(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("n", parse_type("integer")), *(Filled(kind, parse_type(kind)) for kind, _, _ in PLAIN)]
    most = max(len(values) for _, values, _ in PLAIN)
    rows = [[n, *(values[n] if n < len(values) else None for _, values, _ in PLAIN)] for n in range(most)]
    await engine.fill(filling(view, columns, ["n"]), pages(rows), lambda: MARK)
    for kind, values, expected in PLAIN:
        found = await shown(engine, f"SELECT toString(`{kind}`) FROM filling.{view.table} ORDER BY n")
        wanted = [*(expected or [v for v in values if v is not None]), *[None] * most][:most]
        assert [row[0] for row in found] == wanted, kind


@pytest.mark.parametrize("zone", ["", " UTC"])
async def test_times_of_nine_digits_are_held_where_they_fit_and_end_the_filling_where_not(
    engine: ClickHouseEngine, view: TableName, zone: str
) -> None:
    columns = [Filled("k", parse_type(f"timestamp(9){' with time zone' if zone else ''}"))]
    held = ["1900-01-01 00:00:00.000000001", "2024-03-10 01:00:00.123456789", "2262-04-11 23:47:16.854775807"]
    await engine.fill(filling(view, columns), pages([*([f"{each}{zone}"] for each in held), [None]]), lambda: MARK)
    found = await shown(engine, f"SELECT toString(k, 'UTC') FROM filling.{view.table} ORDER BY k")
    assert [row[0] for row in found] == [*held, None]
    for beyond in ("1600-12-31 23:59:59.999999999", "2262-04-11 23:47:16.854775808", "9999-12-31 00:00:00.000000000"):
        with pytest.raises(Refusal, match="cannot hold all values of type timestamp"):
            await engine.fill(filling(view, columns), pages([[f"{beyond}{zone}"]]), lambda: MARK)


@pytest.mark.parametrize(
    ("kind", "beyond"),
    [
        ("timestamp(3) with time zone", "12024-03-10 01:00:00.123 UTC"),
        ("timestamp(3) with time zone", "-0002-03-10 01:00:00.123 UTC"),
        ("timestamp(3)", "12024-03-10 01:00:00.123"),
        ("timestamp(3)", "-0002-03-10 01:00:00.123"),
        ("date", "-0002-03-10"),
        ("date", "12024-03-10"),
        ("array(date)", ["12024-03-10"]),
        ("map(date, bigint)", {"-0002-03-10": 1}),
        ("array(timestamp(6))", ["-0002-03-10 01:00:00.123456"]),
    ],
)
async def test_what_lies_beyond_the_years_of_clickhouse_ends_the_filling_and_is_never_null(
    engine: ClickHouseEngine, view: TableName, kind: str, beyond: object
) -> None:
    with pytest.raises(Refusal, match=r"cannot hold all values|cannot be cast"):
        columns = [Filled("n", parse_type("integer")), Filled("k", parse_type(kind))]
        await engine.fill(filling(view, columns, ["n"]), pages([[1, beyond]]), lambda: MARK)


async def test_bytes_are_held_as_bytes(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("k", parse_type("varbinary"))]
    await engine.fill(filling(view, columns), pages([["AP8="], [""], [None]]), lambda: MARK)
    found = await shown(engine, f"SELECT hex(k) FROM filling.{view.table} ORDER BY k")
    assert [row[0] for row in found] == ["", "00FF", None]


async def test_a_group_of_null_is_one_of_its_own(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("k", VARCHAR), Filled("n", parse_type("bigint"))]
    await engine.fill(filling(view, columns), pages([["", 1], [None, 2]]), lambda: MARK)
    found = await shown(engine, f"SELECT ifNull(k, '(null)'), n FROM filling.{view.table} ORDER BY n")
    assert found == [("", 1), ("(null)", 2)]


async def test_states_merge_to_what_their_values_give(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [
        Filled("k", VARCHAR),
        Filled("u", array(VARCHAR), State("u", "uniqExact", ("node",))),
        Filled("d", array(DOUBLE), State("d", "uniqExact", ("x",))),
        Filled("p", array(parse_type("integer")), State("p", "quantileExact", ("mw",))),
        Filled("t", array(decimal(10, 2)), State("t", "quantileTDigest", ("lmp",))),
        Filled("last", DOUBLE, State("last", "argMax", ("lmp", "ts")), beside=timestamp(6)),
    ]
    rows: list[list[object]] = [
        ["a", ["x", "y"], [0.0, "NaN"], [1, 2, 3], ["1.50", "2.00"], 1.5, "2024-01-01 00:00:00.000001"],
        ["b", ["y", None], [-0.0, "NaN"], [4, 5], None, None, "2024-01-01 00:00:00.000002"],
        [None, None, None, None, ["2.50"], None, None],
    ]
    await engine.fill(filling(view, columns), pages(rows[:1], rows[1:]), lambda: MARK)
    merged = (
        "toString(uniqExactMerge(u)), toString(uniqExactMerge(d)), toString(quantileExactMerge(0.9)(p)),"
        " toString(quantileTDigestMerge(0.5)(t)), argMaxMerge(last).1"
    )
    assert await shown(engine, f"SELECT {merged} FROM filling.{view.table}") == [("2", "2", "5", "2", None)]
    assert await shown(engine, f"SELECT argMaxMerge(last).1 FROM filling.{view.table} WHERE k = 'a'") == [(1.5,)]
    kinds = await shown(
        engine, f"SELECT engine FROM system.tables WHERE database = 'filling' AND name = '{view.table}'"
    )
    assert kinds == [("AggregatingMergeTree",)]


async def test_rows_stay_as_they_came_when_clickhouse_merges_parts(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("k", VARCHAR), Filled("n", parse_type("bigint")), Filled("u", array(VARCHAR), U)]
    await engine.fill(
        filling(view, columns), pages([["a", 1, ["x"]]], [["b", 2, ["x"]]], [[None, 3, []]]), lambda: MARK
    )
    await run(engine, f"OPTIMIZE TABLE filling.{view.table} FINAL")
    found = await shown(engine, f"SELECT n, toInt64(finalizeAggregation(u)) FROM filling.{view.table} ORDER BY n")
    assert found == [(1, 1), (2, 1), (3, 0)]


U = State("u", "uniqExact", ("node",))


async def test_rows_without_a_key_are_never_merged(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("k", VARCHAR), Filled("u", array(VARCHAR), U)]
    await engine.fill(
        replace(filling(view, columns), grouped=False), pages([["a", ["x"]]], [["a", ["x"]]]), lambda: MARK
    )
    await run(engine, f"OPTIMIZE TABLE filling.{view.table} FINAL")
    assert await shown(engine, f"SELECT toInt64(count()) FROM filling.{view.table}") == [(2,)]


async def test_the_document_lies_with_the_rows(engine: ClickHouseEngine, view: TableName) -> None:
    made = filling(view, [Filled("k", VARCHAR)])
    filled = await engine.fill(made, pages([["a"]]), lambda: MARK)
    assert (filled.rows, filled.replaced) == (1, False)
    table = await engine.describe(view)
    assert table is not None
    assert read_document(view, table.comment) == replace(made.document, watermark=MARK, rows=1)


async def test_the_document_tells_between_which_times_the_rows_lie(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("t", timestamp(6)), Filled("d", parse_type("date")), Filled("z", timestamp(3, zone=True))]
    rows: list[list[object]] = [
        ["2026-03-08 02:30:00.000001", "0001-01-01", None],
        ["1969-12-31 23:59:59.999999", None, None],
        [None, None, None],
    ]
    await engine.fill(filling(view, columns, ["t"]), pages(rows), lambda: MARK)
    table = await engine.describe(view)
    assert table is not None
    document = read_document(view, table.comment)
    assert document is not None
    assert document.bounds == (
        Bound("t", "TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMP '2026-03-08 02:30:00.000001'", nulls=True),
        Bound("d", "DATE '0001-01-01'", "DATE '0001-01-01'", nulls=True),
    )


async def test_a_view_is_replaced_whole(engine: ClickHouseEngine, view: TableName) -> None:
    await check_replacing(engine, view)


@pytest.mark.long
async def test_a_view_is_replaced_whole_over_http(front: int) -> None:
    async with over_http(front) as engine:
        await run(engine, "CREATE DATABASE IF NOT EXISTS filling")
        await check_replacing(engine, TableName("ch", "filling", "v"))


async def check_replacing(engine: ClickHouseEngine, view: TableName) -> None:
    await engine.fill(filling(view, [Filled("k", VARCHAR)]), pages([["old"]]), lambda: MARK)
    filled = await engine.fill(filling(view, [Filled("k", VARCHAR)]), pages([["new"]]), lambda: MARK)
    assert filled.replaced
    assert await shown(engine, f"SELECT k FROM filling.{view.table}") == [("new",)]
    assert not await left_over(engine)


async def left_over(engine: ClickHouseEngine) -> list[tuple[object, ...]]:
    return await shown(engine, "SELECT name FROM system.tables WHERE database = 'filling' AND name LIKE '.inner%'")


async def test_a_filling_that_fails_leaves_the_old_view_and_nothing_else(
    engine: ClickHouseEngine, view: TableName
) -> None:
    await engine.fill(filling(view, [Filled("k", VARCHAR)]), pages([["old"]]), lambda: MARK)
    bad = filling(view, [Filled("k", VARCHAR, nullable=False)])
    with pytest.raises(Refusal):
        await engine.fill(bad, pages([["new"]], [[None]]), lambda: MARK)
    with pytest.raises(Refusal, match="changed while it was built"):
        await engine.fill(filling(view, [Filled("k", VARCHAR)]), pages([["new"]]), lambda: None)
    assert await shown(engine, f"SELECT k FROM filling.{view.table}") == [("old",)]
    assert not await left_over(engine)


async def test_what_a_crash_left_behind_is_taken_away_a_day_later_and_nothing_sooner(
    engine: ClickHouseEngine, view: TableName
) -> None:
    now = int(time.time())
    begun = {f".inner.penstock.{now - age}.ab.v": age for age in (90_000, 60)}
    for name in begun:
        await run(engine, f"CREATE TABLE filling.`{name}` (k String) ENGINE = MergeTree ORDER BY k")
    await engine.fill(filling(view, [Filled("k", VARCHAR)]), pages([["a"]]), lambda: MARK)
    assert [name for (name,) in await left_over(engine)] == [f".inner.penstock.{now - 60}.ab.v"]
    await run(engine, f"DROP TABLE filling.`.inner.penstock.{now - 60}.ab.v` SYNC")


@pytest.mark.long
async def test_views_that_are_filled_at_once_do_not_hinder_one_another(
    engine: ClickHouseEngine, view: TableName
) -> None:
    names = [TableName("ch", "filling", f"{view.table}_{number}") for number in range(6)]
    made = [filling(name, [Filled("k", VARCHAR)]) for name in names]
    filled = await asyncio.gather(*(engine.fill(each, pages([["a"]], [["b"]]), lambda: MARK) for each in made))
    assert [each.rows for each in filled] == [2] * len(names)


async def test_an_instant_in_another_zone_is_not_shown_in_utc_later(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("k", timestamp(3, zone=True))]
    with pytest.raises(Refusal, match="in UTC only") as refused:
        await engine.fill(filling(view, columns), pages([["2024-01-01 00:00:00.000 Asia/Kolkata"]]), lambda: MARK)
    assert refused.value.code is ErrorCode.NOT_SUPPORTED


async def test_what_cannot_be_held_exactly_is_refused_by_name(engine: ClickHouseEngine, view: TableName) -> None:
    for kind in ("timestamp(12)", "time(3)", "json", "HyperLogLog", "interval day to second"):
        with pytest.raises(Refusal, match="cannot hold values of type"):
            await engine.fill(filling(view, [Filled("k", parse_type(kind))]), pages([]), lambda: MARK)


async def test_a_table_that_is_no_view_is_never_replaced_or_dropped(engine: ClickHouseEngine, view: TableName) -> None:
    await run(engine, f"CREATE TABLE filling.{view.table} (k String) ENGINE = MergeTree ORDER BY k COMMENT 'prices'")
    with pytest.raises(Refusal) as refused:
        await engine.fill(filling(view, [Filled("k", VARCHAR)]), pages([]), lambda: MARK)
    assert refused.value.code is ErrorCode.TABLE_ALREADY_EXISTS
    with pytest.raises(Refusal):
        await engine.drop_view(view)
    assert await engine.describe(view) is not None


async def test_a_dropped_view_is_gone(engine: ClickHouseEngine, view: TableName) -> None:
    await engine.fill(filling(view, [Filled("k", VARCHAR)]), pages([["a"]]), lambda: MARK)
    assert await engine.drop_view(view)
    assert not await engine.drop_view(view)
    assert await engine.describe(view) is None


async def test_clickhouse_keeps_views(engine: ClickHouseEngine) -> None:
    assert isinstance(engine, ViewKeepingEngine)
