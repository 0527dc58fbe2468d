"""What the benchmark of estimates asks and counts."""

from __future__ import annotations

import sqlglot

from loadtests.estimate.figures import Outcome, missing, q_error, said
from loadtests.estimate.queries import demo_queries, queries
from tests.pricing.test_calibration import priced

TEXT = """SELECT count(*) FROM lineitem
WHERE l_shipdate >= '1994-01-01' AND l_shipdate < CAST('1995-01-01' AS date) AND d_year = 2000 AND l_quantity < 24 LIMIT 50"""


def test_a_seed_moves_days_together_and_leaves_the_shape_alone() -> None:
    own = next(queries({"tpch": {"6": TEXT}}, 0)).sql
    other = next(queries({"tpch": {"6": TEXT}}, 3)).sql
    assert own != other
    assert other == next(queries({"tpch": {"6": TEXT}}, 3)).sql
    assert "LIMIT 50" in other
    assert own.count("AS DATE") == other.count("AS DATE") == 2  # Trino compares a date with no text
    first, last = (each.this.name for each in _days(other))
    assert first < last


def _days(sql: str) -> list[sqlglot.exp.Cast]:
    return [each for each in sqlglot.parse_one(sql, read="trino").find_all(sqlglot.exp.Cast) if each.this.is_string]


def test_the_demo_is_asked_what_its_users_ask() -> None:
    asked = list(demo_queries(1))
    assert len(asked) > 10
    assert all(each.schema == "curated" for each in asked)


def test_the_last_line_has_errors_and_coverage() -> None:
    told = priced(bytes=(900_000, 1_000_000, 1_100_000), coverage=0.9)
    found = [Outcome(2, "a", "lake", "FINISHED", "", told, size) for size in (1_000_000, 1_050_000, 2_000_000)]
    assert said(found) == "q_error_p50=1.05 q_error_p95=2.00 coverage_stated=0.900 coverage_measured=0.667 n=3"
    assert said([]) == "n=0"


def test_small_differences_of_small_sizes_are_none() -> None:
    assert q_error(0, 1000) == 1
    assert q_error(2048, 0) == q_error(0, 2048) == 2


def test_what_is_in_no_figure_is_named() -> None:
    found = [
        Outcome(2, "a", "lake", "REFUSED", "TYPE_MISMATCH", None, None),
        Outcome(2, "b", "lake", "FINISHED", "", priced(), None),
        Outcome(2, "c", "lake", "FINISHED", "", priced(kind="unknown"), 5),
        Outcome(2, "d", "lake", "FINISHED", "", priced(), 5),
    ]
    assert missing(found) == "1 REFUSED TYPE_MISMATCH, 1 not measured by its engine, 1 not estimated"
