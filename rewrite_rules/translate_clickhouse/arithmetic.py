"""Arithmetic that overflows, divides and rounds as Trino's does.

ClickHouse wraps integers and narrow decimals silently, so integers are computed in a wider type and brought back by
`accurateCast`, which raises, and decimals that could leave their type are computed with 76 digits and checked.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.translate_clickhouse.casts import convert
from rewrite_rules.translate_clickhouse.datetimes import add_interval
from rewrite_rules.translate_clickhouse.decimals import OPERATIONS, as_decimal
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import cast, nullable
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, operator, string

_SYMBOLS: Mapping[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}


def binary(node: exp.Expr, scope: Scope) -> str:
    """Translate `+ - * / %` by the type of the result."""
    symbol, kind = _SYMBOLS[type(node)], scope.type_of(node)
    if kind.base.startswith(("date", "timestamp")):
        return add_interval(node, symbol, scope)
    left, right = scope.type_of(node.this), scope.type_of(node.expression)
    a, b = scope.value(node.this), scope.value(node.expression)
    return compute(symbol, (a, left), (b, right), kind, node)


def compute(
    symbol: str,
    left: tuple[str, TrinoType],
    right: tuple[str, TrinoType],
    kind: TrinoType,
    node: exp.Expr | None = None,
) -> str:
    """Write an operation on two typed values, whose result has Trino type `kind`. Raises Refusal NOT_SUPPORTED."""
    if kind.base in INTEGRAL:
        return _integers(symbol, left[0], right[0], kind)
    if kind.base in ("double", "real"):
        return _floats(symbol, convert(*left, kind), convert(*right, kind), kind, node)
    if kind.base == "decimal":
        return OPERATIONS[symbol](as_decimal(*left), as_decimal(*right), kind)
    raise unsupported(f"'{symbol}' on values of type {kind}", node)


def _integers(symbol: str, a: str, b: str, kind: TrinoType) -> str:
    if symbol == "%":
        return cast(operator("%", (cast(a, kind), cast(b, kind))), kind)
    if symbol == "/":
        return narrowed(call("intDiv", call("toInt128", a), call("toInt128", b)), kind)
    wide = "toInt128" if kind.base == "bigint" else "toInt64"
    return narrowed(operator(symbol, (call(wide, a), call(wide, b))), kind)


def narrowed(wide: str, kind: TrinoType) -> str:
    """Bring a number computed in a wider type back, raising where it does not fit."""
    return call("accurateCast", wide, string(nullable(kind)))


def _floats(symbol: str, a: str, b: str, kind: TrinoType, node: exp.Expr | None) -> str:
    if symbol == "%":
        raise unsupported(f"'%' on values of type {kind}", node)
    result = operator(symbol, (a, b))
    return call("toFloat32", result) if kind.base == "real" else result


def negative(node: exp.Expr, scope: Scope) -> str:
    """Translate unary minus; of the smallest integer it overflows, except in a literal."""
    kind, inner = scope.type_of(node), node.this
    if isinstance(inner, exp.Literal) and kind.base in INTEGRAL:
        return f"{call('to' + nullable(kind)[9:-1], string('-' + inner.name))}"
    return negated(scope.value(inner), kind, node)


def negated(sql: str, kind: TrinoType, node: exp.Expr | None = None) -> str:
    """Write a value with its sign turned. Raises Refusal NOT_SUPPORTED."""
    if kind.base in INTEGRAL:
        return narrowed(f"(-{call('toInt128', sql)})", kind)
    if kind.base in ("double", "real"):
        return f"(-{sql})"
    if kind.base == "decimal":
        return cast(f"(-{sql})", kind)
    raise unsupported(f"'-' before a value of type {kind}", node)


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    **dict.fromkeys(_SYMBOLS, binary),
    exp.Neg: negative,
}
