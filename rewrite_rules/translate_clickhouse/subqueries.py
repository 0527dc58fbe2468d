"""Subqueries inside expressions: scalar ones, IN and EXISTS."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.type_coercions import common_super_type
from catalog.types import TrinoType
from rewrite_rules.connectives import flattened
from rewrite_rules.translate_clickhouse.casts import coerced, convert
from rewrite_rules.translate_clickhouse.comparisons import comparable, in_rows_truth, row_items
from rewrite_rules.translate_clickhouse.correlated import lookup
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.group_keys import FLOATS, grouping_key
from rewrite_rules.translate_clickhouse.native import NESTED
from rewrite_rules.translate_clickhouse.scope import Handler, Query, Scope
from rewrite_rules.translate_clickhouse.text import call, nested, operator, select, unsupported_value, where

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
_VALUES = (exp.Column, exp.Identifier, exp.Literal, exp.Cast, exp.DataType, exp.Paren)
_STRICT = (*_COMPARISONS, *_VALUES, exp.Neg, exp.Add, exp.Sub, exp.Mul)
"""What is NULL, and no condition holds for, where a part of it is."""


def query_of(node: exp.Expr) -> exp.Expr:
    """Take the brackets off a query."""
    while isinstance(node, exp.Subquery) and not node.args.get("alias"):
        node = node.this
    return node


def _inner(node: exp.Expr, scope: Scope) -> tuple[Query, Scope]:
    """Translate a subquery; its scope tells which columns of the queries around it were used."""
    inside = Scope(scope.build, parent=scope, ctes=scope.ctes)
    return scope.build.query(query_of(node), inside), inside


def _exists(node: exp.Exists, scope: Scope) -> str:
    """Translate EXISTS as a condition. Raises Refusal NOT_SUPPORTED.

    ClickHouse joins with the outer columns that the query reads, and drops rows where one of them is NULL.
    """
    found, inside = _inner(node.this, scope)
    if set(inside.correlated) - set(inside.strict):
        raise unsupported("A correlated EXISTS that may hold for NULL", node)
    return f"EXISTS ({found.sql})"


def scalar(node: exp.Expr, scope: Scope) -> str:
    """Translate a scalar subquery. Raises Refusal NOT_SUPPORTED."""
    found, inside = _inner(node, scope)
    if len(found.fields) != 1 or found.fields[0].type.base in NESTED:
        raise unsupported("A scalar subquery of this type", node)
    _check_readable(found, node)
    return lookup(query_of(node), scope) if inside.correlated else f"({found.sql})"


def _check_readable(found: Query, node: exp.Expr) -> None:
    """Refuse to read columns that a query has in name only."""
    for field in found.fields:
        if field.refusal is not None:
            raise unsupported(field.refusal, node)


def exists(node: exp.Expr, scope: Scope) -> str:
    """Translate EXISTS where its value is wanted."""
    found, inside = _inner(node.this, scope)
    if inside.correlated:
        raise unsupported("A correlated EXISTS outside of a plain condition", node)
    return f"({_single('count()', found.sql)} > 0)"


def in_query(node: exp.Expr, scope: Scope, *, negated: bool = False) -> str:
    """Translate x IN (query) where its value is wanted: NULL where no match was found but one cannot be excluded.

    Whether NaN is found hangs in Trino on the plan, for a join finds none, and a set does: it is refused when it comes,
    but in a condition that says NOT, for which there is no join.
    """
    found, inside = _inner(node.args["query"], scope)
    if inside.correlated or len(found.fields) != 1 or _limited(node.args["query"]):
        raise unsupported("This IN with a subquery", node)
    value, rows, column, kind = _both_sides(node, found, scope)
    sure = negated or kind.base not in FLOATS
    return call(
        "multiIf",
        f"{_single('count()', rows)} = 0",
        "false",
        call("isNull", value),
        "NULL",
        f"{value} IN {_single(call('assumeNotNull', column), rows, where([call('isNotNull', column)]))}",
        "true" if sure else unsupported_value(call("isNaN", value), "NaN in a subquery", "true"),
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


def in_query_truth(node: exp.Expr, scope: Scope, *, joined: bool = True) -> str:
    """Translate x IN (query) where only TRUE matters; x may be a row. `joined` says that Trino joins there."""
    found, inside = _inner(node.args["query"], scope)
    if inside.correlated:
        raise unsupported("A correlated IN", node)
    if scope.type_of(node.this).base == "row":
        return _row_in_query(node, found, scope)
    if len(found.fields) != 1:
        raise unsupported("This IN with a subquery", node)
    value, rows, column, kind = _both_sides(node, found, scope)
    if kind.base in FLOATS and not joined:
        return in_query(node, scope)
    numbers = where([f"NOT ifNull(isNaN({column}), 0)"]) if kind.base in FLOATS else ""
    return f"({value} IN {_single(column, rows, numbers)})"


def _both_sides(node: exp.Expr, found: Query, scope: Scope) -> tuple[str, str, str, TrinoType]:
    """Bring both sides of IN to one type; return the value, a query of one column, the column's name, and the type."""
    _check_readable(found, node)
    field = found.fields[0]
    kind = _common(scope.type_of(node.this), field.type, node)
    value = _key(coerced(node.this, kind, scope), kind)
    name = scope.build.fresh("c")
    column = _key(convert(field.sql, field.type, kind, zone=scope.build.time_zone), kind)
    return value, select([f"{column} AS {name}"], nested(found.sql)), name, kind


def _common(left: TrinoType, right: TrinoType, node: exp.Expr) -> TrinoType:
    kind = common_super_type(left, right)
    if kind is None or kind.base in (*NESTED, "unknown", "json"):
        raise unsupported("IN over these types", node)
    if left.base == "real" and kind.base == "double":  # Trino 476 may find no infinity there, as in a join
        raise unsupported("A real among doubles of a subquery", node)
    return kind


def _key(value: str, kind: TrinoType) -> str:
    return grouping_key(comparable(value, kind, ordered=False), kind)


def _row_in_query(node: exp.Expr, found: Query, scope: Scope) -> str:
    items = row_items(node.this)
    if len(items) != len(found.fields):
        raise unsupported("IN of a row and a query of another width", node)
    _check_readable(found, node)
    left, right = [], []
    for item, field in zip(items, found.fields, strict=True):
        kind = _common(scope.type_of(item), field.type, node)
        if kind.base in FLOATS:
            raise unsupported("IN of rows with doubles", node)
        left.append(_key(coerced(item, kind, scope), kind))
        right.append(_key(convert(field.sql, field.type, kind, zone=scope.build.time_zone), kind))
    return f"(({', '.join(left)}) IN {nested(select(right, nested(found.sql)))})"


def truth(node: exp.Expr, scope: Scope, *, joined: bool = True) -> str:
    """Translate a condition of which only TRUE matters: WHERE, HAVING, ON, FILTER.

    `joined` says that the condition stands alone or beside AND, where Trino joins with the query of an IN.
    """
    node = node.unnest()
    if isinstance(node, exp.And | exp.Or):
        below = joined and isinstance(node, exp.And)
        parts = (truth(part, scope, joined=below) for part in flattened(node, type(node)))
        return operator(type(node).__name__.upper(), parts)
    asked = node.this.unnest() if isinstance(node, exp.Not) else node
    if isinstance(asked, exp.Exists):
        return _exists(asked, scope) if asked is node else f"(NOT {_exists(asked, scope)})"
    if isinstance(asked, exp.In) and asked.args.get("query") and (joined or asked is node):
        if asked is node:
            return in_query_truth(node, scope, joined=joined)
        return f"(NOT {in_query(asked, scope, negated=True)})"
    if isinstance(node, exp.In) and scope.type_of(node.this).base == "row":
        return in_rows_truth(node, scope)
    before = len(scope.correlated)
    text = scope.value(node)
    if joined and isinstance(node, _COMPARISONS) and all(isinstance(part, _STRICT) for part in node.walk()):
        scope.strict.extend(scope.correlated[before:])
    return text


HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Subquery: scalar, exp.Exists: exists}
