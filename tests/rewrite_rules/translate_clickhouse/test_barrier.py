"""Governed queries on the real engine: no alias of the barrier captures a raw column, and masks read raw values.

In ClickHouse an alias of the select list wins over a column in WHERE and in sibling expressions; measured, a
one-level barrier that masks a column with a constant and filters on it shows hidden rows.
"""

from __future__ import annotations

import pytest

from catalog.dialect.parse import parse_expression
from catalog.objects import Table, TableName
from rewrite_rules.analysis import analyze_expression
from rewrite_rules.govern import govern
from rewrite_rules.resolve import resolve
from rewrite_rules.translate_clickhouse import translate
from tests.real.clickhouse import ask, embedded, run_script, statement
from tests.rewrite_rules.translate_clickhouse.planning import Decision, plan

NAME = TableName("clickhouse", "barrier", "orders")
SCRIPT = (
    "DROP DATABASE IF EXISTS barrier",
    "CREATE DATABASE barrier",
    "CREATE TABLE barrier.orders (id Int64, region String, email String, c1 String) ENGINE = MergeTree ORDER BY id",
    "INSERT INTO barrier.orders VALUES (1, 'EU', 'a@b.c', 'one'), (2, 'US', 'd@e.f', 'two')",
)


def decision(table: Table, row_filter: str | None, **masks: str) -> Decision:
    """Compile policy expressions over the raw columns."""

    def compiled(text: str) -> object:
        tree = parse_expression(text)
        analyze_expression(tree, table)
        return tree

    return Decision(
        tuple(c.name for c in table.columns),
        compiled(row_filter) if row_filter else None,  # type: ignore[arg-type]  # the words of a test
        {name: compiled(text) for name, text in masks.items()},  # type: ignore[misc]  # the words of a test
    )


CASES = [
    ("SELECT id, region FROM orders", "region = 'EU'", {"region": "'EU'"}, [[1, "EU"]]),
    ("SELECT id, region FROM orders WHERE region = 'EU'", "region = 'US'", {"region": "'EU'"}, [[2, "EU"]]),
    ("SELECT id, email FROM orders", None, {"region": "'XX'", "email": "concat(region, '-', email)"},
     [[1, "EU-a@b.c"], [2, "US-d@e.f"]]),
    ("SELECT id, email AS region, region AS email FROM orders ORDER BY id", "email LIKE 'a%'", {"email": "'***'"},
     [[1, "***", "EU"]]),
    ("SELECT count(*), max(email) FROM orders GROUP BY email", None, {"email": "'***'"}, [[2, "***"]]),
    ("SELECT o.id FROM orders o JOIN orders p ON o.email = p.email", None, {"email": "'same'"}, [[1], [1], [2], [2]]),
    ("SELECT c1 AS c2, id AS c1 FROM orders WHERE c1 = 'two'", "c1 <> 'one'", {}, [["two", 2]]),
    ("SELECT id FROM orders WHERE email = 'a@b.c'", None, {"email": "'***'"}, []),
]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "row_filter", "masks", "rows"), CASES)
async def test_filters_and_masks_see_raw_values_and_users_see_masked_ones(
    sql: str, row_filter: str | None, masks: dict[str, str], rows: list[list[object]]
) -> None:
    run_script(SCRIPT)
    async with embedded() as engine:
        table = await engine.describe(NAME)
        assert table is not None
        planned = plan(sql, [table], decisions={NAME: decision(table, row_filter, **masks)})
        answer = await ask(engine, planned)
    assert sorted(answer.rows, key=str) == rows


@pytest.mark.asyncio
async def test_even_a_barrier_of_one_level_captures_nothing_since_all_names_are_private() -> None:
    run_script(SCRIPT)
    async with embedded() as engine:
        table = await engine.describe(NAME)
        assert table is not None
        from catalog.dialect.parse import parse_query
        from rewrite_rules.analysis import AnalysisContext, analyze

        tree = parse_query("SELECT id, region FROM orders")
        resolve(tree, "clickhouse", "barrier")
        analysis = analyze(tree, AnalysisContext("clickhouse", "barrier", {NAME: table}))
        decided = decision(table, "region = 'EU'", region="'EU'")
        governed = govern(tree, {NAME: decided}, {NAME: table}, levels=1).tree
        types = [column.type for column in analysis.columns if column.type is not None]
        answer = await ask(engine, statement(translate(governed, {NAME: table}), *types))
    assert answer.rows == [[1, "EU"]]
