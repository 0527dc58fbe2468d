"""Where DuckDB would fail what Trino answers: lambdas in aggregates in lambdas, constants that order nothing."""

from __future__ import annotations

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from tests.engines.lake.asking import Lake

ROWS = (
    "(VALUES ('a', DECIMAL '1.50', DECIMAL '3.00', '7', 5), ('a', DECIMAL '2.50', DECIMAL '4.00', '8', -3),"
    " ('b', DECIMAL '9.00', DECIMAL '2.00', '9', 2)) t(k, p, q, s, i)"
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("avg(p / q)", [["0.57"], ["4.50"]]),
        ("avg(p / q) / avg(q / p)", [["0.32"], ["20.45"]]),
        ("sum(p / q) / sum(q)", [["0.16"], ["2.25"]]),
        ("sum(p * q) / sum(q / p)", [["4.0278"], ["81.8182"]]),
        ("avg(CAST(s AS decimal(10,2)))", [["7.50"], ["9.00"]]),
        ("avg(p / q) FILTER (WHERE p / q > DECIMAL '0.55')", [["0.63"], ["4.50"]]),
        ("sum(i % CAST(s AS integer)) % min(i % CAST(s AS integer))", [[2], [0]]),
        ("substr(max(substr(k, i * i)), CAST(min(s) AS integer) - 6)", [[""], [""]]),
        ("sequence(min(CAST(s AS integer)), max(CAST(s AS integer)))", [[[7, 8]], [[9]]]),
        ("element_at(array_agg(p / q ORDER BY i), CAST(min(s) AS integer) - 6)", [["0.63"], None]),
        ("skewness(CAST(s AS double) / CAST(s AS integer))", [[None], [None]]),
        ("array_agg(p / q ORDER BY i)", [[["0.63", "0.50"]], [["4.50"]]]),
        ("element_at(array_agg(i ORDER BY i), CAST(min(s) AS integer) - 6)", [[-3], None]),
    ],
)
@pytest.mark.asyncio
async def test_computed_aggregates_of_groups(
    lake: Lake, catalog: SqlCatalog, value: str, expected: list[object]
) -> None:
    rows = await lake.ask(f"SELECT k, {value} FROM {ROWS} GROUP BY k ORDER BY k")
    assert [row[1:] for row in rows][: len(expected)] == [each or [None] for each in expected]


@pytest.mark.asyncio
async def test_computed_aggregates_over_windows(lake: Lake, catalog: SqlCatalog) -> None:
    rows = await lake.ask(f"SELECT avg(p / q) OVER (PARTITION BY k) / sum(q / p) OVER () FROM {ROWS} ORDER BY 1")
    assert rows == [["0.15"], ["0.15"], ["1.18"]]


@pytest.mark.parametrize("constant", ["'x'", "0e0", "true", "NULL", "DATE '2026-01-01'", "length('ab')"])
@pytest.mark.asyncio
async def test_rows_may_be_asked_for_in_the_order_of_a_constant(lake: Lake, constant: str) -> None:
    rows = await lake.ask(f"SELECT i FROM {ROWS} ORDER BY {constant}, i DESC")
    assert rows == [[5], [2], [-3]]
    assert await lake.ask(f"SELECT max(i) OVER (ORDER BY {constant}) FROM {ROWS}") == [[5], [5], [5]]
