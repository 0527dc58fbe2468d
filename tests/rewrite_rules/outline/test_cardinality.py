"""What the widest operator is called, how many rows it makes, and what would bound it: over TPC-H's smallest data."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.statistics import Basis, ColumnStatistics, Interval, Scan, ScanEstimate, TableStatistics
from catalog.types import BIGINT, VARCHAR, array
from rewrite_rules.outline.cardinality import comes_out, widest
from rewrite_rules.outline.describe import describe
from rewrite_rules.outline.flows import Peak

ROWS = {"orders": 15000, "lineitem": 60175, "customer": 1500, "nation": 25}
DISTINCT = {
    "orders": {"o_orderkey": 15000, "o_custkey": 1000, "o_status": 3},
    "lineitem": {"l_orderkey": 15000, "l_partkey": 2000, "l_status": 2},
    "customer": {"c_custkey": 1500, "c_nationkey": 25},
    "nation": {"n_nationkey": 25},
}
KEYS = {"orders": (("o_orderkey",),), "customer": (("c_custkey",),), "nation": (("n_nationkey",),)}
TABLES = {
    name: Table(name, (*(Column(c, BIGINT) for c in columns), Column("tags", array(VARCHAR))), "lake")
    for table, columns in DISTINCT.items()
    if (name := TableName("tpch", "tiny", table))
}


def estimated(scan: Scan, *, known: bool) -> ScanEstimate:
    name = scan.table.table
    rows = float(ROWS[name])
    columns = {column: ColumnStatistics(distinct=float(count)) for column, count in DISTINCT[name].items()}
    found = TableStatistics(scan.table, ROWS[name], None, columns, keys=KEYS.get(name, ()))
    told = Interval.exactly(rows) if known else Interval(0, math.nan, math.nan)
    return ScanEstimate(scan, Interval(0, 0, 0), told, Basis("manifest"), statistics=found if known else None)


def peak(sql: str, *, known: bool = True, built: bool = True) -> Peak:
    for name in ROWS:
        sql = sql.replace(f" {name} ", f" tpch.tiny.{name} ")
    outline = describe(parse_query(sql.strip()), TABLES)
    scans = [estimated(scan, known=known) for scan in outline.scans]
    out = comes_out(outline, scans, built=built)
    assert out.low <= out.likely <= out.high
    return widest(outline, scans, built=built)


def test_the_published_explosion_makes_900_million_rows_though_ten_are_asked_for() -> None:
    found = peak("SELECT * FROM orders CROSS JOIN lineitem LIMIT 10")
    assert found.rows == Interval.exactly(902_625_000)
    assert found.operator == "the cross join of orders and lineitem"
    assert found.fix == "join them ON a column that both have"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM orders , lineitem ",
        "SELECT count(*) FROM (SELECT o_custkey FROM orders ) AS a JOIN (SELECT l_orderkey FROM lineitem ) AS b ON true",
        "WITH a AS (SELECT 1 AS one FROM orders ) SELECT DISTINCT one FROM a CROSS JOIN lineitem ORDER BY 1 LIMIT 1",
        "SELECT 1 FROM orders AS o JOIN lineitem AS l ON o_orderkey < l_orderkey",
        "SELECT 1 FROM orders AS o JOIN lineitem AS l ON o_orderkey + l_orderkey > 0 AND o_custkey <> l_partkey",
    ],
)
def test_explosions_are_proven_from_below_however_they_are_written(sql: str) -> None:
    found = peak(sql)
    assert found.rows.low == 902_625_000
    assert found.fix


def test_pairs_that_an_engine_need_not_make_are_likely_and_not_proven() -> None:
    found = peak("SELECT 1 FROM orders AS o JOIN lineitem AS l ON o_orderkey < l_orderkey", built=False)
    assert found.rows == Interval(0, 902_625_000, 902_625_000)
    assert found.operator == "the join of orders o and lineitem l without an equality"


def test_a_join_by_a_key_is_no_wider_than_its_other_side() -> None:
    found = peak(
        "SELECT 1 FROM lineitem AS l JOIN orders AS o ON l_orderkey = o_orderkey "
        "JOIN customer AS c ON o_custkey = c_custkey JOIN nation AS n ON c_nationkey = n_nationkey"
    )
    assert found.rows == Interval(0, 60175, 60175)
    assert found.fix == ""


def test_a_join_by_a_column_of_few_values_explodes() -> None:
    found = peak("SELECT 1 FROM orders AS o JOIN lineitem AS l ON o_status = l_status")
    assert found.rows.likely == 902_625_000 / 3
    assert found.rows.high == 902_625_000
    assert found.fix.startswith("join ON all columns")


def test_groups_are_keys_of_what_they_are_joined_to() -> None:
    found = peak(
        "SELECT 1 FROM orders AS o JOIN (SELECT l_orderkey AS k, count(*) AS n FROM lineitem GROUP BY l_orderkey) AS q "
        "ON o_orderkey = k"
    )
    assert found.rows.high == 60175


def test_arrays_that_are_made_of_numbers_multiply_rows() -> None:
    found = peak("SELECT n FROM orders CROSS JOIN UNNEST(sequence(1, 1000000)) AS t (n)")
    assert found.rows == Interval.exactly(15_000_000_000)
    unbounded = peak("SELECT n FROM orders CROSS JOIN UNNEST(sequence(1, o_orderkey)) AS t (n)")
    assert unbounded.rows.high == math.inf
    assert unbounded.operator == "UNNEST"
    assert unbounded.fix


def test_grouping_sets_multiply_rows() -> None:
    found = peak("SELECT count(*) FROM orders GROUP BY CUBE (o_orderkey, o_custkey, o_status)")
    assert found.rows.likely == 8 * 15000
    assert found.operator == "the rows of the grouping sets"


def test_what_is_not_known_of_scans_is_not_known_of_joins() -> None:
    found = peak("SELECT 1 FROM orders AS o JOIN lineitem AS l ON o_orderkey = l_orderkey", known=False)
    assert found.rows.low == 0
    assert found.rows.high == math.inf


def test_a_limit_over_a_scan_makes_it_likely_to_end_early() -> None:
    found = peak("SELECT * FROM lineitem LIMIT 10")
    assert found.rows == Interval(10, 4096, 60175)
    assert peak("SELECT * FROM lineitem ORDER BY l_orderkey LIMIT 10").rows.likely in (4096, 60175)


def test_an_outer_join_that_a_condition_turns_is_bounded_as_it_is_written_too() -> None:
    """An engine that does not see that it is turned gives each order a row, and those that find customers more."""
    sql = "SELECT 1 FROM orders AS o {} JOIN customer AS c ON o_orderkey = c_nationkey WHERE c_custkey NOT IN (1, 3)"
    turned, inner = peak(sql.format("LEFT")), peak(sql.format("INNER"))
    assert inner.rows.high == 15_000
    assert turned.rows.high == 15_000 + 1_500
    assert turned._replace(rows=inner.rows) == inner
    assert turned.rows.likely == inner.rows.likely


def test_what_is_below_an_outer_join_that_an_engine_leaves_may_be_read_without_its_condition() -> None:
    found = {}
    for kind in ("LEFT", "INNER"):
        sql = f"SELECT 1 FROM tpch.tiny.orders AS o {kind} JOIN tpch.tiny.lineitem AS l ON o_status = l_status"
        outline = describe(parse_query(f"{sql} WHERE l_orderkey = 5"), TABLES)
        scans = [estimated(scan, known=True) for scan in outline.scans]
        scans[1] = replace(scans[1], rows=Interval(0, 4, 4))
        found[kind] = widest(outline, scans).rows.high
    assert found == {"LEFT": 15_000 * 60_175, "INNER": 60_175}
