"""Comparisons of a column with constants, as conditions on the column itself: what is exact, and nothing else."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from catalog.types import TrinoType
from rewrite_rules.outline.constants import INTEGRAL, ZONED, Constant, instant, zone_of
from rewrite_rules.outline.predicates import NEVER, Is, Operator, Pred, all_of, some_of
from rewrite_rules.outline.steps import rounded
from rewrite_rules.outline.units import following, start_of
from rewrite_rules.outline.values import Either, Ref

FLOATING = ("real", "double")
FLIPPED: Mapping[str, Operator] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
NEGATED: Mapping[str, Operator] = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_EXACT_DOUBLE = 2**53


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared with a constant: a column, perhaps rounded down to a unit of time."""

    value: Ref | Either
    type: TrinoType
    """Of the column."""
    unit: str = ""
    """Rounded down to it, where that is not empty."""
    zone: str = ""
    """Whose clocks show it, where it is a moment."""
    years: bool = False
    """Only the year's number is compared."""
    days: bool = False
    """It is a date, cut off a timestamp."""


def compare(side: Side, operator: Operator, given: Constant, session_zone: str) -> Pred | None:
    """Return the condition `side operator given`, for =, <>, <, <=, > and >=; None where none is exact."""
    if given.value is None:
        return NEVER
    if isinstance(given.value, float) and not math.isfinite(given.value):
        return None
    if side.unit or side.years:
        return _rounded(side, operator, given, session_zone)
    direct = _DIRECT.get(side.type.base)
    return direct(side, operator, given, session_zone) if direct is not None else None


def among(side: Side, values: Sequence[Constant], zone: str, *, negated: bool = False) -> Pred | None:
    """Return the condition `side [NOT] IN (values)`; None where none is exact."""
    if negated and any(each.value is None for each in values):
        return NEVER
    operator: Operator = "<>" if negated else "="
    found = [compare(side, operator, each, zone) for each in values if each.value is not None]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    joined = all_of(known) if negated else some_of(known)
    parts = getattr(joined, "parts", ())
    if len(parts) > 1 and all(isinstance(part, Is) and part.operator == operator for part in parts):
        return Is(side.value, "not in" if negated else "in", tuple(part.values[0] for part in parts))
    return joined


def within(side: Side, low: Constant, high: Constant, zone: str) -> Pred | None:
    """Return the condition `side BETWEEN low AND high`; None where none is exact."""
    lower, upper = compare(side, ">=", low, zone), compare(side, "<=", high, zone)
    if lower is None or upper is None:
        return None
    if isinstance(lower, Is) and isinstance(upper, Is) and (lower.operator, upper.operator) == (">=", "<="):
        return Is(side.value, "between", (lower.values[0], upper.values[0]))
    return all_of((lower, upper))


def _is(side: Side, operator: Operator, value: object) -> Pred:
    return Is(side.value, operator, (value,))


def _present(side: Side) -> Pred:
    return Is(side.value, "is not null")


def _stepped(side: Side, operator: Operator, below: object, above: object, *, exact: bool) -> Pred:
    """Compare with a value between two that the column can have: equal to both where it is one itself."""
    if exact:
        return _is(side, operator, below)
    if operator in ("=", "<>"):
        return NEVER if operator == "=" else _present(side)
    return _is(side, "<=", below) if operator in ("<", "<=") else _is(side, ">=", above)


def _integer(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, float) and abs(value) >= _EXACT_DOUBLE:
        return None
    return _stepped(side, operator, math.floor(value), math.ceil(value), exact=value == math.floor(value))


def _decimal(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    unit = Decimal(1).scaleb(-side.type.numbers[1])
    exact = Decimal(value)
    if exact.adjusted() + side.type.numbers[1] >= 27:
        return None
    below, above = exact.quantize(unit, ROUND_FLOOR), exact.quantize(unit, ROUND_CEILING)
    return _stepped(side, operator, below, above, exact=below == above)


def _double(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return _is(side, operator, float(value))


def _real(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if not -1e38 < value < 1e38:
        return None
    single: float = struct.unpack("f", struct.pack("f", value))[0]
    return _is(side, operator, single) if single == value else None


def _text(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    return _is(side, operator, given.value) if isinstance(given.value, str) else None


def _bytes(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    return _is(side, operator, given.value) if isinstance(given.value, bytes) else None


def _boolean(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    if not isinstance(given.value, bool) or operator not in ("=", "<>"):
        return None
    return _is(side, "=", given.value is (operator == "="))


def _date(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    value = given.value
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            return None
        day = start_of(value, "day")
        after = following(day, "day")
        if after is None:
            return None
        return _stepped(side, operator, day.date(), after.date(), exact=day == value)
    return _is(side, operator, value) if isinstance(value, date) else None


def _timestamp(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    local = _local(given.value)
    return _is(side, operator, local) if local is not None else None


def _local(value: object) -> datetime | None:
    """Return a date or timestamp without zone as a timestamp."""
    if isinstance(value, datetime):
        return value if value.tzinfo is None else None
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None  # noqa: DTZ001  (local)


def _moment(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    known = _instant(given.value, zone)
    return _is(side, operator, known) if known is not None else None


def _instant(value: object, zone: str) -> datetime | None:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    local = _local(value)
    return instant(local, zone) if local is not None else None


def _rounded(side: Side, operator: Operator, given: Constant, zone: str) -> Pred | None:
    """Compare a moment that was rounded down: a range of the column's own values."""
    local = _compared(side, given, zone)
    if local is None:
        return None
    bounds = rounded(operator, local, side.unit or "year")
    if bounds is None:
        return None
    parts: list[Pred] = []
    for sign, bound in bounds.parts:
        value = _in_column(bound, side)
        if value is None:
            return None
        parts.append(_is(side, sign, value))
    if bounds.always:
        return _present(side)
    return all_of(parts) if bounds.all else some_of(parts)


def _compared(side: Side, given: Constant, session_zone: str) -> datetime | None:
    """Return a constant as clocks of the column's zone show it."""
    value = given.value
    if side.years:
        whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 9998
        return datetime(value, 1, 1) if whole and isinstance(value, int) else None  # noqa: DTZ001  (a local time)
    if side.type.base != ZONED or side.days:
        return _local(value)
    known = _instant(value, session_zone)
    if known is None:
        return None
    place = zone_of(side.zone)
    shown = known.astimezone(place).replace(tzinfo=None) if place is not None else None
    return shown if shown is not None and instant(shown, side.zone) == known else None


def _in_column(bound: datetime, side: Side) -> object:
    if side.type.base == "date":
        return bound.date()
    return bound if side.type.base == "timestamp" else instant(bound, side.zone)


_DIRECT: Mapping[str, Callable[[Side, Operator, Constant, str], Pred | None]] = {
    **dict.fromkeys(INTEGRAL, _integer),
    "decimal": _decimal,
    "double": _double,
    "real": _real,
    "varchar": _text,
    "varbinary": _bytes,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    ZONED: _moment,
}
