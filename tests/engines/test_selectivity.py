"""Guesses of how many rows a condition keeps stay between none and all, and follow what is known of columns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.statistics import ALL_ROWS, NO_ROWS, AllOf, AnyOf, ColumnStatistics, Comparison, Condition, Opaque
from engines.selectivity import UNKNOWN, share

COLUMNS = {
    "k": ColumnStatistics(distinct=100.0, low=1, high=1001, nulls=0),
    "d": ColumnStatistics(distinct=10.0, low=date(2026, 1, 1), high=date(2026, 1, 11), nulls=500),
    "t": ColumnStatistics(low=datetime(2026, 1, 1), high=datetime(2026, 1, 2)),
    "m": ColumnStatistics(distinct=4.0, low=Decimal("0.5"), high=Decimal("0.5")),
    "s": ColumnStatistics(distinct=2.0),
}
KNOWN: list[tuple[Condition, float]] = [
    (ALL_ROWS, 1.0),
    (NO_ROWS, 0.0),
    (Comparison("k", "=", (5,)), 0.01),
    (Comparison("k", "=", (5000,)), 0.0),
    (Comparison("k", "in", (5, 6, 5000)), 0.02),
    (Comparison("k", "<>", (5,)), 0.99),
    (Comparison("k", "<", (251,)), 0.25),
    (Comparison("k", ">=", (251,)), 0.75),
    (Comparison("k", "between", (101, 201)), 0.1),
    (Comparison("k", ">", (2000,)), 0.0),
    (Comparison("d", "is null"), 0.5),
    (Comparison("d", "<", (date(2026, 1, 6),)), 0.25),
    (Comparison("t", "<", (datetime(2026, 1, 1, 12),)), 0.5),
    (Comparison("m", ">=", (Decimal("0.1"),)), 1.0),
    (Comparison("s", "=", ("x",)), 0.5),
    (Comparison("unheard", "=", ("x",)), UNKNOWN),
    (Comparison("k", "<", (float("nan"),)), UNKNOWN),
    (Comparison("k", "<", (10**400,)), UNKNOWN),
    (Comparison("k", ">", (Decimal("sNaN"),)), UNKNOWN),
    (Opaque(), UNKNOWN),
    (AllOf((Comparison("k", "<", (251,)), Comparison("s", "=", ("x",)))), 0.125),
    (AnyOf((Comparison("s", "=", ("x",)), Comparison("s", "=", ("y",)))), 0.75),
]


@pytest.mark.parametrize(("condition", "kept"), KNOWN, ids=[str(each)[:60] for each, _ in KNOWN])
def test_a_condition_keeps_its_share(condition: Condition, kept: float) -> None:
    assert share(condition, COLUMNS, 1000) == pytest.approx(kept)


_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes() | st.binary()
)
_comparisons = st.builds(
    Comparison,
    st.sampled_from([*COLUMNS, "unheard"]),
    st.sampled_from(
        ["=", "<>", "<", "<=", ">", ">=", "between", "in", "not in", "is null", "is not null", "starts with"]
    ),
    st.lists(_values, max_size=3).map(tuple),
)
_conditions = st.recursive(
    _comparisons | st.just(Opaque(("k",), subquery=True)),
    lambda inner: (
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@given(_conditions, st.none() | st.integers(0, 10**12))
def test_no_condition_keeps_less_than_none_or_more_than_all(condition: Condition, rows: int | None) -> None:
    assert 0.0 <= share(condition, COLUMNS, rows) <= 1.0
