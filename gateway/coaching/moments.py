"""Moments in queries: literals read and written, and the units of time by which partitions and functions cut them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlglot import exp

from catalog.types import TrinoType

_TEXT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?(?: ?(UTC|Z|[+-]\d{2}:\d{2}))?"
)
_DAYS = {"day": 1, "week": 7}
_TIMES = {"second": 1, "minute": 60, "hour": 3600}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
UNITS = frozenset({*_DAYS, *_TIMES, *_MONTHS})
TEMPORAL = frozenset({"date", "timestamp", "timestamp with time zone"})
_FIRST, _LAST = datetime(1, 1, 2), datetime(9998, 12, 31)  # noqa: DTZ001  (moments without a zone, as in the text)
_EARLIEST, _LATEST = datetime(10, 1, 1), datetime(9990, 1, 1)  # noqa: DTZ001  (a wall clock, without a zone on purpose)
"""What is read: far enough from the ends that no unit before or after reaches them."""
_MONDAY = datetime(1, 1, 1)  # noqa: DTZ001  (a wall clock, without a zone on purpose)
Unit = str


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that a query writes: on the wall's clock, or in UTC where the text names a zone."""

    at: datetime
    """Naive."""
    zoned: bool = False


def read_moment(node: exp.Expr) -> Moment | None:
    """Return the moment of a literal: DATE '...', TIMESTAMP '...', date('...'); None for anything else."""
    if isinstance(node, exp.Paren):
        return read_moment(node.this)
    if isinstance(node, exp.Cast) and type(node) is exp.Cast and isinstance(node.this, exp.Literal):
        kind = node.to.this
        if node.this.is_string and kind in (exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ):
            return moment_of(node.this.name)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "date" and len(node.expressions) == 1:
        (text,) = node.expressions
        found = moment_of(text.name) if isinstance(text, exp.Literal) and text.is_string else None
        return found if found is not None and not found.zoned and found.at == floor(found.at, "day") else None
    return None


def moment_of(text: str) -> Moment | None:
    """Read a moment as Trino writes them, to the microsecond; None for other texts, and for the ends of time."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, zone = match[7], match[8]
    try:
        at = datetime(year, month, day, hour, minute, second, int((fraction or "0").ljust(6, "0")))  # noqa: DTZ001  (a wall clock, without a zone on purpose)
    except ValueError:
        return None
    if zone not in (None, "UTC", "Z"):
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        at -= -offset if zone[0] == "-" else offset
    return Moment(at, zone is not None) if _EARLIEST <= at <= _LATEST else None


def floor(at: datetime, unit: Unit) -> datetime:
    """Return the beginning of the unit that a moment lies in; weeks begin on Mondays."""
    if unit in _MONTHS:
        months = (at.year * 12 + at.month - 1) // _MONTHS[unit] * _MONTHS[unit]
        return datetime(months // 12, months % 12 + 1, 1)  # noqa: DTZ001  (a wall clock, without a zone on purpose)
    midnight = datetime(at.year, at.month, at.day)  # noqa: DTZ001  (a wall clock, without a zone on purpose)
    if unit in _DAYS:
        return midnight - timedelta(days=(midnight - _MONDAY).days % _DAYS[unit])
    step = timedelta(seconds=_TIMES[unit])
    return midnight + (at - midnight) // step * step


def later(at: datetime, unit: Unit, count: int = 1) -> datetime:
    """Return a unit's beginning moved by so many units; kept within the years that literals are written in."""
    try:
        if unit in _MONTHS:
            months = at.year * 12 + at.month - 1 + count * _MONTHS[unit]
            found = at.replace(year=months // 12, month=months % 12 + 1)
        else:
            found = at + count * timedelta(days=_DAYS.get(unit, 0), seconds=_TIMES.get(unit, 0))
    except (ValueError, OverflowError):
        return _LAST if count > 0 else _FIRST
    return min(max(found, _FIRST), _LAST)


def ceiling(at: datetime, unit: Unit) -> datetime:
    """Return the first beginning of a unit that is not before a moment."""
    begin = floor(at, unit)
    return begin if begin == at else later(begin, unit)


def units_between(first: datetime, last: datetime, unit: Unit) -> int:
    """Count the units that two moments and what lies between touch."""
    begin, end = floor(first, unit), floor(last, unit)
    if unit in _MONTHS:
        return ((end.year - begin.year) * 12 + end.month - begin.month) // _MONTHS[unit] + 1
    step = timedelta(days=_DAYS.get(unit, 0), seconds=_TIMES.get(unit, 0))
    return (end - begin) // step + 1


def literal(at: datetime, kind: TrinoType, *, up: bool = False) -> exp.Expr | None:
    """Write a moment as a literal of a column's type; `up` rounds to the next day where the type knows days only."""
    if kind.base == "date":
        return _cast(f"{ceiling(at, 'day') if up else floor(at, 'day'):%Y-%m-%d}", "date")
    text = at.isoformat(" ", "microseconds" if at.microsecond else "seconds")
    match kind.base:
        case "timestamp":
            return _cast(text, f"timestamp({6 if at.microsecond else 0})")
        case "timestamp with time zone":
            return _cast(f"{text} UTC", f"timestamp({6 if at.microsecond else 0}) with time zone")
    return None


def _cast(text: str, kind: str) -> exp.Cast:
    to = exp.DataType.build(kind, dialect="trino")
    return exp.Cast(this=exp.Literal.string(text), to=to)


def naive(value: object) -> datetime | None:
    """Return a statistics' bound as a moment in UTC without its zone; None for what is none."""
    if isinstance(value, datetime):
        at = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo is not None else value
    elif isinstance(value, date):
        at = datetime(value.year, value.month, value.day)  # noqa: DTZ001  (a wall clock, without a zone on purpose)
    else:
        return None
    return at if _EARLIEST <= at <= _LATEST else None


def from_unix(seconds: float) -> datetime:
    """Return a moment of the clock in UTC, without its zone."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
