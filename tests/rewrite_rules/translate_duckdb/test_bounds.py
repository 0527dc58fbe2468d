"""How wide a query the lake plans: what DuckDB's planner, which nothing interrupts, would take minutes for is refused."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.translate_duckdb.bounds import (
    MOST_COMPARED,
    MOST_DEPENDENT,
    MOST_DISTINCT,
    MOST_FILTERED,
    MOST_JOINED,
    MOST_READ,
)
from tests.rewrite_rules.translate_duckdb.running import connect, translated


def listed(number: int, part: str, between: str = ", ") -> str:
    return between.join(part.format(n=n, before=n - 1) for n in range(1, number + 1))


def within(relations: int) -> str:
    return f"(SELECT x1 AS x FROM {listed(relations, '(VALUES {n}) v{n}(x{n})')})"


WIDE: dict[str, tuple[int, str, Callable[[int], str]]] = {
    "joins": (
        MOST_JOINED,
        "relations in one FROM clause",
        lambda n: (
            f"SELECT 1 FROM (VALUES 0) v0(x0) {listed(n - 1, 'JOIN (VALUES 0) v{n}(x{n}) ON x{n} = x{before}', ' ')}"
        ),
    ),
    "commas": (
        MOST_JOINED,
        "relations in one FROM clause",
        lambda n: f"SELECT 1 FROM {listed(n, '(VALUES {n}) v{n}(x{n})')}",
    ),
    "brackets": (
        MOST_JOINED,
        "relations in one FROM clause",
        lambda n: (
            f"SELECT 1 FROM (t a CROSS JOIN t b) CROSS JOIN ({listed(n - 2, '(VALUES {n}) v{n}(x{n})', ' CROSS JOIN ')})"
        ),
    ),
    "relations of several levels": (
        MOST_READ,
        "relations once its WITH queries are written out",
        lambda n: f"SELECT a.x FROM {within(90)} a, {within(90)} b, {within(n - 183)} c",
    ),
    "names of a WITH query": (
        MOST_READ,
        "relations once its WITH queries are written out",
        lambda n: f"WITH w AS {within(48)} SELECT 1 FROM w a, w b, w c, {within(n - 48 - 3 * 49 - 1)} d",
    ),
    "EXISTS": (
        MOST_DEPENDENT,
        "subqueries that name columns of the query around them",
        lambda n: (
            f"SELECT 1 FROM t WHERE {listed(n, 'EXISTS (SELECT 1 FROM (VALUES {n}) v(x) WHERE x <> t.id)', ' AND ')}"
        ),
    ),
    "values by subqueries": (
        MOST_DEPENDENT,
        "subqueries that name columns of the query around them",
        lambda n: f"SELECT {listed(n, '(SELECT max(x) FROM (VALUES {n}) v(x) WHERE x <> t.id)')} FROM t",
    ),
    "LATERAL": (
        MOST_DEPENDENT,
        "subqueries that name columns of the query around them",
        lambda n: f"SELECT 1 FROM t {listed(n, 'CROSS JOIN LATERAL (SELECT t.id + {n} AS x) v{n}', ' ')}",
    ),
    "UNNEST": (
        MOST_DEPENDENT,
        "UNNESTs and LATERALs in one FROM clause",
        lambda n: f"SELECT 1 FROM t {listed(n, 'CROSS JOIN UNNEST(ARRAY[t.id]) v{n}(x{n})', ' ')}",
    ),
    "UNNEST and EXISTS": (
        MOST_DEPENDENT,
        "subqueries that name columns of the query around them",
        lambda n: (
            f"SELECT 1 FROM t {listed(n - 9, 'CROSS JOIN UNNEST(ARRAY[t.id]) v{n}(x{n})', ' ')} "
            f"WHERE {listed(9, 'EXISTS (SELECT 1 FROM (VALUES {n}) v(x) WHERE x <> t.id)', ' OR ')}"
        ),
    ),
    "INTERSECT": (
        MOST_COMPARED,
        "INTERSECTs and EXCEPTs in a row",
        lambda n: f"SELECT 0 INTERSECT {listed(n, 'SELECT {n}', ' INTERSECT ')}",
    ),
    "EXCEPT": (
        MOST_COMPARED,
        "INTERSECTs and EXCEPTs in a row",
        lambda n: f"SELECT 0 EXCEPT {listed(n, 'SELECT {n}', ' EXCEPT ')}",
    ),
    "FILTER": (
        MOST_FILTERED,
        "aggregates with FILTER",
        lambda n: f"SELECT {listed(n, 'count(*) FILTER (WHERE id = {n})')} FROM t",
    ),
    "FILTER beside the select list": (
        MOST_FILTERED,
        "aggregates with FILTER",
        lambda n: (
            f"SELECT g FROM t GROUP BY g HAVING {listed(n - 50, 'count(*) FILTER (WHERE id = {n}) > 0', ' OR ')} "
            f"ORDER BY {listed(50, 'count(*) FILTER (WHERE n = {n})')}"
        ),
    ),
    "DISTINCT": (
        MOST_DISTINCT,
        "aggregates with DISTINCT",
        lambda n: f"SELECT {listed(n, 'count(DISTINCT id + {n})')} FROM t",
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_what_takes_the_planner_minutes_is_refused_and_what_takes_a_second_is_not(name: str) -> None:
    most, what, query = WIDE[name]
    assert translated(query(most))
    with pytest.raises(Refusal, match=f"it has more than {most} {what}") as refused:
        translated(query(most + 1))
    assert refused.value.code is ErrorCode.GENERIC_USER_ERROR
    assert refused.value.hint


def test_subqueries_that_name_nothing_of_the_query_around_them_are_not_counted() -> None:
    assert translated(f"SELECT {listed(2 * MOST_DEPENDENT, '(SELECT max(id) + {n} FROM u)')} FROM t")


@pytest.mark.parametrize("within_one", [False, True])
def test_what_reads_an_outer_query_from_several_levels_below_counts_at_each(within_one: bool) -> None:
    below = "EXISTS (SELECT 1 FROM (SELECT id FROM u WHERE u.id <> t.id + {n}) b)"
    number = MOST_DEPENDENT if within_one else MOST_DEPENDENT + 1
    sql = f"SELECT 1 FROM t WHERE {listed(number, below, ' OR ')}"
    if within_one:
        assert translated(sql)
    else:
        with pytest.raises(Refusal, match="subqueries that name columns"):
            translated(sql)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        (listed(300, "(n = {n} AND id > {n})", " OR ") + " OR n = 9", [9]),
        ("NOT (" + listed(300, "(n <> {n} OR id > {n})", " AND ") + ")", [9, 10, 30]),
        (listed(300, "n = {n} + 1000", " OR ") + " OR NULL", []),
    ],
)
def test_conditions_of_hundreds_of_terms_are_not_taken_apart_and_keep_the_same_rows(
    condition: str, kept: list[int]
) -> None:
    sql = translated(f"SELECT n FROM (VALUES (9, 1), (10, 2), (30, 3), (NULL, 4)) v(n, id) WHERE {condition}")
    assert "WHERE (CASE WHEN" in sql or "WHERE CASE WHEN" in sql
    connection: duckdb.DuckDBPyConnection = connect()
    assert sorted(connection.execute(sql).fetchall()) == [(n,) for n in kept]
