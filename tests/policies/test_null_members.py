"""NULL among the values that a policy compares with is a value on no engine, whatever its optimizer thinks."""

from __future__ import annotations

import pytest

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression
from policies.expressions import read_expression

UNKNOWN = "TRY_CAST(attr('desk') AS BIGINT)"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("k IN (1, 2, NULL)", '("k" IN (1, 2) OR CASE WHEN (NULL) IS NULL THEN NULL ELSE "k" = NULL END)'),
        ("k = NULL OR k = 1", 'CASE WHEN (NULL) IS NULL THEN NULL ELSE "k" = NULL END OR "k" = 1'),
        (f"k IN ({UNKNOWN})", f'(CASE WHEN ({UNKNOWN}) IS NULL THEN NULL ELSE "k" = {UNKNOWN} END)'),
        ("nullif(1, 1) = k", 'CASE WHEN (nullif(1, 1)) IS NULL THEN NULL ELSE nullif(1, 1) = "k" END'),
        (
            "(k IN (1, NULL)) = NULL",
            'CASE WHEN (NULL) IS NULL THEN NULL ELSE (("k" IN (1) OR CASE WHEN (NULL) IS NULL THEN NULL '
            'ELSE "k" = NULL END)) = NULL END',
        ),
    ],
)
def test_a_constant_that_may_be_null_is_compared_with_apart(written: str, kept: str) -> None:
    assert generate(read_expression(written, parse_expression).tree) == kept


@pytest.mark.parametrize(
    "written",
    [
        '"k" IN (1, 2) OR "g" = \'a\'',
        "\"desk\" = attr('desk')",
        "\"g\" IN (lower(attr('a')), trim('b'), 'c' || 'd')",
        '"k" = "i" OR "k" IN ("i", -1, 2 + 3)',
        "\"d\" = CAST('2020-01-01' AS DATE)",
        '"k" IS NULL OR "k" > NULL',
    ],
)
def test_all_else_stays_as_it_is_written(written: str) -> None:
    assert generate(read_expression(written, parse_expression).tree) == written
