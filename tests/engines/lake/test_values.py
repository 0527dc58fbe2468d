"""Values on the wire: golden vectors of the protocol's section 7, and what older clients are sent."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.types import parse_type
from engines.base import OutputColumn
from engines.lake.arrow_rows import wire_converter
from engines.rows import Paginator, Progress, columns_json, dump_rows, encode_rows, stats_json
from engines.values import fit_digits, java_double

EXACT = frozenset({"PARAMETRIC_DATETIME"})
OLD: frozenset[str] = frozenset()
BERLIN = datetime(2020, 6, 1, 12, 30, 45, 123456, tzinfo=ZoneInfo("Europe/Berlin"))

VECTORS = [
    ("boolean", True, "true"),
    ("bigint", 9223372036854775807, "9223372036854775807"),
    ("double", 42, "42.0"),
    ("double", -0.0, "-0.0"),
    ("double", 1e22, "1e+22"),
    ("double", float("nan"), '"NaN"'),
    ("double", float("-inf"), '"-Infinity"'),
    ("real", 0.10000000149011612, "0.1"),
    ("real", 16777216.0, "16777216.0"),
    ("decimal(10,2)", Decimal("10"), '"10.00"'),
    ("decimal(38,10)", Decimal("0E-10"), '"0.0000000000"'),
    ("decimal(4,0)", Decimal("-7"), '"-7"'),
    ("varchar", 'é\u2028"', '"é\u2028\\""'),
    ("char(5)", "ab", '"ab   "'),
    ("varbinary", b"\x00\xff", '"AP8="'),
    ("date", date(2020, 1, 31), '"2020-01-31"'),
    ("time(6)", time(1, 2, 3, 456000), '"01:02:03.456000"'),
    ("time(0)", time(1, 2, 3), '"01:02:03"'),
    ("timestamp(0)", datetime(2020, 1, 31, 1, 2, 3), '"2020-01-31 01:02:03"'),
    ("timestamp(6)", datetime(1, 1, 1), '"0001-01-01 00:00:00.000000"'),
    ("timestamp(9)", "2020-01-01 00:00:00.123456789", '"2020-01-01 00:00:00.123456789"'),
    ("timestamp(3) with time zone", BERLIN.replace(microsecond=0), '"2020-06-01 12:30:45.000 Europe/Berlin"'),
    ("timestamp(3) with time zone", datetime(2020, 1, 1, tzinfo=UTC), '"2020-01-01 00:00:00.000 UTC"'),
    (
        "timestamp(0) with time zone",
        datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        '"2020-01-01 00:00:00 -03:30"',
    ),
    ("interval day to second", timedelta(days=2, hours=3, milliseconds=5), '"2 03:00:00.005"'),
    ("interval day to second", -1, '"-0 00:00:00.001"'),
    ("interval year to month", -14, '"-1-2"'),
    ("uuid", UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    ("json", '{"a": 1}', '"{\\"a\\": 1}"'),
    ("array(decimal(3,1))", [Decimal("1.5"), None], '["1.5",null]'),
    ("row(a bigint, b varchar)", {"a": 1, "b": None}, "[1,null]"),
    ("map(bigint, double)", {1: 2.0}, '{"1":2.0}'),
    ("map(date, bigint)", [(date(2020, 1, 1), 1)], '{"2020-01-01":1}'),
    ("map(boolean, bigint)", {True: 1}, '{"true":1}'),
    ("map(double, bigint)", {1e22: 1, 0.5: 2}, '{"1.0E22":1,"0.5":2}'),
    ("array(array(varchar))", [["x"], None], '[["x"],null]'),
]


@pytest.mark.parametrize(("type_", "value", "shown"), VECTORS, ids=lambda v: str(v)[:40])
def test_each_type_has_its_json_form(type_: str, value: object, shown: str) -> None:
    assert encode_rows([[value, None]], [parse_type(type_)], EXACT).decode() == f"[[{shown}],[null]]"


@pytest.mark.parametrize(
    ("text", "digits", "shown"),
    [
        ("2020-12-31 23:59:59.9995", 3, "2021-01-01 00:00:00.000"),
        ("2020-12-31 23:59:59.9994999", 3, "2020-12-31 23:59:59.999"),
        ("23:59:59.9999", 3, "00:00:00.000"),
        ("2020-01-01 00:00:00.5 Europe/Berlin", 0, "2020-01-01 00:00:01 Europe/Berlin"),
        ("2020-01-01 00:00:00 UTC", 3, "2020-01-01 00:00:00.000 UTC"),
        ("+10000-01-01 00:00:00.1234", 3, "+10000-01-01 00:00:00.123"),
    ],
)
def test_datetimes_are_rounded_half_up_to_the_digits_of_their_type(text: str, digits: int, shown: str) -> None:
    assert fit_digits(text, digits) == shown


def test_rounding_out_of_the_calendar_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        fit_digits("9999-12-31 23:59:59.9999", 3)
    assert refusal.value.code is ErrorCode.NOT_SUPPORTED


def test_clients_without_parametric_datetimes_get_three_digits_and_no_precision() -> None:
    column = OutputColumn("t", parse_type("timestamp(6)"))
    assert json.loads(columns_json([column], OLD)) == [
        {"name": "t", "type": "timestamp", "typeSignature": {"rawType": "timestamp", "arguments": []}}
    ]
    assert encode_rows([["2020-01-01 00:00:00.123567"]], [column.type], OLD) == b'[["2020-01-01 00:00:00.124"]]'
    nested = parse_type("array(timestamp(6))")
    assert encode_rows([[[datetime(2020, 1, 1, 0, 0, 0, 999500)]]], [nested], OLD) == b'[[["2020-01-01 00:00:01.000"]]]'


def test_columns_carry_type_text_and_signature() -> None:
    columns = [
        OutputColumn("a", parse_type("decimal(10,2)")),
        OutputColumn("b", parse_type("varchar")),
        OutputColumn("c", parse_type("map(varchar(3), array(timestamp(6) with time zone))")),
    ]
    written = json.loads(columns_json(columns, EXACT))
    assert [c["type"] for c in written] == [
        "decimal(10, 2)",
        "varchar",
        "map(varchar(3), array(timestamp(6) with time zone))",
    ]
    assert written[0]["typeSignature"] == {
        "rawType": "decimal",
        "arguments": [{"kind": "LONG", "value": 10}, {"kind": "LONG", "value": 2}],
    }
    assert written[1]["typeSignature"]["arguments"] == [{"kind": "LONG", "value": 2147483647}]
    assert all(not set("<>,") & set(c["typeSignature"]["rawType"]) for c in written)


def test_maps_with_keys_that_have_no_text_are_refused() -> None:
    with pytest.raises(Refusal):
        encode_rows([[{b"x": 1}]], [parse_type("map(varbinary, bigint)")], EXACT)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.0, "1.0"), (0.001, "0.001"), (1e-4, "1.0E-4"), (1e7, "1.0E7"), (123.25, "123.25"), (-0.0, "-0.0")],
)
def test_doubles_as_map_keys_are_written_as_java_does(number: float, text: str) -> None:
    assert java_double(number) == text


ARROW = [
    (
        "timestamp(6)",
        pa.array([0, None, -1], pa.timestamp("us")),
        ["1970-01-01 00:00:00.000000", None, "1969-12-31 23:59:59.999999"],
    ),
    ("timestamp(3)", pa.array([1500], pa.timestamp("us")), ["1970-01-01 00:00:00.002"]),
    ("timestamp(0)", pa.array([1000000], pa.timestamp("us")), ["1970-01-01 00:00:01"]),
    ("timestamp(9)", pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
    ("timestamp(8)", pa.array([10], pa.timestamp("us")), ["1970-01-01 00:00:00.00001000"]),
    ("timestamp(6)", pa.array([253402300800000000], pa.timestamp("us")), ["+10000-01-01 00:00:00.000000"]),
    ("date", pa.array([2932897, -719529], pa.date32()), ["+10000-01-01", "-0001-12-31"]),
    ("time(6)", pa.array([1], pa.time64("us")), ["00:00:00.000001"]),
    (
        "decimal(38,10)",
        pa.array([Decimal("1E-10"), Decimal(0), Decimal("-1.5")], pa.decimal128(38, 10)),
        ["0.0000000001", "0.0000000000", "-1.5000000000"],
    ),
    ("real", pa.array([0.1, float("inf"), None], pa.float32()), [0.1, "Infinity", None]),
    ("double", pa.array([1.5, float("nan")], pa.float64()), [1.5, "NaN"]),
    ("char(3)", pa.array(["é", None]), ["é  ", None]),
    ("varbinary", pa.array([b"a"]), ["YQ=="]),
    (
        "array(timestamp(3))",
        pa.array([[datetime(2020, 1, 1)]], pa.list_(pa.timestamp("us"))),
        [["2020-01-01 00:00:00.000"]],
    ),
    ("map(varchar, bigint)", pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), [{"a": 1}]),
    ("unknown", pa.nulls(2), [None, None]),
]


@pytest.mark.parametrize(("type_", "column", "shown"), ARROW, ids=[f"{t}-{i}" for i, (t, _, _) in enumerate(ARROW)])
def test_arrow_columns_have_the_same_json_form(type_: str, column: pa.Array, shown: list[object]) -> None:
    assert list(wire_converter(parse_type(type_), "UTC", exact=True)(column)) == shown


def test_zoned_arrow_columns_show_the_zone_they_are_given() -> None:
    column = pa.array([0], pa.timestamp("us", tz="UTC"))
    convert = wire_converter(parse_type("timestamp(3) with time zone"), "Asia/Kolkata", exact=True)
    assert list(convert(column)) == ["1970-01-01 00:00:00.000 Asia/Kolkata"]


def test_pages_hold_about_a_megabyte_and_all_rows_in_order() -> None:
    pages = Paginator(target=10_000)
    cut = [
        page for start in range(0, 5000, 500) for page in pages.add([list(range(start, start + 500)), ["x" * 20] * 500])
    ]
    cut += list(pages.finish())
    rows = [row for page in cut for row in json.loads(page.data)]
    assert rows == [[i, "x" * 20] for i in range(5000)]
    assert sum(page.rows for page in cut) == 5000
    assert all(len(page.data) < 20_000 for page in cut)
    assert len(cut) > 10


def test_a_row_larger_than_a_page_is_a_page_of_its_own() -> None:
    pages = Paginator(target=1000)
    cut = [*pages.add([["x" * 50_000, "y" * 50_000]]), *pages.finish()]
    assert [page.rows for page in cut] == [1, 1]


def test_an_empty_result_has_no_data_page() -> None:
    pages = Paginator()
    assert [*pages.add([[], []]), *pages.finish()] == []
    assert dump_rows([[], []]) == b"[]"


def test_statistics_have_every_member_clients_read() -> None:
    stats = json.loads(stats_json(Progress("RUNNING", queued_ms=5, elapsed_ms=12, rows=3, bytes=40)))
    assert stats["rootStage"]["state"] == stats["state"] == "RUNNING"
    assert stats["processedRows"] == stats["rootStage"]["processedRows"] == 3
    assert stats["elapsedTimeMillis"] - stats["queuedTimeMillis"] == stats["wallTimeMillis"] == 7
    assert {"nodes", "peakMemoryBytes", "physicalInputBytes", "spilledBytes", "cpuTimeMillis"} <= stats.keys()
    assert {"subStages", "failedTasks", "coordinatorOnly", "done"} <= stats["rootStage"].keys()
