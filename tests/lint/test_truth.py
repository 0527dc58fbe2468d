"""What a condition can come to, by three-valued logic: certain where it says so."""

from __future__ import annotations

import itertools

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dialect.parse import parse_expression
from policies.expressions import read_expression
from policies.lint.truth import outcomes

ALWAYS = [
    "true",
    "1 = 1",
    "1 + 1 = 2",
    "'a' = 'a'",
    "lower('A') = 'a'",
    "NOT (1 > 2)",
    "desk IS NULL OR desk IS NOT NULL",
    "desk = desk OR desk IS NULL",
    "desk IS NOT DISTINCT FROM desk",
    "price > 0 OR price <= 0 OR price IS NULL",
    "price < 10 OR price > 5 OR price IS NULL",
    "price BETWEEN 1 AND 3 OR price < 1 OR price > 3 OR price IS NULL",
    "active IS NULL OR active OR NOT active",
    "coalesce(desk, 'x') IS NOT NULL",
    "coalesce(desk, 'x') = coalesce(desk, 'x')",
    "desk IN ('A', 'B') OR desk NOT IN ('A', 'B') OR desk IS NULL",
    "desk LIKE '%' OR desk IS NULL",
    "desk LIKE 'a%' OR desk NOT LIKE 'a%' OR desk IS NULL",
    "length(desk) >= 0 OR desk IS NULL",
    "currentUser() = currentUser()",
    "attr('desk') IS NOT NULL",
    "desk = attr('desk') OR desk <> attr('desk') OR desk IS NULL",
    "CASE WHEN desk = 'A' THEN true ELSE true END",
    "regexp_like(desk, 'x') OR 2 > 1",
    "d < DATE '2024-01-01' OR d >= DATE '2024-01-01' OR d IS NULL",
]
NEVER = [
    "false",
    "1 = 2",
    "NULL",
    "desk = NULL",
    "desk IS NULL AND desk = 'A'",
    "price > 5 AND price < 5",
    "price > 5 AND price <= 3",
    "desk = 'A' AND desk = 'B'",
    "desk <> desk",
    "active AND NOT active",
    "desk NOT LIKE '%'",
    "desk LIKE 'a%' AND desk NOT LIKE 'a%'",
    "price NOT BETWEEN 1 AND 3 AND price = 2",
    "desk IN ('A', 'B') AND desk NOT IN ('A', 'B', 'C')",
    "d < DATE '2024-01-01' AND d > DATE '2024-06-01'",
    "attr('desk') = 'A' AND attr('desk') = 'B'",
]
SOMETIMES = [
    "desk = desk",
    "desk = 'A' OR desk <> 'A'",
    "price > 0 OR price <= 0",
    "NOT active OR active",
    "desk LIKE '%'",
    "price >= 5 AND price <= 5",
    "price > 5 AND price < 6",
    "desk = attr('desk')",
    "currentUser() = desk",
    "desk > 'A' AND desk < 'B'",
    "regexp_like(desk, 'x') OR NOT regexp_like(desk, 'y')",
    "length(desk) >= 0",
    "length(desk) > 0 OR desk IS NULL",
    "a = b AND b = c",
    "a < b AND b < c",
]


def of(sql: str, required: frozenset[str] = frozenset()) -> frozenset[bool | None] | None:
    return outcomes(read_expression(sql, parse_expression).tree, required)


@pytest.mark.parametrize("sql", ALWAYS)
def test_what_is_true_of_every_row_is_known(sql: str) -> None:
    assert of(sql) == {True}


@pytest.mark.parametrize("sql", NEVER)
def test_what_is_true_of_no_row_is_known(sql: str) -> None:
    found = of(sql)
    assert found is not None
    assert True not in found


@pytest.mark.parametrize("sql", SOMETIMES)
def test_what_depends_on_the_row_is_not_taken_for_certain(sql: str) -> None:
    found = of(sql)
    assert found is not None
    assert True in found
    assert found != {True}


def test_a_column_that_is_never_null_makes_more_conditions_certain() -> None:
    assert of("desk = desk", frozenset({"desk"})) == {True}
    assert of("price > 0 OR price <= 0", frozenset({"price"})) == {True}


@pytest.mark.parametrize(
    "sql",
    [
        "desk = 1 AND desk = 'A'",
        " AND ".join(f"c{n} > {n}" for n in range(20)),
        "a < b AND b < c AND c < d AND d < a",
    ],
    ids=["two kinds", "many columns", "many peers"],
)
def test_what_is_not_certain_is_said_not_to_be(sql: str) -> None:
    assert of(sql) is None


NUMBERS = ["NULL", "0", "1", "2", "3"]
ATOMS = st.sampled_from(
    [
        *(
            "a = 1",
            "a < 2",
            "a >= b",
            "b <> 2",
            "a IS NULL",
            "b IS NOT NULL",
            "a = b",
            "b BETWEEN 1 AND 2",
            "a IN (1, 2)",
        ),
        *("a IS DISTINCT FROM b", "coalesce(a, 1) = 1", "a NOT IN (0, 3)", "true", "false", "NULL", "abs(a) >= 0"),
    ]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda below: st.one_of(
        st.tuples(below, below).map(lambda two: f"({two[0]}) AND ({two[1]})"),
        st.tuples(below, below).map(lambda two: f"({two[0]}) OR ({two[1]})"),
        below.map(lambda one: f"NOT ({one})"),
        st.tuples(below, below).map(lambda two: f"CASE WHEN {two[0]} THEN {two[1]} END"),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(CONDITIONS)
def test_no_row_answers_otherwise_than_was_said(sql: str) -> None:
    found = of(sql)
    if found is None:
        return
    rows = ", ".join(
        f"({a or 'NULL' if a is None else a}, {'NULL' if b is None else b})"
        for a, b in itertools.product(NUMBERS, NUMBERS)
    )
    answers = duckdb.sql(f"SELECT DISTINCT ({sql})::boolean FROM (VALUES {rows}) t(a, b)").fetchall()
    assert {answer for (answer,) in answers} <= found
