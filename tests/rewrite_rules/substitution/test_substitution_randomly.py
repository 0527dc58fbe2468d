"""Whatever is rewritten gives the rows of the original: random rows, views, policies, changes and queries on DuckDB."""

from __future__ import annotations

import random
from dataclasses import replace

import duckdb
import pytest

from catalog.dialect.generate import generate
from catalog.errors import Refusal
from catalog.materialized_views import Freshness, Watermark
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Terms
from rewrite_rules.substitution.prepare import Prepared, prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.executing import Lake, bag
from tests.rewrite_rules.substitution.ground import FACTS, TABLES, typed
from tests.rewrite_rules.substitution.random_views import FAMILIES, Makers
from tests.rewrite_rules.substitution.views import view

VERSIONS = dict.fromkeys(TABLES, "1")
GROUND = Ground(TABLES, replace(FACTS, versions=VERSIONS))
TERMS = Terms(min_grade="float")


def as_text(view: Prepared) -> list[str]:
    """Return what matching reads of a view, as text."""
    block = view.block
    values = [*(each.value for each in block.outputs), *(each.value for each in block.conditions), *(block.keys or ())]
    return [each.sql("trino") for each in (*values, *block.having)]


def compare(seed: int, rounds: int) -> tuple[int, int]:
    """Compare queries with their rewritings; return how many were asked, and how many rewritten."""
    makers = Makers(random.Random(seed))
    asked = rewritten = 0
    for _ in range(rounds):
        views, queries = makers.rng.choice(FAMILIES)
        lake, rows = Lake(TABLES), makers.rows()
        for table, given in rows.items():
            lake.fill(table, given)
        known = []
        try:
            for number in range(makers.rng.randint(1, 3)):
                each = view(makers.view(makers.rng.choice(views)), called=f"mv{number}")
                lake.keep(each.table, typed(each.definition.sql))
                known.append(each)
        except Refusal:
            continue
        changes = makers.changes(rows)
        for table, given in rows.items():
            lake.fill(table, given)
        known = [
            replace(each, watermark=Watermark(VERSIONS, 0.0), freshness=Freshness(VERSIONS, changes)) for each in known
        ]
        index = ViewIndex([prepare(each, GROUND) for each in known], GROUND)
        prepared = [as_text(each) for each in index.views]
        for _ in range(8):
            sql, policies = makers.query(makers.rng.choice(queries)), makers.policies()
            tree = typed(sql, policies=policies)
            try:
                expected = bag(lake.rows(tree))
            except (Refusal, duckdb.Error):
                continue
            before = tree.sql("trino")
            found = substitute(tree, index, GROUND, TERMS)
            assert tree.sql("trino") == before, "the tree stays as it is"
            asked += 1
            for rewriting in found.rewritings:
                rewritten += 1
                told = (
                    [each.definition.sql for each in known],
                    sql,
                    generate(rewriting.tree),
                    [generate(s.tree) for s in rewriting.scans],
                )
                assert bag(lake.rewritten(rewriting)) == expected, told
        assert [as_text(each) for each in index.views] == prepared, "views are read by many, and changed by none"
    return asked, rewritten


def test_random_queries_keep_their_rows_when_views_answer_them() -> None:
    asked, rewritten = compare(seed=8, rounds=24)
    assert asked > 150
    assert rewritten > 50


@pytest.mark.long  # twenty thousand queries
def test_thousands_of_random_queries_keep_their_rows_when_views_answer_them() -> None:
    _, rewritten = compare(seed=88, rounds=2_500)
    assert rewritten > 4_000
