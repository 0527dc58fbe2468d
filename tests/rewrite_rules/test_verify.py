"""The second walk stops every text that differs from what was decided, whoever made the difference."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from sqlglot import exp

import rewrite_rules.verify
from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from rewrite_rules.govern import govern
from rewrite_rules.verify import verify
from tests.policies.sales import TABLES, decisions, governed, prepared

SQL = "SELECT o.region, c.name FROM orders o JOIN customers c ON o.customer_id = c.customer_id WHERE o.amount > 5"
ORDERS = TableName("lake", "sales", "orders")


def check(text: str, sql: str = SQL, levels: int = 1) -> None:
    verify(parse_query(text), decisions(prepared(sql)), TABLES, levels=2 if levels == 2 else 1)


CHANGES = {
    "the filter is gone": (""" WHERE "region" = 'EU'""", ""),
    "the filter is weaker": ("""WHERE "region" = 'EU'""", """WHERE "region" = 'EU' OR TRUE"""),
    "the filter has another value": ("""'EU'""", """'US'"""),
    "the mask is gone": ("""ELSE 'user-****@****.com'""", """ELSE "customer_email\""""),
    "a withheld column is shown": ('"order_id", "region"', '"order_id", "card_number", "region"'),
    "two columns changed places": ('"order_id", "region"', '"region", "order_id"'),
    "the table is another": ('"sales"."customers"', '"hr"."salaries"'),
    "the table is not named in full": ('"lake"."sales"."customers"', '"sales"."customers"'),
    "the table is not qualified": ('"lake"."sales"."customers"', '"customers"'),
    "the barrier has no name": (') AS "c" ON "o"."customer_id"', ') ON "o"."customer_id"'),
    "the barrier is distinct": ('FROM (SELECT "order_id"', 'FROM (SELECT DISTINCT "order_id"'),
    "the barrier has a limit": ("""= 'EU')""", """= 'EU' LIMIT 1)"""),
    "a subquery reads the raw table": (
        'WHERE "o"."amount" > 5',
        'WHERE EXISTS (SELECT 1 FROM "lake"."sales"."orders")',
    ),
    "another relation joins": (
        'SELECT "o"."region"',
        'SELECT (SELECT max("x") FROM "lake"."sandbox"."t"), "o"."region"',
    ),
    "a table function joins": ('SELECT "o"."region"', 'SELECT (SELECT 1 FROM TABLE(history(1))), "o"."region"'),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_text_that_differs_is_stopped(change: tuple[str, str]) -> None:
    text = governed(SQL)
    check(text)
    before, after = change
    assert before in text
    with pytest.raises(Refusal) as refused:
        check(text.replace(before, after, 1))
    assert refused.value.code is ErrorCode.GENERIC_INTERNAL_ERROR


def test_a_withheld_column_that_is_named_outside_of_a_barrier_is_stopped() -> None:
    sql = "SELECT region FROM orders o WHERE amount > 5"
    text = governed(sql)
    check(text, sql)
    for naming in ('"card_number" > 5', '"o"."card_number" > 5'):
        with pytest.raises(Refusal):
            check(text.replace('"amount" > 5', naming), sql)


TWO_LEVEL_CHANGES = {
    "the filter is gone": (""" WHERE "region" = 'EU'""", ""),
    "the mask is gone": ("""ELSE 'user-****@****.com'""", """ELSE "_p3\""""),
    "the inner query shows more": ('"tags" AS "_p7"', '"tags" AS "_p7", "card_number" AS "_p8"'),
    "private names are swapped": ('"_p0" AS "order_id", "_p1" AS "region"', '"_p1" AS "order_id", "_p0" AS "region"'),
    "the outer query filters": (') AS "_raw")', ') AS "_raw" WHERE TRUE)'),
}


@pytest.mark.parametrize("change", TWO_LEVEL_CHANGES.values(), ids=TWO_LEVEL_CHANGES)
def test_a_two_level_text_that_differs_is_stopped(change: tuple[str, str]) -> None:
    text = governed(SQL, levels=2)
    check(text, levels=2)
    before, after = change
    assert before in text
    with pytest.raises(Refusal):
        check(text.replace(before, after, 1), levels=2)


def test_one_level_does_not_pass_for_two() -> None:
    with pytest.raises(Refusal):
        check(governed(SQL), levels=2)
    with pytest.raises(Refusal):
        check(governed(SQL, levels=2), levels=1)


def test_the_refusal_says_nothing_about_the_policy() -> None:
    with pytest.raises(Refusal) as refused:
        check(governed(SQL).replace("'EU'", "'US'"))
    assert refused.value.text == (
        "The statement was stopped by a safety check of the gateway. Please report the query id to your administrator."
    )


@pytest.mark.parametrize(
    "sql",
    [
        'WITH "a" AS (SELECT * FROM "orders") SELECT * FROM "a"',
        'WITH "a" AS (SELECT * FROM "b"), "b" AS (SELECT 1) SELECT * FROM "a"',
        'SELECT * FROM (WITH "orders" AS (SELECT 1) SELECT * FROM "orders") AS "z" CROSS JOIN "orders"',
        'WITH "orders" AS (SELECT * FROM "orders") SELECT * FROM "orders"',
    ],
)
def test_a_bare_name_must_be_a_common_table_expression_in_sight(sql: str) -> None:
    with pytest.raises(Refusal):
        verify(parse_query(sql), {}, TABLES)


@pytest.mark.parametrize(
    "sql",
    [
        'WITH "a" AS (SELECT 1), "b" AS (SELECT * FROM "a") SELECT * FROM "b" UNION SELECT * FROM "a"',
        'WITH RECURSIVE "t"("n") AS (SELECT 1 UNION ALL SELECT "n" + 1 FROM "t") SELECT * FROM "t"',
        "SELECT * FROM TABLE(sequence(0, 10))",
        "SELECT * FROM UNNEST(ARRAY[1]) AS t(x)",
        "VALUES (1), (2)",
    ],
)
def test_statements_without_tables_pass(sql: str) -> None:
    verify(parse_query(sql), {}, TABLES)


def test_a_users_own_column_may_have_the_name_of_a_withheld_one() -> None:
    sql = "SELECT card_number FROM (SELECT order_id AS card_number FROM orders)"
    check(governed(sql), sql)


ROWS = "SELECT CAST(ROW(region) AS ROW(card_number varchar))"


@pytest.mark.parametrize(
    ("sql", "field"),
    [
        (f"SELECT s.f.card_number FROM ({ROWS} FROM orders) AS s (f)", '"s"."f"."card_number"'),
        (f"SELECT f.card_number FROM ({ROWS} FROM orders) AS s (f)", '"f"."card_number"'),
        (f"SELECT s.f.card_number FROM ({ROWS} AS f FROM orders) AS s", '"s"."f"."card_number"'),
        (f"WITH w (f) AS ({ROWS} FROM orders) SELECT s.f.card_number FROM w AS s", '"s"."f"."card_number"'),
    ],
)
def test_a_field_of_a_column_may_have_the_name_of_a_withheld_one(sql: str, field: str) -> None:
    text = governed(sql)
    check(text, sql)
    assert field in text
    for column in ('"s"."card_number"', '"f"."s"."card_number"'):
        with pytest.raises(Refusal):
            check(text.replace(field, column), sql)


def test_a_column_of_a_relation_that_bears_the_name_of_a_column_is_no_field() -> None:
    sql = "SELECT s.region, 1 AS s FROM orders AS s"
    text = governed(sql)
    check(text, sql)
    with pytest.raises(Refusal):
        check(text.replace('"s"."region"', '"s"."card_number"', 1), sql)


def test_a_barrier_may_read_a_withheld_column_in_its_mask() -> None:
    granted = decisions(prepared(SQL))
    masks = dict(granted[ORDERS].masks)
    masks["region"] = exp.column("card_number", quoted=True)
    granted[ORDERS] = replace(granted[ORDERS], masks=masks)
    for levels in (1, 2):
        tree = govern(prepared(SQL).tree, granted, TABLES, levels=2 if levels == 2 else 1).tree
        verify(parse_query(generate(tree)), granted, TABLES, levels=2 if levels == 2 else 1)


WRITES = [
    exp.insert(exp.select("1"), exp.table_("t", "sandbox", "lake", quoted=True)),
    exp.delete(exp.table_("t", "sandbox", "lake", quoted=True)),
    exp.Create(this=exp.table_("t", "sandbox", "lake", quoted=True), kind="TABLE", expression=exp.select("1")),
]


@pytest.mark.parametrize("tree", WRITES, ids=lambda tree: tree.key)
def test_a_target_must_be_authorised(tree: exp.Expr) -> None:
    target = TableName("lake", "sandbox", "t")
    verify(tree, {}, TABLES, targets=[target])
    with pytest.raises(Refusal):
        verify(tree, {}, TABLES)
    with pytest.raises(Refusal):
        verify(tree, {}, TABLES, targets=[ORDERS])


def test_an_authorised_target_is_no_licence_to_read_it() -> None:
    target = TableName("lake", "sandbox", "t")
    full = exp.table_("t", "sandbox", "lake", quoted=True)
    tree = exp.delete(full.copy(), where=exp.Exists(this=exp.select("1").from_(full)))
    with pytest.raises(Refusal):
        verify(tree, {}, TABLES, targets=[target])


def test_the_second_walk_shares_no_code_with_the_first() -> None:
    own = {"rewrite_rules.verify", "rewrite_rules.barrier_texts", "rewrite_rules.group_checks"}
    for path in Path(rewrite_rules.verify.__file__).parent.rglob("*.py"):
        source = path.read_text("utf-8")
        module = ".".join(("rewrite_rules", *path.relative_to(Path(rewrite_rules.__path__[0])).with_suffix("").parts))
        imported = {n.module for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom) and n.module}
        if module in own:
            assert not [name for name in imported - own if name.startswith(("rewrite_rules", "policies"))]
            assert ".meta" not in source
        else:
            assert not imported & own, module


INNER = "SELECT (SELECT max(o.amount) FROM orders o) FROM (VALUES ('EU')) AS v(region)"


def test_a_barrier_in_a_subquery_must_name_its_columns_by_a_private_name() -> None:
    text = governed(INNER)
    check(text, INNER)
    bare = text.replace('"_t".', "").replace(' AS "_t"', "")
    for changed in (bare, text.replace('"v"', '"_t"'), text.replace('"region")', '"_t")')):
        assert changed != text
        with pytest.raises(Refusal):
            check(changed, INNER)


def test_a_barrier_may_have_a_private_name_anywhere_but_no_other_name() -> None:
    text = governed(SQL).replace('FROM "lake"."sales"."customers"', 'FROM "lake"."sales"."customers" AS "_t"')
    text = text.replace(
        'SELECT "customer_id", "name", "card_number"', 'SELECT "_t"."customer_id", "_t"."name", "_t"."card_number"'
    )
    check(text)
    with pytest.raises(Refusal):
        check(text.replace('"_t"', '"x"'))
