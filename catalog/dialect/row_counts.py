"""Parameters that stand for a number of rows: LIMIT and its like take no expression, so theirs is computed here."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.errors import ErrorCode, Refusal

_BITS = {exp.DType.TINYINT: 8, exp.DType.SMALLINT: 16, exp.DType.INT: 32, exp.DType.BIGINT: 64}
_CLAUSES: dict[type[exp.Expr], str] = {exp.Limit: "LIMIT", exp.Offset: "OFFSET", exp.Fetch: "FETCH FIRST"}


class _Number(NamedTuple):
    """A whole number, None for NULL, and how many bits its type has."""

    value: int | None
    bits: int


def row_count(parameter: exp.Expr, holder: exp.Expr) -> exp.Expr:
    """Return the number that a parameter of LIMIT, OFFSET or FETCH stands for.

    Raises Refusal under Trino's names: TYPE_MISMATCH for what is no whole number, INVALID_ARGUMENTS for NULL,
    NUMERIC_VALUE_OUT_OF_RANGE, DIVISION_BY_ZERO; and NOT_SUPPORTED for what only an engine could compute.
    """
    clause, least = _CLAUSES[type(holder)], 1 if isinstance(holder, exp.Fetch) else 0
    value = _value(parameter).value
    if value is None:
        raise _refused(ErrorCode.INVALID_ARGUMENTS, f"Parameter value provided for {clause} is NULL", parameter)
    if value < least:
        what = f"{clause} row count must be {'positive' if least else 'greater or equal to 0'} (actual value: {value})"
        raise _refused(ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, what, parameter)
    return exp.Literal.number(value)


def _value(node: exp.Expr) -> _Number:
    if isinstance(node, exp.Paren):
        return _value(node.this)
    if isinstance(node, exp.Null):
        return _Number(None, 32)
    if isinstance(node, exp.Literal):
        return _literal(node)
    if isinstance(node, exp.Cast):
        return _cast(node)
    if isinstance(node, exp.Neg):
        inner = _value(node.this)
        return _checked(None if inner.value is None else -inner.value, inner.bits, node)
    operator = _OPERATORS.get(type(node))
    if operator is not None:
        return _combined(node, operator)
    if isinstance(node, (exp.Boolean, exp.Interval, exp.HexString, exp.Array)):
        raise _refused(ErrorCode.TYPE_MISMATCH, "The number of rows must be a whole number", node)
    raise Refusal(
        ErrorCode.NOT_SUPPORTED,
        "The number of rows must be a number, or computed from numbers by + - * / and %",
        location=location_of(node),
    )


def _literal(node: exp.Literal) -> _Number:
    if node.is_string or not node.is_int:
        raise _refused(ErrorCode.TYPE_MISMATCH, "The number of rows must be a whole number", node)
    return _Number(int(node.name), 32 if int(node.name) < 2**31 else 64)


def _cast(node: exp.Cast) -> _Number:
    """Return what a literal, or a computed number, is as a whole number; decimals are rounded half up."""
    bits = _BITS.get(node.to.this)
    if bits is None:
        raise _refused(ErrorCode.TYPE_MISMATCH, f"Cannot cast type {node.to.sql('trino').lower()} to bigint", node)
    inner = node.this
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if not isinstance(inner, exp.Literal) or (inner.is_int and not inner.is_string):
        return _checked(_value(inner).value, bits, node)
    text = inner.name.strip() if inner.is_string else inner.name
    whole = text.removeprefix("-").removeprefix("+")
    if inner.is_string and not (whole.isascii() and whole.isdecimal()):
        raise _refused(ErrorCode.INVALID_CAST_ARGUMENT, f"Cannot cast '{text}' to {node.to.sql('trino')}", node)
    return _checked(int(Decimal(text).quantize(Decimal(1), ROUND_HALF_UP)), bits, node)


def _combined(node: exp.Expr, operator: Callable[[int, int], int]) -> _Number:
    left, right = _value(node.this), _value(node.expression)
    bits = max(left.bits, right.bits)
    if left.value is None or right.value is None:
        return _Number(None, bits)
    if right.value == 0 and isinstance(node, (exp.Div, exp.Mod)):
        raise _refused(ErrorCode.DIVISION_BY_ZERO, "Division by zero", node)
    return _checked(operator(left.value, right.value), bits, node)


def _checked(value: int | None, bits: int, node: exp.Expr) -> _Number:
    if value is not None and not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise _refused(ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, f"{value} does not fit into {bits} bits", node)
    return _Number(value, bits)


def _divided(left: int, right: int) -> int:
    """Divide towards zero, as Java does."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_OPERATORS: dict[type[exp.Expr], Callable[[int, int], int]] = {
    exp.Add: lambda left, right: left + right,
    exp.Sub: lambda left, right: left - right,
    exp.Mul: lambda left, right: left * right,
    exp.Div: _divided,
    exp.Mod: lambda left, right: left - right * _divided(left, right),
}


def _refused(code: ErrorCode, message: str, node: exp.Expr) -> Refusal:
    return Refusal(code, message, location=location_of(node))
