"""Expand views: write the body of a view in its place, so that what lies below it is governed like any table.

    FROM v AS x   ->   FROM (SELECT CAST("a" AS BIGINT) AS "a" FROM (<body>) AS "view" ("a")) AS x

The body is resolved in the view's own catalog and schema. Grants and policies on its tables are the invoker's, which
is stricter than Trino's definer views. Source: policy-semantics section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.dialect.parse import parse_query
from catalog.dialect.types import data_type
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName, View
from catalog.types import type_text
from rewrite_rules.resolve import Leaf, Resolved, resolve

MAX_DEPTH = 16
"""The deepest chain of views over views."""


def expand_views(
    resolved: Resolved, tables: Mapping[TableName, Table], parse: Callable[[str], exp.Expr] = parse_query
) -> Resolved:
    """Replace every read leaf that `tables` knows as a view by its body, views inside views included.

    Works in place, like `resolve`. Names that are not in `tables` stay leaves: look them up and call again.
    `parse` reads one statement of Trino SQL, with all its checks. Raises Refusal NOT_SUPPORTED where the body is
    unknown or is not a query, VIEW_IS_RECURSIVE, and what `parse` and `resolve` raise.
    """
    views = list(resolved.views)
    pending = [leaf for leaf in resolved.leaves if _is_view(leaf, tables)]
    if not pending:
        return resolved
    while pending:
        leaf = pending.pop()
        views.append(leaf.table)
        inside = _inline(leaf, tables[leaf.table], parse)
        pending.extend(below for below in inside.leaves if _is_view(below, tables))
    again = resolve(resolved.tree, None, None)
    return Resolved(again.tree, again.leaves, tuple(dict.fromkeys(views)))


def _is_view(leaf: Leaf, tables: Mapping[TableName, Table]) -> bool:
    table = tables.get(leaf.table)
    return leaf.role == "read" and table is not None and table.kind == "view"


def _inline(leaf: Leaf, table: Table, parse: Callable[[str], exp.Expr] = parse_query) -> Resolved:
    """Put one view's body into the tree and return the body, resolved."""
    if leaf.table in leaf.via or len(leaf.via) >= MAX_DEPTH:
        raise Refusal(ErrorCode.VIEW_IS_RECURSIVE, f"Statement is recursive at view '{leaf.table}'")
    if leaf.node.args.get("version") is not None:
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            "time travel over a view is not supported",
            location=location_of(leaf.node),
        )
    view = _definition(table)
    body = _body(view, table.name, parse)
    inside = resolve(body, view.catalog, view.schema)
    via = (*leaf.via, leaf.table)
    for below in inside.leaves:
        below.node.meta["via"] = via
    _replace(leaf, body, table)
    return Resolved(body, tuple(Leaf(b.node, b.table, b.role, via) for b in inside.leaves))


def _definition(table: Table) -> View:
    if table.view is None or not table.columns:
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            f"View '{table.name}' cannot be read here, because its definition is not known to the gateway",
            hint="Query the tables it reads.",
        )
    return table.view


def _body(view: View, name: TableName, parse: Callable[[str], exp.Expr]) -> exp.Query:
    """Parse a view's text; positions in it mean nothing to the user and are forgotten."""
    body = parse(view.sql)
    if not isinstance(body, exp.Query):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"View '{name}' is not a query")
    for node in body.find_all(exp.Identifier, exp.Literal, exp.Anonymous, exp.Star):
        for key in ("line", "col", "start", "end"):
            node.meta.pop(key, None)
    return body


def _replace(leaf: Leaf, body: exp.Query, table: Table) -> None:
    """Write `(SELECT CAST(c AS t) AS c, ... FROM (body) AS "view" (c, ...))` where the view's name stood."""
    identifiers = [exp.Identifier(this=column.name, quoted=True) for column in table.columns]
    inner = exp.Subquery(
        this=body,
        alias=exp.TableAlias(this=exp.Identifier(this="view", quoted=True), columns=identifiers),
    )
    items = [
        exp.Alias(
            this=exp.Cast(
                this=exp.Column(this=exp.Identifier(this=column.name, quoted=True)),
                to=data_type(type_text(column.type)),
            ),
            alias=exp.Identifier(this=column.name, quoted=True),
        )
        for column in table.columns
    ]
    node = leaf.node
    place = exp.Subquery(
        this=exp.Select(expressions=items, from_=exp.From(this=inner)),
        alias=node.args.get("alias"),
        joins=node.args.get("joins"),
        sample=node.args.get("sample"),
    )
    place.meta["table"] = leaf.table
    place.meta["role"] = "read"
    place.meta["written"] = 1 + sum(1 for key in ("db", "catalog") if node.args.get(key))
    node.replace(place)
