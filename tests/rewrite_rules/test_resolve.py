"""Every relation of a statement has exactly one meaning, or the statement is refused."""

from __future__ import annotations

from typing import TypedDict

import pytest
import yaml
from sqlglot import exp

from catalog.dialect.parse import parse_expression, parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.objects import SchemaName, TableName
from rewrite_rules.resolve import MAX_LEAVES, resolve, schema_name, table_name
from tests.policies.sales import FIXTURES


class Case(TypedDict, total=False):
    """One line of the fixture."""

    sql: str
    reads: list[str]
    refused: str


CASES: list[Case] = yaml.safe_load((FIXTURES / "rewrite_rules" / "resolve.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["sql"][:90])
def test_names_mean_what_trino_says(case: Case) -> None:
    if "refused" in case:
        with pytest.raises(Refusal) as refused:
            resolve(parse_query(case["sql"]), "lake", "sales")
        assert refused.value.code is ErrorCode[case["refused"]]
    else:
        resolved = resolve(parse_query(case["sql"]), "lake", "sales")
        assert [str(leaf.table) for leaf in resolved.leaves] == case["reads"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a.lake.sales.orders",
        "SELECT * FROM orders @ dev",
        "SELECT 1 INTO orders",
        "FROM orders",
        "SELECT * FROM TABLE(lake.system.query(query => 'SELECT * FROM orders'))",
        "SELECT * FROM TABLE(nosuch(input => TABLE(orders)))",
        "SELECT * FROM orders PIVOT (sum(amount) FOR region IN ('EU', 'US'))",
        "WITH FUNCTION f() RETURNS varchar RETURN (SELECT max(region) FROM orders) SELECT f()",
    ],
)
def test_forms_that_hide_a_table_never_get_past_parsing_and_resolving(sql: str) -> None:
    with pytest.raises(Refusal):
        resolve(parse_query(sql), "lake", "sales")


@pytest.mark.parametrize(
    ("catalog", "schema", "sql", "code"),
    [
        ("lake", None, "SELECT * FROM orders", ErrorCode.MISSING_SCHEMA_NAME),
        (None, None, "SELECT * FROM orders", ErrorCode.MISSING_SCHEMA_NAME),
        (None, "sales", "SELECT * FROM orders", ErrorCode.MISSING_CATALOG_NAME),
        (None, None, "SELECT * FROM sales.orders", ErrorCode.MISSING_CATALOG_NAME),
    ],
)
def test_an_incomplete_name_is_refused_without_a_session_to_complete_it(
    catalog: str | None, schema: str | None, sql: str, code: ErrorCode
) -> None:
    with pytest.raises(Refusal) as refused:
        resolve(parse_query(sql), catalog, schema)
    assert refused.value.code is code
    assert refused.value.location is not None


def test_a_full_name_needs_no_session() -> None:
    resolved = resolve(parse_query("SELECT * FROM lake.sales.orders"), None, None)
    assert resolved.reads == (TableName("lake", "sales", "orders"),)


def test_the_sessions_own_names_are_folded_too() -> None:
    assert resolve(parse_query("SELECT * FROM orders"), "LAKE", "Sales").reads == (
        TableName("lake", "sales", "orders"),
    )


def test_common_table_expressions_that_multiply_are_counted_as_the_engine_would_write_them_out() -> None:
    doubled = "".join(f", c{i} AS (SELECT x.a FROM c{i - 1} x, c{i - 1} y)" for i in range(1, 21))
    with pytest.raises(Refusal) as refused:
        resolve(parse_query(f"WITH c0 AS (SELECT a FROM orders){doubled} SELECT count(*) FROM c20"), "lake", "s")
    assert refused.value.code is ErrorCode.QUERY_REJECTED


def test_multiplying_queries_without_any_table_count_as_well() -> None:
    doubled = "".join(f", c{i} AS (SELECT x.a FROM c{i - 1} x, c{i - 1} y)" for i in range(1, 21))
    with pytest.raises(Refusal):
        resolve(parse_query(f"WITH c0 AS (SELECT 1 AS a){doubled} SELECT count(*) FROM c20"), "lake", "s")


@pytest.mark.parametrize(("count", "allowed"), [(MAX_LEAVES, True), (MAX_LEAVES + 1, False)])
def test_the_limit_of_leaves_is_exact(count: int, allowed: bool) -> None:
    sql = " UNION ALL ".join(["SELECT a FROM orders"] * count)
    if allowed:
        assert len(resolve(parse_query(sql), "lake", "sales").leaves) == count
    else:
        with pytest.raises(Refusal):
            resolve(parse_query(sql), "lake", "sales")


def test_long_flat_conditions_do_not_exhaust_the_stack() -> None:
    condition = exp.EQ(this=exp.column("a"), expression=exp.Literal.number(1))
    tree: exp.Expr = condition
    for _ in range(10_000):
        tree = exp.Or(this=tree, expression=condition.copy())
    query = exp.select("a").from_("orders").where(tree, copy=False)
    assert len(resolve(query, "lake", "sales").leaves) == 1


def test_an_expression_is_resolved_with_the_queries_in_sight_of_it() -> None:
    sql = "x IN (SELECT a FROM recent) OR x IN (SELECT a FROM orders)"
    resolved = resolve(parse_expression(sql), "lake", "sales", scope={"recent": 1})
    assert resolved.reads == (TableName("lake", "sales", "orders"),)


@pytest.mark.parametrize(
    "tree",
    [
        exp.insert(exp.select("a").from_("orders"), "t"),
        exp.delete("t", where="a IN (SELECT a FROM orders)"),
        exp.update("t", {"a": exp.select("a").from_("orders").subquery()}),
        exp.Create(this=exp.to_table("t"), kind="TABLE", expression=exp.select("a").from_("orders")),
    ],
    ids=["insert", "delete", "update", "create"],
)
def test_what_is_written_is_a_target_and_what_is_read_is_not(tree: exp.Expr) -> None:
    resolved = resolve(tree, "lake", "sales")
    assert resolved.targets == (TableName("lake", "sales", "t"),)
    assert resolved.reads == (TableName("lake", "sales", "orders"),)


def test_a_target_is_never_a_common_table_expression() -> None:
    tree = exp.insert(parse_query("WITH t AS (SELECT 1 AS a) SELECT * FROM t"), "t")
    resolved = resolve(tree, "lake", "sales")
    assert resolved.targets == (TableName("lake", "sales", "t"),)
    assert resolved.reads == ()


def test_statements_inside_statements_are_refused() -> None:
    tree = exp.select("a").from_(exp.Subquery(this=exp.delete("t"), alias=exp.TableAlias(this=exp.to_identifier("x"))))
    with pytest.raises(Refusal):
        resolve(tree, "lake", "sales")


def test_a_table_in_a_place_unknown_to_the_walk_is_refused() -> None:
    tree = exp.select(exp.Anonymous(this="count", expressions=[exp.to_table("orders")]))
    with pytest.raises(Refusal):
        resolve(tree, "lake", "sales")


def test_single_names_are_completed_for_statements_without_a_query() -> None:
    assert table_name(exp.to_table("B.C"), "a", None) == TableName("a", "b", "c")
    assert schema_name(exp.Table(db=exp.to_identifier("B")), "A") == SchemaName("a", "b")
    with pytest.raises(Refusal):
        schema_name(exp.Table(db=exp.to_identifier("b")), None)
