"""A partition's value bounds the columns that it is made from, and nothing that it cannot tell."""

from __future__ import annotations

import pytest

from catalog.materialized_views import Bound
from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, DATE, VARCHAR, timestamp
from engines.clickhouse.partition_bounds import partition_region

COLUMNS = (
    Column("ts", timestamp(3), native_name="Ts", native_type="DateTime64(3, 'UTC')"),
    Column("local", timestamp(0), native_type="DateTime"),
    Column("day", DATE, native_type="Date"),
    Column("far", DATE, native_type="Date32"),
    Column("hub", VARCHAR, native_type="LowCardinality(String)"),
    Column("k", BIGINT, native_type="Int64"),
    Column("maybe", timestamp(3), native_type="Nullable(DateTime64(3, 'UTC'))"),
)
TABLE = Table(TableName("c", "s", "t"), COLUMNS, "clickhouse")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("toYYYYMM(Ts)", "202402", [Bound("ts", "TIMESTAMP '2024-02-01 00:00:00'", "TIMESTAMP '2024-03-01 00:00:00'")]),
        ("toYYYYMM(local)", "202312", [Bound("local", "TIMESTAMP '2023-11-30 00:00:00'", "TIMESTAMP '2024-01-02 00:00:00'")]),
        ("toStartOfHour(Ts)", "2024-03-09 05:00:00", [Bound("ts", "TIMESTAMP '2024-03-09 05:00:00'", "TIMESTAMP '2024-03-09 06:00:00'")]),
        ("toMonday(Ts)", "2024-03-04", [Bound("ts", "TIMESTAMP '2024-03-04 00:00:00'", "TIMESTAMP '2024-03-11 00:00:00'")]),
        ("toYear(day)", "2024", [Bound("day", "DATE '2024-01-01'", "DATE '2024-12-31'")]),
        ("day", "2024-03-09", [Bound("day", "DATE '2024-03-09'", "DATE '2024-03-09'")]),
        ("(hub, toYYYYMMDD(Ts))", "('O\\'x',20240309)", [Bound("hub", "'O''x'", "'O''x'"), Bound("ts", "TIMESTAMP '2024-03-09 00:00:00'", "TIMESTAMP '2024-03-10 00:00:00'")]),
        ("(k, day)", "(-1,'2024-03-09')", [Bound("k", "-1", "-1"), Bound("day", "DATE '2024-03-09'", "DATE '2024-03-09'")]),
        ("toDate(Ts)", "2024-03-09", []),
        ("toDate(far)", "2024-03-09", []),
        ("toStartOfDay(Ts)", "1970-01-01 00:00:00", []),
        ("toStartOfMonth(Ts)", "2149-06-06", []),
        ("toYYYYMM(maybe)", "202402", []),
        ("k % 2", "1", []),
        ("toStartOfWeek(Ts, 1)", "2024-03-04", []),
        ("tuple()", "tuple()", []),
        ("toYYYYMM(gone)", "202402", []),
        ("toYYYYMM(Ts)", "nonsense", []),
        ("(k, day)", "(1,2,3)", []),
    ],
)  # fmt: skip
def test_a_partition_bounds_what_its_value_tells(key: str, value: str, expected: list[Bound]) -> None:
    assert list(partition_region(TABLE, key, value).bounds) == expected
