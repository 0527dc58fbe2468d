"""Translate: a governed, typed tree of Trino's to ClickHouse SQL.

    SELECT "o"."id" FROM (SELECT "id" FROM "ch"."sales"."orders") AS "o" WHERE "id" / 2 > 1
        ->  SELECT t1.c1 AS c2 FROM (SELECT t2.`id` AS c1 FROM `sales`.`orders` AS t2) AS t1 WHERE ...

What is not proved to give Trino's answer is refused by name; where only some values differ, the text raises for
those. Source: function-truth.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.objects import Table, TableName
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse import (
    aggregates,
    arithmetic,
    arrays,
    binary,
    casts,
    clock,
    comparisons,
    conditionals,
    datetimes,
    grouping,
    jsons,
    literals,
    maps,
    mathematics,
    regexps,
    states,
    strings,
    subqueries,
    windows,
)
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function
from rewrite_rules.translate_clickhouse.native import native
from rewrite_rules.translate_clickhouse.queries import query
from rewrite_rules.translate_clickhouse.scope import Build, Field, Handler, Scope

_HANDLERS: Mapping[type[exp.Expr], Handler] = {
    **literals.HANDLERS,
    **arithmetic.HANDLERS,
    **comparisons.HANDLERS,
    **conditionals.HANDLERS,
    **casts.HANDLERS,
    **strings.HANDLERS,
    **datetimes.HANDLERS,
    **clock.HANDLERS,
    **jsons.HANDLERS,
    **arrays.HANDLERS,
    **maps.HANDLERS,
    **subqueries.HANDLERS,
    **windows.HANDLERS,
}
_FUNCTIONS: Mapping[str, Function] = {
    **conditionals.FUNCTIONS,
    **mathematics.FUNCTIONS,
    **strings.FUNCTIONS,
    **regexps.FUNCTIONS,
    **datetimes.FUNCTIONS,
    **clock.FUNCTIONS,
    **arrays.FUNCTIONS,
    **maps.FUNCTIONS,
    **binary.FUNCTIONS,
    **jsons.FUNCTIONS,
    **grouping.FUNCTIONS,
}


def translate(
    tree: exp.Expr,
    tables: Mapping[TableName, Table],
    *,
    time_zone: str = "UTC",
    scans: Mapping[TableName, exp.Expr] | None = None,
) -> str:
    """Return the ClickHouse text of a query whose expressions carry their types (`rewrite_rules.analysis`).

    `tables` describes the physical tables at the tree's leaves, `time_zone` is the session's, `scans` are typed queries
    for names of tables that are none. The result's columns come in order, under private names. Raises Refusal
    NOT_SUPPORTED by name for what is not proved; other codes where Trino refuses as well.
    """
    build = Build(tables, time_zone, _value, subqueries.truth, _type_of, query, scans or {})
    found = query(tree, Scope(build))
    for field in found.fields:
        _check_output(field)
    if not build.named:
        return found.sql
    return f"WITH {'RECURSIVE ' if build.recursive else ''}{', '.join(build.named)} {found.sql}"


def _check_output(field: Field) -> None:
    if field.refusal is not None:
        raise unsupported(field.refusal)
    if field.type.base not in ("unknown", "timestamp with time zone"):
        native(field.type)


def _value(node: exp.Expr, scope: Scope) -> str:
    if isinstance(node, exp.Anonymous | exp.Filter | exp.GroupConcat | exp.WithinGroup):
        return _call(node, scope)
    if isinstance(node, exp.In):
        return subqueries.in_query(node, scope) if node.args.get("query") else comparisons.in_list(node, scope)
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise unsupported(_shown(node), node)
    return handler(node, scope)


def _call(node: exp.Expr, scope: Scope) -> str:
    target = node.this if isinstance(node, exp.Filter | exp.WithinGroup) else node
    name = "listagg" if isinstance(target, exp.GroupConcat) else target.name.lower()
    if name == states.MERGE and isinstance(node, exp.Anonymous):
        return states.merge(node, scope)
    if name in aggregates.NAMES:
        return aggregates.write(windows.take_apart(node, scope, grouped=scope.grouped))
    function = _FUNCTIONS.get(name)
    if function is None or not isinstance(node, exp.Anonymous):
        raise unsupported(f"The function {name}", node)
    return function(list(node.expressions), node, scope)


def _shown(node: exp.Expr) -> str:
    return f"{type(node).__name__} in an expression"


def _type_of(node: exp.Expr, scope: Scope) -> TrinoType:
    known = node.meta.get("type")
    if isinstance(known, TrinoType):
        return known
    if isinstance(node, exp.Paren | exp.Alias | exp.Ordered):
        return _type_of(node.this, scope)
    if isinstance(node, exp.Column):
        return _column_type(node, scope)
    if isinstance(node, exp.Identifier) and node.name.lower() in scope.parameters:
        return scope.parameters[node.name.lower()].type
    raise unsupported("An expression whose type is not known", node)


def _column_type(node: exp.Column, scope: Scope) -> TrinoType:
    found, rest = literals.row_column(node, scope)
    if rest:
        raise unsupported("A row's field whose type is not known", node)
    return found.type
