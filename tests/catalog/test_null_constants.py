"""Which constants may turn out to be NULL."""

from __future__ import annotations

import pytest

from catalog.dialect.parse import parse_expression
from catalog.null_constants import may_be_null


@pytest.mark.parametrize(
    "text",
    [
        "NULL",
        "CAST(NULL AS bigint)",
        "TRY_CAST('x' AS bigint)",
        "nullif(1, 1)",
        "if(false, 1)",
        "try(1 / 0)",
        "element_at(ARRAY[1], 2)",
        "CAST(JSON 'null' AS bigint)",
        "lower(NULL)",
        "1 + NULL",
        "(SELECT 1)",
    ],
)
def test_it_may_be_null(text: str) -> None:
    assert may_be_null(parse_expression(text))


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "-1.5",
        "'a' || lower('B')",
        "DATE '2026-01-01' - INTERVAL '1' DAY",
        "year(current_date) - 1",
        "extract(month FROM current_date)",
        "date_add('day', -1, current_date)",
        "date_trunc('month', now())",
        "trim('a')",
        "TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'UTC'",
        "ARRAY[NULL]",
        "row(NULL)",
        "nullif(k, 1)",
        "k",
    ],
)
def test_it_has_a_value_or_is_no_constant(text: str) -> None:
    assert not may_be_null(parse_expression(text))
