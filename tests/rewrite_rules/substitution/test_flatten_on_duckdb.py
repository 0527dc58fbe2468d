"""What a query is flattened to gives the rows of the query, whatever it is: run by DuckDB on random tables."""

from __future__ import annotations

import random
from collections import Counter

import duckdb
import pytest

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, VARCHAR
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.flatten import flatten
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.rebuilt import as_select
from tests.rewrite_rules.outline.random_queries import TABLES, Queries, make_tables

NAMES = [TableName("memory", "main", name) for name in TABLES]
GROUND = Ground(
    {full: Table(full, (*(Column(c, BIGINT) for c in "kab"), Column("s", VARCHAR)), "lake") for full in NAMES}
)


def rows(lake: duckdb.DuckDBPyConnection, sql: str) -> Counter[str]:
    return Counter(map(repr, lake.execute(sql).fetchall()))


def flattened(sql: str) -> str | None:
    """Return what a query is flattened to, as a query; None where it has no form, or what cuts its rows is left out."""
    tree = resolve(parse_query(sql), "memory", "main").tree
    analyze(tree, AnalysisContext("memory", "main", GROUND.tables))
    before = tree.sql("trino")
    block = flatten(tree, GROUND)
    assert tree.sql("trino") == before, "the tree stays as it is"
    return generate(as_select(block)) if block.odd is None and block.top != "LIMIT" else None


def compare(seed: int, queries: int) -> tuple[int, int]:
    """Compare queries with what they are flattened to; return how many could be, and how many of those merged."""
    rng = random.Random(seed)
    lake = duckdb.connect()
    lake.execute("SET threads = 1")
    compared = merged = 0
    for number in range(queries):
        if number % 10 == 0:
            for statement in make_tables(rng):
                lake.execute(statement)
        sql = Queries(rng).query()
        again = flattened(sql)
        if again is None:
            continue
        try:
            expected = rows(lake, sql)
        except duckdb.BinderException:
            continue
        assert rows(lake, again) == expected, f"{sql}\n{again}"
        compared += 1
        merged += sql.count("SELECT") > again.count("SELECT")
    return compared, merged


def test_a_closed_relation_within_a_derived_table_stays_the_one_it_is() -> None:
    lake = duckdb.connect()
    for statement in make_tables(random.Random(3)):
        lake.execute(statement)
    sql = (
        "SELECT r1.k, r1.n FROM (SELECT r2.k, r3.n FROM memory.main.t2 AS r2 CROSS JOIN "
        "(SELECT count(*) AS n FROM memory.main.t1) AS r3) AS r1 CROSS JOIN UNNEST(ARRAY[1, 2, 3]) AS r6 (u)"
    )
    again = flattened(sql)
    assert again is not None
    assert rows(lake, again) == rows(lake, sql)
    assert len(rows(lake, sql)) > 1


def test_random_queries_keep_their_rows_when_they_are_flattened() -> None:
    compared, merged = compare(seed=8, queries=100)
    assert compared > 60
    assert merged > 6


@pytest.mark.long  # some thousand queries
@pytest.mark.parametrize("seed", [88, 89, 90, 91])
def test_thousands_of_random_queries_keep_their_rows_when_they_are_flattened(seed: int) -> None:
    compared, _ = compare(seed, queries=800)
    assert compared > 500
