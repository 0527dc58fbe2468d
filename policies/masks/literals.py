"""Numbers and moments as a policy writes them, held against a column's type."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from catalog.types import INTEGRAL, TrinoType

BITS = {"tinyint": 7, "smallint": 15, "integer": 31, "bigint": 63}


def is_number(text: str, kind: TrinoType) -> bool:
    """Tell whether a text is a number that a numeric type holds exactly."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return False
    if not number.is_finite():
        return False
    if kind.base in INTEGRAL:
        return number == number.to_integral_value() and abs(number) < 2 ** BITS[kind.base]
    if kind.base != "decimal":
        return abs(number) < Decimal(10) ** 30
    precision, scale = kind.numbers
    return exact_steps(number, scale) is not None and abs(number) < Decimal(10) ** (precision - scale)


def exact_steps(number: Decimal, scale: int) -> int | None:
    """Return how many units of its last of `scale` decimal places a number is; None where it has more places."""
    sign, digits, exponent = number.as_tuple()
    written = "".join(map(str, digits)) + "0" * (int(exponent) + scale)
    surplus = -int(exponent) - scale
    if surplus > 0:
        if written[-surplus:].strip("0"):
            return None
        written = written[:-surplus]
    return -int(written or "0") if sign else int(written or "0")


def in_steps(steps: int, scale: int) -> str:
    """Write a count of units of the last of `scale` decimal places as a number."""
    digits = str(abs(steps)).rjust(scale + 1, "0")
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{text}" if steps < 0 else text


def moment(text: str, kind: TrinoType) -> str | None:
    """Return a date or timestamp as Trino writes it; None for another type or an impossible day."""
    try:
        if kind.base == "date":
            return date.fromisoformat(text).isoformat()
        if kind.base == "timestamp":
            found = datetime.fromisoformat(text)
            return found.isoformat(sep=" ") if found.tzinfo is None else None
    except ValueError:
        pass
    return None
