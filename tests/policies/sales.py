"""The attack world: tables of lake.sales, their policies, and the passes in the order a statement meets them."""

from __future__ import annotations

from pathlib import Path

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName, View
from catalog.types import BIGINT, VARCHAR, TrinoType, array, decimal, row, timestamp
from policies.decisions import Action, Subject, TableDecision
from policies.index import PolicySet
from policies.reload import load_policies
from rewrite_rules.analysis import analyze_expression
from rewrite_rules.expand_views import expand_views
from rewrite_rules.govern import govern
from rewrite_rules.resolve import Resolved, resolve

FIXTURES = Path(__file__).parents[1] / "fixtures"


def table(name: str, *columns: tuple[str, TrinoType], view: str | None = None) -> Table:
    """Make a table of the lake, or a view in lake.sales with the given body."""
    body = View(view, "lake", "sales") if view is not None else None
    return Table(
        TableName(*name.split(".")),
        tuple(Column(column, kind) for column, kind in columns),
        engine="lake",
        kind="table" if view is None else "view",
        view=body,
    )


ORDERS = table(
    "lake.sales.orders",
    ("order_id", BIGINT),
    ("region", VARCHAR),
    ("amount", decimal(12, 2)),
    ("customer_email", VARCHAR),
    ("customer_id", BIGINT),
    ("ts", timestamp(6, zone=True)),
    ("card_number", VARCHAR),
    ("attrs", row(("ssn", VARCHAR), ("note", VARCHAR))),
    ("tags", array(VARCHAR)),
)
CUSTOMERS = table("lake.sales.customers", ("customer_id", BIGINT), ("name", VARCHAR), ("card_number", VARCHAR))
OTHER_ORDERS = table("lake.other.orders", ("order_id", BIGINT), ("stock", BIGINT))
SCRATCH = table("lake.sandbox.t", ("x", BIGINT), ("order_id", BIGINT))
GUESSES = table("lake.sandbox.guess", ("e", VARCHAR))
SALARIES = table("lake.hr.salaries", ("salary", BIGINT))
V_ORDERS = table(
    "lake.sales.v_orders",
    ("region", VARCHAR),
    ("mails", BIGINT),
    view="SELECT region, count(DISTINCT customer_email) FROM orders GROUP BY region",
)
TABLES = {t.name: t for t in (ORDERS, CUSTOMERS, OTHER_ORDERS, SCRATCH, GUESSES, SALARIES, V_ORDERS)}
POLICIES = load_policies([FIXTURES / "policies" / "sales.yaml"], type_of=analyze_expression)


def subject(user: str, policies: PolicySet = POLICIES) -> Subject:
    """Return a user as the policy files know him."""
    return Subject(user, policies.roles_of(user), policies.attributes_of(user))


ANA = subject("ana")


def decisions(resolved: Resolved, who: Subject = ANA) -> dict[TableName, TableDecision]:
    """Decide SELECT on everything that is read and known."""
    known = (name for name in resolved.reads if name in TABLES)
    return {name: POLICIES.decide(who, Action.SELECT, TABLES[name]) for name in known}


def prepared(sql: str, catalog: str | None = "lake", schema: str | None = "sales") -> Resolved:
    """Parse, resolve and expand a query."""
    return expand_views(resolve(parse_query(sql), catalog, schema), TABLES)


def governed_tree(sql: str, who: Subject = ANA, *, levels: int = 1, schema: str | None = "sales") -> exp.Expr:
    """Return the governed tree of a query in the session lake.sales."""
    resolved = prepared(sql, schema=schema)
    return govern(resolved.tree, decisions(resolved, who), TABLES, levels=2 if levels == 2 else 1).tree


def governed(sql: str, who: Subject = ANA, *, levels: int = 1, schema: str | None = "sales") -> str:
    """Return the governed text of a query in the session lake.sales."""
    return generate(governed_tree(sql, who, levels=levels, schema=schema))
