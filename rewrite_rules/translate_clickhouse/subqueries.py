"""Subqueries inside expressions: scalar ones, IN and EXISTS."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.type_coercions import common_super_type
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.casts import coerced, convert
from rewrite_rules.translate_clickhouse.comparisons import comparable, flattened, in_rows_truth, row_items
from rewrite_rules.translate_clickhouse.correlated import lookup
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.group_keys import grouping_key
from rewrite_rules.translate_clickhouse.native import NESTED
from rewrite_rules.translate_clickhouse.scope import Handler, Query, Scope
from rewrite_rules.translate_clickhouse.text import call, nested, operator, select, where


def query_of(node: exp.Expr) -> exp.Expr:
    """Take the brackets off a query."""
    while isinstance(node, exp.Subquery) and not node.args.get("alias"):
        node = node.this
    return node


def _inner(node: exp.Expr, scope: Scope) -> tuple[Query, bool]:
    """Translate a subquery; tell whether it refers to the queries around it."""
    inside = Scope(scope.build, parent=scope, ctes=scope.ctes)
    found = scope.build.query(query_of(node), inside)
    return found, bool(inside.correlated)


def scalar(node: exp.Expr, scope: Scope) -> str:
    """Translate a scalar subquery. Raises Refusal NOT_SUPPORTED."""
    found, correlated = _inner(node, scope)
    if len(found.fields) != 1 or found.fields[0].type.base in NESTED:
        raise unsupported("A scalar subquery of this type", node)
    return lookup(query_of(node), scope) if correlated else f"({found.sql})"


def exists(node: exp.Expr, scope: Scope) -> str:
    """Translate EXISTS where its value is wanted."""
    found, correlated = _inner(node.this, scope)
    if correlated:
        raise unsupported("A correlated EXISTS outside of a plain condition", node)
    return f"({_single('count()', found.sql)} > 0)"


def in_query(node: exp.Expr, scope: Scope) -> str:
    """Translate x IN (query) where its value is wanted: NULL where no match was found but one cannot be excluded."""
    found, correlated = _inner(node.args["query"], scope)
    if correlated or len(found.fields) != 1 or _limited(node.args["query"]):
        raise unsupported("This IN with a subquery", node)
    value, rows, column = _both_sides(node, found, scope)
    return call(
        "multiIf",
        f"{_single('count()', rows)} = 0",
        "false",
        call("isNull", value),
        "NULL",
        f"{value} IN {_single(call('assumeNotNull', column), rows, where([call('isNotNull', column)]))}",
        "true",
        f"{_single(f'countIf(isNull({column}))', rows)} > 0",
        "NULL",
        "false",
    )


def _single(column: str, query: str, condition: str = "") -> str:
    """Write a subquery of one column over a query."""
    return nested(select([column], nested(query), condition))


def _limited(node: exp.Expr) -> bool:
    query = query_of(node)
    return bool(query.args.get("limit") or query.args.get("offset"))


def in_query_truth(node: exp.Expr, scope: Scope) -> str:
    """Translate x IN (query) where only TRUE matters; x may be a row."""
    found, correlated = _inner(node.args["query"], scope)
    if correlated:
        raise unsupported("A correlated IN", node)
    if scope.type_of(node.this).base == "row":
        return _row_in_query(node, found, scope)
    if len(found.fields) != 1:
        raise unsupported("This IN with a subquery", node)
    value, rows, column = _both_sides(node, found, scope)
    return f"({value} IN {_single(column, rows)})"


def _both_sides(node: exp.Expr, found: Query, scope: Scope) -> tuple[str, str, str]:
    """Bring both sides of IN to one type; return the value, a query of one column, and the column's name."""
    field = found.fields[0]
    kind = _common(scope.type_of(node.this), field.type, node)
    value = _key(coerced(node.this, kind, scope), kind)
    name = scope.build.fresh("c")
    column = _key(convert(field.sql, field.type, kind, zone=scope.build.time_zone), kind)
    numbers = where([f"NOT ifNull(isNaN({field.sql}), 0)"] if kind.base in ("double", "real") else [])
    return value, select([f"{column} AS {name}"], nested(found.sql), numbers), name


def _common(left: TrinoType, right: TrinoType, node: exp.Expr) -> TrinoType:
    kind = common_super_type(left, right)
    if kind is None or kind.base in (*NESTED, "unknown", "json"):
        raise unsupported("IN over these types", node)
    return kind


def _key(value: str, kind: TrinoType) -> str:
    return grouping_key(comparable(value, kind, ordered=False), kind)


def _row_in_query(node: exp.Expr, found: Query, scope: Scope) -> str:
    items = row_items(node.this)
    if len(items) != len(found.fields):
        raise unsupported("IN of a row and a query of another width", node)
    left, right = [], []
    for item, field in zip(items, found.fields, strict=True):
        kind = _common(scope.type_of(item), field.type, node)
        if kind.base in ("double", "real"):
            raise unsupported("IN of rows with doubles", node)
        left.append(_key(coerced(item, kind, scope), kind))
        right.append(_key(convert(field.sql, field.type, kind, zone=scope.build.time_zone), kind))
    return f"(({', '.join(left)}) IN {nested(select(right, nested(found.sql)))})"


def truth(node: exp.Expr, scope: Scope) -> str:
    """Translate a condition of which only TRUE matters: WHERE, HAVING, ON, FILTER."""
    node = node.unnest()
    if isinstance(node, exp.And | exp.Or):
        return operator(type(node).__name__.upper(), (truth(part, scope) for part in flattened(node, type(node))))
    if isinstance(node, exp.In) and node.args.get("query"):
        return in_query_truth(node, scope)
    if isinstance(node, exp.In) and scope.type_of(node.this).base == "row":
        return in_rows_truth(node, scope)
    if isinstance(node, exp.Exists):
        return f"EXISTS ({_inner(node.this, scope)[0].sql})"
    if isinstance(node, exp.Not) and isinstance(node.this.unnest(), exp.Exists):
        return f"(NOT EXISTS ({_inner(node.this.unnest().this, scope)[0].sql}))"
    return scope.value(node)


HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Subquery: scalar, exp.Exists: exists}
