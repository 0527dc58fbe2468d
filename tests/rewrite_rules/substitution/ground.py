"""The ground of substitution's tests: tables of prices and trades, and typed trees as planning makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.dialect.parse import parse_expression, parse_query
from catalog.materialized_views import Facts, ForeignKey, Key
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.expand_views import expand_views
from rewrite_rules.govern import govern
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.model import Ground

CATALOG, SCHEMA = "lake", "grid"
_SHAPES = {
    "lmp_prices": "iso varchar not null, node varchar, hub varchar, ts timestamp(6) not null, lmp decimal(10,2), "
    "congestion double, loss double, mw integer",
    "trades": "trade_id bigint not null, desk varchar, trader varchar not null, book_id integer not null, "
    "cpty_id integer, node varchar, side varchar not null, qty bigint, price decimal(10,2), "
    "trade_ts timestamp(6) not null, status varchar",
    "books": "book_id integer not null, book varchar not null, region varchar",
    "desks": "desk varchar not null, region varchar not null, head varchar",
    "counterparties": "cpty_id integer not null, name varchar not null, rating varchar",
    "iso_node_mapping": "iso varchar not null, node varchar not null, hub_id varchar not null, zone_id varchar not null",
    "node_tags": "node varchar not null, tag varchar",
    "traders": "trader varchar not null, email varchar, desk varchar, phone varchar",
    "rt_feed": "node varchar not null, ts timestamp(6) with time zone not null, lmp decimal(10,2)",
    "meter": "k varchar not null, grp varchar not null, v bigint, x double, s varchar, d decimal(38,2)",
}


def name(table: str) -> TableName:
    """Name a table of the ground, or any by its three parts."""
    parts = table.split(".")
    return TableName(*parts) if len(parts) == 3 else TableName(CATALOG, SCHEMA, table)


def table(called: str, columns: str) -> Table:
    """Make a table of columns as CREATE TABLE would list them; `not null` makes one required."""
    found = []
    for item in _split(columns):
        column, _, kind = item.strip().partition(" ")
        required = kind.lower().endswith(" not null")
        found.append(Column(column, parse_type(kind[:-9] if required else kind), nullable=not required))
    return Table(name(called), tuple(found), engine="lake")


def _split(columns: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for position, char in enumerate(columns):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append(columns[start:position])
            start = position + 1
    return [*parts, columns[start:]]


TABLES: Mapping[TableName, Table] = {name(n): table(n, columns) for n, columns in _SHAPES.items()}
FACTS = Facts(
    keys=(
        Key(name("trades"), ("trade_id",), "verified"),
        Key(name("books"), ("book_id",), "verified"),
        Key(name("desks"), ("desk",), "verified"),
        Key(name("iso_node_mapping"), ("iso", "node"), "verified"),
        Key(name("traders"), ("trader",), "verified"),
        Key(name("counterparties"), ("cpty_id",)),
    ),
    foreign_keys=(
        ForeignKey(name("trades"), ("book_id",), name("books"), ("book_id",), "verified"),
        ForeignKey(name("trades"), ("trader",), name("traders"), ("trader",), "verified"),
        ForeignKey(name("trades"), ("desk",), name("desks"), ("desk",)),
        ForeignKey(name("trades"), ("cpty_id",), name("counterparties"), ("cpty_id",)),
        ForeignKey(name("lmp_prices"), ("iso", "node"), name("iso_node_mapping"), ("iso", "node"), "verified"),
    ),
)
GROUND = Ground(TABLES, FACTS)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the caller may see of one table, as text."""

    row_filter: str | None = None
    masks: Mapping[str, str] = field(default_factory=dict)
    deny: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Decision:
    columns: tuple[str, ...]
    row_filter: exp.Expr | None = None
    masks: Mapping[str, exp.Expr] = field(default_factory=dict)
    allowed: bool = True


def typed(
    sql: str,
    tables: Mapping[TableName, Table] = TABLES,
    *,
    policies: Mapping[str, Policy] | None = None,
    time_zone: str = "UTC",
) -> exp.Expr:
    """Return a query governed on one level, with the types of all its expressions, over the raw columns."""
    resolved = resolve(parse_query(sql), CATALOG, SCHEMA)
    while any(tables[leaf.table].kind == "view" for leaf in resolved.leaves):
        resolved = expand_views(resolved, dict(tables))
    context = AnalysisContext(CATALOG, SCHEMA, tables, strict=True, user="ana", time_zone=time_zone)
    analyze(resolved.tree, context)
    given = {name(n): policy for n, policy in (policies or {}).items()}
    decisions = {n: _decided(each, given.get(n)) for n, each in tables.items()}
    governed = govern(resolved.tree, decisions, tables, levels=1, guarded=False).tree
    resolve(governed, CATALOG, SCHEMA)
    analyze(governed, context)
    return governed


def _decided(described: Table, policy: Policy | None) -> _Decision:
    if policy is None:
        return _Decision(tuple(column.name for column in described.columns))
    return _Decision(
        tuple(column.name for column in described.columns if column.name not in policy.deny),
        _filter(policy.row_filter),
        {column: parse_expression(text) for column, text in policy.masks.items()},
    )


def _filter(text: str | None) -> exp.Expr | None:
    found = parse_expression(text) if text is not None else None
    for node in list(found.find_all(exp.Table)) if found is not None else []:
        resolve_name(node)
    return found


def resolve_name(node: exp.Table) -> None:
    """Write a table of a policy's text out in full, as compiled policies do."""
    full = name(node.name)
    for key, part in zip(("catalog", "db", "this"), full, strict=True):
        node.set(key, exp.Identifier(this=part, quoted=True))
