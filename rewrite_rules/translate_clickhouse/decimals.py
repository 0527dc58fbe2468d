"""Decimals: computed with enough digits, rounded half up, and checked against their Trino type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.errors import ErrorCode
from catalog.types import MAX_DECIMAL_PRECISION, TrinoType, decimal
from rewrite_rules.translate_clickhouse.native import cast
from rewrite_rules.translate_clickhouse.text import call, either, guard, operator, string

WIDE = 76
"""The digits of ClickHouse's widest decimal."""
INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}

Decimal = tuple[str, int, int]
"""A value's text, its precision and its scale."""


def as_decimal(sql: str, kind: TrinoType) -> Decimal:
    """Take an integer or decimal as a decimal that holds all its values."""
    digits = INTEGER_DIGITS.get(kind.base)
    if digits is not None:
        return cast(sql, decimal(digits)), digits, 0
    return sql, kind.numbers[0], kind.numbers[1]


def widened(sql: str, scale: int) -> str:
    """Give a number all the digits that ClickHouse has."""
    return call("CAST", sql, string(f"Nullable(Decimal({WIDE}, {scale}))"))


def fitted(sql: str, kind: TrinoType, *, certain: bool, code: ErrorCode | None = None) -> str:
    """Bring a decimal to its Trino type, raising where it has too many digits and that is not excluded."""
    if certain:
        return cast(sql, kind)
    message = "Decimal overflow" if code is None else f"Value cannot be cast to {kind}"
    return guard(too_wide(sql, kind), code or ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, message, cast(sql, kind))


def too_wide(sql: str, kind: TrinoType) -> str:
    """Write the condition that a number has more digits before the point than a decimal type."""
    precision, scale = kind.numbers
    return operator(">=", (call("abs", widened(sql, scale)), f"toDecimal256('1{'0' * (precision - scale)}', 0)"))


def rounded_half_up(sql: str) -> str:
    """Round a double to a whole one, halves away from zero."""
    cut = call("trunc", sql)
    return f"({cut} + {either(f'abs({sql} - {cut}) >= 0.5', call('sign', sql), '0')})"


def _sum(symbol: str) -> Callable[[Decimal, Decimal, TrinoType], str]:
    def write(left: Decimal, right: Decimal, kind: TrinoType) -> str:
        scale = kind.numbers[1]
        needed = max(left[1] - left[2], right[1] - right[2]) + scale + 1
        operands = [_with_digits(sql, max(needed, precision), scale) for sql, precision, _ in (left, right)]
        return fitted(operator(symbol, operands), kind, certain=needed <= MAX_DECIMAL_PRECISION)

    return write


def _product(left: Decimal, right: Decimal, kind: TrinoType) -> str:
    needed = left[1] + right[1]
    first = _with_digits(left[0], needed, left[2])
    return fitted(operator("*", (first, right[0])), kind, certain=needed <= MAX_DECIMAL_PRECISION)


def quotient(left: Decimal, right: Decimal, kind: TrinoType) -> str:
    """Divide with one digit more than the result has, cut off, so that rounding it half up is exact."""
    scale = kind.numbers[1]
    dividend, divisor = (widened(sql, s) for sql, _, s in (left, right))
    # NULL is stored as 0, by which ClickHouse would refuse to divide.
    cut = call("divideDecimal", dividend, call("ifNull", divisor, "1"), str(scale + 1))
    return either(call("isNull", divisor), "NULL", fitted(call("round", cut, str(scale)), kind, certain=False))


def _remainder(left: Decimal, right: Decimal, kind: TrinoType) -> str:
    scale = max(left[2], right[2])
    operands = [widened(sql, scale) for sql, _, _ in (left, right)]
    return fitted(operator("%", operands), kind, certain=False)


def _with_digits(sql: str, precision: int, scale: int) -> str:
    """Widen a decimal; beyond what Trino has, to all that ClickHouse has."""
    digits = precision if precision <= MAX_DECIMAL_PRECISION else WIDE
    return call("CAST", sql, string(f"Nullable(Decimal({digits}, {scale}))"))


OPERATIONS: Mapping[str, Callable[[Decimal, Decimal, TrinoType], str]] = {
    "+": _sum("+"),
    "-": _sum("-"),
    "*": _product,
    "/": quotient,
    "%": _remainder,
}
