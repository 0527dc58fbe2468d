"""Moments as numbers, and what intervals do to them: microseconds since 1970, as Fractions for finer ones."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from catalog.types import VARCHAR
from rewrite_rules.certificates.terms import Term, type_of

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIZES = {
    "millisecond": SECOND // 1000,
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
    "day": DAY,
    "week": 7 * DAY,
}
_MILLIS = 3
_MOMENTS = frozenset({"timestamp", "timestamp with time zone", "date"})


def of_day(day: date) -> Fraction:
    """Return a date's midnight."""
    return Fraction((day - EPOCH.date()).days * DAY)


_FIRST, _LAST = of_day(date.min), of_day(date.max)


def interval(term: Term) -> int | None:
    """Return the microseconds of an interval of whole days, hours, minutes or seconds; None for others."""
    parts = _interval_parts(term)
    size = SIZES.get(parts[1]) if parts is not None else None
    return parts[0] * size if parts is not None and size is not None else None


def _interval_parts(term: Term) -> tuple[int, str] | None:
    """Return the amount and the unit of an interval of one whole number."""
    if term[:2] != ("x", "Interval"):
        return None
    parts = {each[0]: each[1] for each in term[2:] if len(each) == 2}
    amount, unit = parts.get("this"), parts.get("unit")
    if set(parts) != {"this", "unit"} or amount is None or unit is None or amount[0] != "const" or unit[0] != "name":
        return None
    written = str(amount[2])
    return (int(written), str(unit[1]).lower()) if written.isascii() and written.isdigit() else None


def added(arguments: tuple[Term, ...]) -> tuple[int, Term] | None:
    """Return what date_add adds: a constant amount, and the interval of its size; None where that is not the same.

    An interval makes a moment of whole seconds one with milliseconds, and counts hours where clocks are put forward;
    date_add leaves the type, and adds days of the zone.
    """
    if len(arguments) != 3 or any(each[0] != "const" for each in arguments[:2]):
        return None
    unit, amount, kind = str(arguments[0][2]).lower(), arguments[1][2], type_of(arguments[2])
    if (
        not isinstance(amount, Fraction)
        or amount.denominator != 1
        or kind is None
        or kind.base not in ("timestamp", "date")
    ):
        return None
    if unit not in (*SIZES, "month", "year") or (kind.base != "date" and kind.parameters and kind.numbers[0] < _MILLIS):
        return None
    written: Term = ("const", VARCHAR, str(abs(int(amount))))
    return int(amount), ("x", "Interval", ("this", written), ("unit", ("name", unit.upper())))


def shifted(arguments: tuple[Term, ...]) -> Term | None:
    """Return date_add on a constant date or local time, worked out; None for anything else."""
    if len(arguments) != 3 or any(each[0] != "const" for each in arguments):
        return None
    unit, amount, (_, kind, moment) = str(arguments[0][2]).lower(), arguments[1][2], arguments[2]
    if not isinstance(amount, Fraction) or not isinstance(moment, Fraction) or kind.base not in ("timestamp", "date"):
        return None
    months, size = {"month": 1, "quarter": 3, "year": 12}.get(unit), SIZES.get(unit)
    if amount.denominator != 1 or unit == "millisecond" or (kind.base == "date" and size is not None and size % DAY):
        return None
    made = _in_months(moment, int(amount) * months) if months is not None else None
    made = moment + amount * size if size is not None else made
    return ("const", kind, made) if made is not None and _FIRST <= made < _LAST else None


def moved(name: str, arguments: tuple[Term, ...]) -> Term | None:
    """Return a constant moment that an interval moves, worked out; None for anything else."""
    if name not in ("+", "-") or len(arguments) != 2:
        return None
    moment, by = arguments if arguments[0][0] == "const" else arguments[::-1]
    if moment[0] != "const" or not isinstance(moment[2], Fraction) or (name == "-" and moment is not arguments[0]):
        return None
    sign, kind = -1 if name == "-" else 1, moment[1]
    size, months = interval(by), _months(by)
    if size is not None and (kind.base in ("timestamp", "timestamp with time zone") or not size % DAY):
        shifted: Fraction | None = moment[2] + sign * size
    elif months is not None and kind.base in ("timestamp", "date"):
        shifted = _in_months(moment[2], sign * months)
    else:
        return None
    return ("const", kind, shifted) if kind.base in _MOMENTS and shifted is not None else None


def _months(term: Term) -> int | None:
    """Return the months of an interval of whole months or years; None for others."""
    parts = _interval_parts(term)
    factor = {"month": 1, "year": 12}.get(parts[1]) if parts is not None else None
    return parts[0] * factor if parts is not None and factor is not None else None


def _in_months(moment: Fraction, months: int) -> Fraction | None:
    """Return a moment so many months on: on the last day of a month that has fewer days."""
    day = EPOCH.date() + timedelta(days=int(moment // DAY))
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    if not 1 <= year <= 9_999:
        return None
    last = calendar.monthrange(year, month)[1]
    return of_day(date(year, month, min(day.day, last))) + moment % DAY
