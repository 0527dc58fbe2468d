"""Numbers and moments as a policy writes them, held against a column's type."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from catalog.types import TrinoType

BITS = {"tinyint": 7, "smallint": 15, "integer": 31, "bigint": 63}


def is_number(text: str, kind: TrinoType) -> bool:
    """Tell whether a text is a number that the type holds exactly."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return False
    if not number.is_finite() or kind.base != "decimal":
        return number.is_finite() and abs(number) < Decimal(10) ** 30
    precision, scale = kind.numbers
    digits = -int(number.normalize().as_tuple().exponent)
    return digits <= scale and abs(number) < Decimal(10) ** (precision - scale)


def moment(text: str, kind: TrinoType) -> str | None:
    """Return a date or timestamp as Trino writes it; None for another type or an impossible day."""
    try:
        if kind.base == "date":
            return date.fromisoformat(text).isoformat()
        if kind.base == "timestamp":
            moment = datetime.fromisoformat(text)
            return moment.isoformat(sep=" ") if moment.tzinfo is None else None
    except ValueError:
        pass
    return None
