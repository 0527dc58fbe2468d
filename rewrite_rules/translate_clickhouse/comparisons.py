"""Comparison and logic with SQL's three truth values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.type_coercions import common_type_of
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.connectives import flattened
from rewrite_rules.self_comparisons import list_may_hold_itself
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.group_keys import FLOATS
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, operator

_SYMBOLS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_BY_VALUE = frozenset({"boolean", *INTEGRAL, "double", "real", "decimal", "varchar", "char", "varbinary", "date"})
_COMPARED = _BY_VALUE | {"timestamp", "timestamp with time zone", "uuid", "ipaddress"}
_LISTED = frozenset({*INTEGRAL, "varchar", "date"})
"""Types for which a list of literals is one IN; others are compared one by one."""


def common(nodes: Sequence[exp.Expr], scope: Scope) -> TrinoType:
    """Return the type in which values are compared. Raises Refusal NOT_SUPPORTED."""
    kind = common_type_of(scope.type_of(node) for node in nodes)
    if kind is None:
        raise unsupported("A comparison of these types", nodes[0])
    return kind


def operand(node: exp.Expr, kind: TrinoType, scope: Scope, *, ordered: bool) -> str:
    """Write a value in the form in which ClickHouse compares it as Trino does. Raises Refusal NOT_SUPPORTED."""
    if kind.base == "unknown":
        scope.value(node)
        return "NULL"
    if kind.base not in _COMPARED:
        raise unsupported(f"A comparison of {kind}", node)
    if kind.base in INTEGRAL and scope.type_of(node).base in INTEGRAL:
        return scope.value(node)
    return comparable(coerced(node, kind, scope), kind, ordered=ordered)


def comparable(value: str, kind: TrinoType, *, ordered: bool) -> str:
    """Write a value of its type so that ClickHouse finds equal, and orders, what Trino does."""
    if kind.base == "char":
        return call("trimRight", value)
    if kind.base == "uuid" and ordered:
        return call("toString", value)
    return value


def comparison(node: exp.Expr, scope: Scope) -> str:
    """Translate `= <> < <= > >=`."""
    return compared(_SYMBOLS[type(node)], node.this, node.expression, scope)


def compared(symbol: str, left: exp.Expr, right: exp.Expr, scope: Scope) -> str:
    """Write a comparison of two expressions; rows are compared item by item."""
    if isinstance(right.unnest(), exp.Any | exp.All) or isinstance(right, exp.Any | exp.All):
        raise unsupported("A comparison with ANY or ALL", right)
    kind = common((left, right), scope)
    if kind.base == "row":
        return _rows(symbol, left, right, scope)
    ordered = symbol not in ("=", "!=")
    if kind.base == "char" and ordered:
        raise unsupported("Ordering char values", left)
    outer = len(scope.correlated)
    sides = [operand(side, kind, scope, ordered=ordered) for side in (left, right)]
    if symbol == "=" and kind.base in FLOATS and len(scope.correlated) > outer:
        raise unsupported(f"A join by {kind}", left)  # which ClickHouse makes of it, matching zeros and NaNs by bits
    return operator(symbol, sides)


def _rows(symbol: str, left: exp.Expr, right: exp.Expr, scope: Scope) -> str:
    pairs = list(zip(row_items(left), row_items(right), strict=False))
    if symbol not in ("=", "!=") or len(row_items(left)) != len(row_items(right)):
        raise unsupported("This comparison of rows", left)
    equal = operator("AND", (compared("=", a, b, scope) for a, b in pairs))
    return equal if symbol == "=" else f"(NOT {equal})"


def row_items(node: exp.Expr) -> Sequence[exp.Expr]:
    """Return the items of a row constructor. Raises Refusal NOT_SUPPORTED for any other row."""
    node = node.unnest()
    if isinstance(node, exp.Tuple) or (isinstance(node, exp.Anonymous) and node.name.lower() == "row"):
        return list(node.expressions)
    raise unsupported("A comparison of rows that are not written out", node)


def distinct_from(node: exp.Expr, scope: Scope) -> str:
    """Translate IS [NOT] DISTINCT FROM, for which NULLs are alike, and NaNs."""
    same = same_value(node.this, node.expression, scope)
    return same if isinstance(node, exp.NullSafeEQ) else f"(NOT {same})"


def same_value(left: exp.Expr, right: exp.Expr, scope: Scope) -> str:
    """Write a condition, never NULL, that two values are not distinct."""
    kind = common((left, right), scope)
    if kind.base == "unknown":
        return "true"
    a, b = (operand(n, kind, scope, ordered=False) for n in (left, right))
    equal = operator("=", (a, b))
    if kind.base in ("double", "real"):
        equal = operator("OR", (equal, f"(isNaN({a}) AND isNaN({b}))"))
    return call("ifNull", equal, operator("AND", (call("isNull", a), call("isNull", b))))


def between(node: exp.Expr, scope: Scope) -> str:
    """Translate BETWEEN as two comparisons."""
    low, high = node.args["low"], node.args["high"]
    return operator("AND", (compared(">=", node.this, low, scope), compared("<=", node.this, high, scope)))


def in_list(node: exp.Expr, scope: Scope) -> str:
    """Translate IN with a list; with a subquery see `subqueries`."""
    value, items = node.this, node.expressions
    kind = common((value, *items), scope)
    if kind.base == "row":
        raise unsupported("IN of rows outside of a plain condition", node)
    if list_may_hold_itself(value, items, kind.base):
        raise unsupported("IN of floating point over columns", node)
    if kind.base in _LISTED and all(_plain_literal(item) for item in items):
        left = operand(value, kind, scope, ordered=False)
        return f"({left} IN ({', '.join(scope.value(item) for item in items)}))"
    return operator("OR", (compared("=", value, item, scope) for item in items))


def in_rows_truth(node: exp.Expr, scope: Scope) -> str:
    """Translate row IN (rows) where only TRUE matters, in which NULL items play no part."""
    return operator("OR", (compared("=", node.this, item, scope) for item in node.expressions))


def _plain_literal(node: exp.Expr) -> bool:
    node = node.this if isinstance(node, exp.Cast | exp.Neg) else node
    return isinstance(node, exp.Literal)


def conjunction(node: exp.Expr, scope: Scope) -> str:
    """Translate AND and OR, flattened so that long chains stay shallow."""
    kind = type(node)
    return operator(kind.__name__.upper(), (_operand(part, scope) for part in flattened(node, kind)))


def _operand(node: exp.Expr, scope: Scope) -> str:
    return "NULL" if isinstance(node, exp.Null) else scope.value(node)


def negation(node: exp.Expr, scope: Scope) -> str:
    """Translate NOT."""
    return f"(NOT {scope.value(node.this)})"


def is_null(node: exp.Expr, scope: Scope) -> str:
    """Translate IS NULL."""
    if not isinstance(node.expression, exp.Null):
        raise unsupported("IS with anything but NULL", node)
    value = scope.value(node.this)
    return "true" if scope.type_of(node.this).base == "unknown" else call("isNull", value)


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    **dict.fromkeys(_SYMBOLS, comparison),
    exp.NullSafeEQ: distinct_from,
    exp.NullSafeNEQ: distinct_from,
    exp.Between: between,
    exp.And: conjunction,
    exp.Or: conjunction,
    exp.Not: negation,
    exp.Is: is_null,
}
