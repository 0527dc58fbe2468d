"""Conditions on the clock, taken at the moment at which a statement comes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rewrite_rules.outline.describe import describe
from tests.policies.sales import TABLES, governed_tree
from tests.rewrite_rules.outline.showing import condition

NOW = datetime(2026, 3, 8, 15, 30, tzinfo=UTC)
"""In New York 11:30 in the morning, on the day on which clocks went forward at two."""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ts > now() - INTERVAL '1' DAY", "ts > 2026-03-07 15:30:00+00:00"),
        ("ts >= current_timestamp - INTERVAL '1' MONTH", "ts >= 2026-02-08 16:30:00+00:00"),
        ("ts >= date_trunc('day', now())", "ts >= 2026-03-08 05:00:00+00:00"),
        ("ts >= current_date", "ts >= 2026-03-08 05:00:00+00:00"),
        ("ts < CAST(now() AS date) - INTERVAL '1' DAY", "ts < 2026-03-07 05:00:00+00:00"),
        ("ts >= localtimestamp", "ts >= 2026-03-08 15:30:00+00:00"),
        ("CAST(ts AS date) = current_date", "(ts >= 2026-03-08 00:00:00+00:00 and ts < 2026-03-09 00:00:00+00:00)"),
        ("date_trunc('hour', ts) < date_trunc('hour', now())", "ts < 2026-03-08 15:00:00+00:00"),
    ],
)
def test_the_clock_is_a_constant_of_a_moment(given: str, meant: str) -> None:
    tree = governed_tree(f"SELECT 1 FROM orders WHERE {given}")
    outline = describe(tree, TABLES, zone="America/New_York", now=NOW)
    assert outline.clocked
    assert condition(outline.scans[0].condition).replace("region = EU and ", "").strip("()") == meant.strip("()")


def test_what_does_not_ask_the_clock_does_not_age() -> None:
    assert not describe(governed_tree("SELECT 1 FROM orders WHERE amount > 1"), TABLES, now=NOW).clocked
