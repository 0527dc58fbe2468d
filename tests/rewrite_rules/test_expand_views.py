"""Views are written out, so that the reader's own grants and policies hold on everything below them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName, View
from catalog.types import BIGINT, VARCHAR
from policies.decisions import Action, TableDecision
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.expand_views import expand_views
from rewrite_rules.govern import govern
from rewrite_rules.resolve import Resolved, resolve
from rewrite_rules.verify import verify
from tests.policies.sales import TABLES, V_ORDERS, decisions, governed, prepared, table
from tests.texts import generate_checked


def expanded(sql: str, *views: Table) -> Resolved:
    return expand_views(resolve(parse_query(sql), "lake", "sales"), {**TABLES, **{v.name: v for v in views}})


def test_a_view_becomes_its_body_cast_to_the_columns_it_declares() -> None:
    text = generate_checked(expanded("SELECT * FROM v_orders").tree)
    assert text == (
        'SELECT * FROM (SELECT CAST("region" AS VARCHAR) AS "region", CAST("mails" AS BIGINT) AS "mails" '
        'FROM (SELECT "region", count(DISTINCT "customer_email") FROM "orders" GROUP BY "region") '
        'AS "view"("region", "mails"))'
    )


def test_the_readers_policies_hold_below_a_view() -> None:
    text = governed("SELECT * FROM v_orders AS v")
    assert "user-****@****.com" in text
    assert """WHERE "region" = 'EU'""" in text


def test_a_caller_needs_a_grant_on_the_view_and_on_what_it_reads() -> None:
    resolved = prepared("SELECT * FROM v_orders")
    assert resolved.reads == (V_ORDERS.name, TableName("lake", "sales", "orders"))
    granted = decisions(resolved)
    for name in resolved.reads:
        rest = {n: d for n, d in granted.items() if n != name}
        with pytest.raises(Refusal) as refused:
            govern(resolved.tree, rest, TABLES)
        assert refused.value.code is ErrorCode.PERMISSION_DENIED


def test_a_filter_and_a_mask_on_the_view_itself_hold_as_well() -> None:
    resolved = prepared("SELECT * FROM v_orders")
    granted = decisions(resolved)
    policy = decisions(prepared("SELECT * FROM orders"))[TableName("lake", "sales", "orders")]
    assert policy.row_filter is not None
    granted[V_ORDERS.name] = replace(granted[V_ORDERS.name], columns=("region",), row_filter=policy.row_filter)
    for levels in (1, 2):
        tree = govern(resolved.tree, granted, TABLES, levels=2 if levels == 2 else 1).tree
        text = generate_checked(tree)
        assert """AS "lake.sales.v_orders" WHERE "region" = 'EU')""" in text
        verify(parse_query(text), granted, TABLES, levels=2 if levels == 2 else 1)


def test_the_body_is_resolved_in_the_views_own_catalog_and_schema() -> None:
    view = replace(V_ORDERS, view=View("SELECT region, 1 FROM orders", "lake", "sales"))
    resolved = expand_views(resolve(parse_query("SELECT * FROM sales.v_orders"), "lake", "other"), {view.name: view})
    assert resolved.reads == (view.name, TableName("lake", "sales", "orders"))


def test_the_users_common_table_expressions_do_not_reach_into_a_view() -> None:
    resolved = expanded("WITH orders AS (SELECT 1 AS x) SELECT * FROM v_orders")
    assert TableName("lake", "sales", "orders") in resolved.reads


def test_the_views_own_common_table_expressions_stay_inside() -> None:
    body = "WITH o AS (SELECT region FROM orders) SELECT region, count(*) FROM o GROUP BY 1"
    view = replace(V_ORDERS, view=View(body, "lake", "sales"))
    resolved = expanded("SELECT * FROM v_orders CROSS JOIN sandbox.t AS o", view)
    assert [str(leaf.table) for leaf in resolved.leaves] == ["lake.sales.orders", "lake.sandbox.t"]


def test_views_over_views_are_written_out_to_the_bottom() -> None:
    top = table("lake.sales.top", ("n", BIGINT), view="SELECT mails FROM v_orders")
    resolved = expanded("SELECT * FROM top", top)
    assert resolved.reads == (top.name, V_ORDERS.name, TableName("lake", "sales", "orders"))
    assert resolved.leaves[0].via == (top.name, V_ORDERS.name)


def test_alias_columns_and_qualified_references_follow_the_view() -> None:
    text = governed("SELECT sales.v_orders.mails FROM sales.v_orders")
    assert text.startswith('SELECT "v_orders"."mails" FROM (SELECT "region", "mails" FROM (SELECT CAST(')
    assert governed("SELECT a FROM v_orders AS v(a, b)").endswith('AS "v"("a", "b")')


def test_a_view_that_reads_itself_is_refused() -> None:
    a = table("lake.sales.a", ("x", BIGINT), view="SELECT x FROM b")
    b = table("lake.sales.b", ("x", BIGINT), view="SELECT x FROM a")
    with pytest.raises(Refusal) as refused:
        expanded("SELECT * FROM a", a, b)
    assert refused.value.code is ErrorCode.VIEW_IS_RECURSIVE


def test_a_chain_of_views_is_bounded() -> None:
    chain = [table(f"lake.sales.v{i}", ("x", BIGINT), view=f"SELECT x FROM v{i + 1}") for i in range(40)]
    with pytest.raises(Refusal) as refused:
        expanded("SELECT * FROM v0", *chain)
    assert refused.value.code is ErrorCode.VIEW_IS_RECURSIVE


def test_views_that_multiply_are_counted() -> None:
    chain = [table(f"lake.sales.v{i}", ("x", BIGINT), view=f"SELECT a.x FROM v{i + 1} a, v{i + 1} b") for i in range(9)]
    last = table("lake.sales.v9", ("x", BIGINT), view="SELECT customer_id FROM customers")
    with pytest.raises(Refusal) as refused:
        expanded("SELECT * FROM v0", *chain, last)
    assert refused.value.code is ErrorCode.QUERY_REJECTED


@pytest.mark.parametrize(
    "view",
    [
        replace(V_ORDERS, view=None),
        replace(V_ORDERS, columns=()),
    ],
    ids=["no body", "no columns"],
)
def test_a_view_whose_definition_is_unknown_is_refused(view: Table) -> None:
    with pytest.raises(Refusal) as refused:
        expanded("SELECT * FROM v_orders", view)
    assert refused.value.code is ErrorCode.NOT_SUPPORTED


def test_time_travel_over_a_view_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        expanded("SELECT * FROM v_orders FOR VERSION AS OF 3")
    assert refused.value.code is ErrorCode.NOT_SUPPORTED


def test_a_view_without_its_barrier_does_not_pass_the_second_walk() -> None:
    resolved = prepared("SELECT * FROM v_orders")
    granted = decisions(resolved)
    tree = govern(resolved.tree, granted, TABLES).tree
    text = generate_checked(tree).replace('"lake.sales.v_orders"', '"other"')
    with pytest.raises(Refusal):
        verify(parse_query(text), granted, TABLES)


def test_a_body_that_names_a_table_without_grant_is_refused() -> None:
    view = table("lake.sales.v_pay", ("salary", BIGINT), ("x", VARCHAR), view="SELECT salary, 'x' FROM hr.salaries")
    resolved = expanded("SELECT * FROM v_pay", view)
    granted = {view.name: TableDecision(view.name, Action.SELECT, allowed=True, columns=("salary", "x"))}
    with pytest.raises(Refusal):
        govern(resolved.tree, granted | decisions(resolved), {**TABLES, view.name: view})


def test_a_column_of_a_view_that_is_withheld_does_not_exist() -> None:
    granted = replace(V_ORDERS, columns=tuple(c for c in V_ORDERS.columns if c.name == "region"))
    tables = {**TABLES, granted.name: granted}

    def shown(sql: str) -> list[str | None]:
        context = AnalysisContext("lake", "sales", tables, strict=False)
        return [column.name for column in analyze(expanded(sql).tree, context).columns]

    assert shown("SELECT * FROM v_orders") == ["region"]
    assert shown("SELECT v.* FROM v_orders AS v(r)") == ["r"]
    for sql, code in (
        ("SELECT mails FROM v_orders", ErrorCode.COLUMN_NOT_FOUND),
        ("SELECT 1 FROM v_orders AS v WHERE v.mails > 1", ErrorCode.COLUMN_NOT_FOUND),
        ("SELECT r FROM v_orders AS v(r, m)", ErrorCode.MISMATCHED_COLUMN_ALIASES),
    ):
        with pytest.raises(Refusal) as refused:
            shown(sql)
        assert refused.value.code is code
