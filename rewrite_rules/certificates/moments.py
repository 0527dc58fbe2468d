"""Laws of time: what a function of an instant gives is the same for the bucket that the instant lies in, or not.

Moments are microseconds since 1970 (Fractions, for finer ones). Values with a time zone are instants; a column's own
are kept in UTC, as Iceberg and ClickHouse keep them.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.certificates.intervals import DAY, EPOCH, SECOND, SIZES, interval, of_day
from rewrite_rules.certificates.terms import FALSE, Term, type_of

_CLOCK = ("millisecond", "second", "minute", "hour", "day")
_CHAINS = ((*_CLOCK, "week"), (*_CLOCK, "month", "quarter", "year"))
UNITS = frozenset(unit for chain in _CHAINS for unit in chain)
_FIELDS = {
    "year": "year",
    "quarter": "quarter",
    "month": "month",
    "week": "week",
    "week_of_year": "week",
    "year_of_week": "week",
    "day": "day",
    "day_of_month": "day",
    "day_of_week": "day",
    "day_of_year": "day",
    "last_day_of_month": "month",
    "hour": "hour",
    "minute": "minute",
    "second": "second",
}
"""What each field of a moment depends on: it is the same throughout such a bucket."""
EARLIEST = datetime(1850, 1, 1, tzinfo=UTC)
"""Before any zone kept a time of its own: where nothing is known of the data, all counts since then."""
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
since: ContextVar[datetime] = ContextVar("since", default=EARLIEST)
"""No instant in the views at hand lies before this."""


def nests(fine: str, coarse: str) -> bool:
    """Tell whether each bucket of one unit lies within one of another, in one and the same local time."""
    return any(fine in chain and coarse in chain and chain.index(fine) <= chain.index(coarse) for chain in _CHAINS)


def granularity(name: str, arguments: tuple[Term, ...]) -> str | None:
    """Return the unit that a function of a moment depends on."""
    if name == "date_trunc":
        unit = arguments[0][2] if len(arguments) == 2 and arguments[0][0] == "const" else None
        return unit if unit in UNITS else None
    return "day" if name == "cast:date" else _FIELDS.get(name)


def moment_call(name: str, arguments: tuple[Term, ...]) -> Term | None:
    """Return what a call means once buckets inside it that do not matter are gone; None where nothing changes."""
    unit = granularity(name, arguments)
    if unit is None or not arguments:
        return None
    inner = arguments[-1]
    if inner[0] == "const":
        return _of_constant(name, unit, inner)
    if type_of(inner) == TrinoType("date") and name == "cast:date":
        return inner
    if _is_midnight(inner) and nests("day", unit) and name != "date_trunc":
        return _again(name, (inner[2],))
    if _is_midnight(inner) and nests("day", unit) and _is_day_of(inner[2], type_of(inner)):
        return _again(name, (arguments[0], inner[2][2]))
    if inner[:2] == ("f", "cast:date") and nests("day", unit) and _is_moment(inner[2]):
        if name in _FIELDS:
            return _again(name, (inner[2],))
        if name == "date_trunc":
            return _again("cast:date", (_again(name, (arguments[0], inner[2])),))
    plain = _without_buckets(inner, unit)
    if plain is not inner:
        return _again(name, (*arguments[:-1], plain))
    return None


def _of_constant(name: str, unit: str, constant: Term) -> Term | None:
    """Return the bucket of a constant date or local time, worked out; of a date no part of a day can be asked."""
    kind, moment = constant[1], constant[2]
    if not isinstance(moment, Fraction) or kind.base not in ("timestamp", "date"):
        return None
    start = bucket_of(moment, unit)
    if kind.base == "date" and not nests("day", unit):
        return None
    if name == "date_trunc":
        return ("const", kind, start)
    return ("const", TrinoType("date"), start) if name == "cast:date" else None


def _again(name: str, arguments: tuple[Term, ...]) -> Term:
    if name == "cast:date" and type_of(arguments[0]) == TrinoType("date"):
        return arguments[0]
    return moment_call(name, arguments) or ("f", name, *arguments)


def _is_midnight(term: Term) -> bool:
    """Tell whether a term is a date as a timestamp."""
    return term[0] == "f" and term[1].startswith("cast:timestamp(") and type_of(term[2]) == TrinoType("date")


def _is_day_of(term: Term, kind: TrinoType | None) -> bool:
    """Tell whether a term is the day of a moment of a type."""
    return term[:2] == ("f", "cast:date") and kind is not None and type_of(term[2]) == kind


def _is_moment(term: Term) -> bool:
    kind = type_of(term)
    return kind is not None and kind.base in ("timestamp", "timestamp with time zone")


def _without_buckets(term: Term, unit: str) -> Term:
    """Return a moment without the truncation that a coarser unit does not see."""
    if term[:2] == ("f", "date_trunc") and len(term) == 4:
        fine = granularity("date_trunc", term[2:])
        if fine is not None and nests(fine, unit):
            return _without_buckets(term[3], unit)
    if term[:2] in (("f", "+"), ("f", "-")) and len(term) == 4:
        return _without_buckets_moved(term, unit)
    if term[:2] == ("f", "at_timezone") and term[3][0] == "const":
        inner = _without_buckets_in(term[2], unit, str(term[3][2]))
        return term if inner is term[2] else ("f", "at_timezone", inner, term[3])
    return term


def _without_buckets_moved(term: Term, unit: str) -> Term:
    """Return a moment that was moved by whole buckets without the truncation to them."""
    inner, by = term[2], interval(term[3])
    if by is None or inner[:2] != ("f", "date_trunc") or len(inner) != 4:
        return term
    fine = granularity("date_trunc", inner[2:])
    size = SIZES.get(fine or "")
    if size is None or fine == "week" or by % size or not nests(str(fine), unit) or inner[3][0] != "col":
        return term
    return ("f", term[1], inner[3], term[3])


def _without_buckets_in(term: Term, unit: str, zone: str) -> Term:
    """Return an instant without the truncation in UTC that a unit of a zone does not see."""
    if term[:2] != ("f", "date_trunc") or len(term) != 4 or term[3][0] != "col":
        return term
    fine = granularity("date_trunc", term[2:])
    if fine not in ("second", "minute", "hour") or not nests(fine, unit):
        return term
    return term[3] if whole_offsets(zone, SIZES[fine] // SECOND, since.get()) else term


@lru_cache(maxsize=1024)
def whole_offsets(zone: str, seconds: int, start: datetime) -> bool:
    """Tell whether a zone has always been off UTC by a multiple of so many seconds, looking at every day since."""
    offset = fixed_offset(zone)
    if offset is not None:
        return offset.total_seconds() % seconds == 0
    try:
        known = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    day = start.replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    while day < _LATEST:
        found = day.astimezone(known).utcoffset()
        if found is None or found.total_seconds() % seconds:
            return False
        day += timedelta(days=1)
    return True


def fixed_offset(zone: str) -> timedelta | None:
    """Return the offset that a zone's name is; None where it names a place."""
    if zone.upper() in ("UTC", "Z", "GMT", "ETC/UTC"):
        return timedelta(0)
    if len(zone) == 6 and zone[0] in "+-" and zone[3] == ":" and (zone[1:3] + zone[4:]).isdigit():
        size = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
        return -size if zone[0] == "-" else size
    return None


# --- Comparisons of buckets with constants -----------------------------------------------------------------------


def bucket_comparison(op: str, left: Term, right: Term) -> Term | None:
    """Return what a comparison of a bucket with a constant says of the moment inside; None where it is none."""
    if right[0] == "const" and right[2] is not None:
        return _compared(op, left, right)
    if left[0] == "const" and left[2] is not None:
        turned = {"<": ">", "<=": ">=", "=": "=", "<>": "<>"}[op]
        return _compared(turned, right, left)
    return None


def _compared(op: str, bucket: Term, constant: Term) -> Term | None:
    if bucket[0] != "f" or not isinstance(constant[2], Fraction) or op == "<>":
        return None
    if bucket[:2] == ("f", "year"):
        return _compared_year(op, bucket[2], constant)
    unit, inner = granularity(bucket[1], bucket[2:]), bucket[-1]
    kind = type_of(inner)
    if unit is None or bucket[1] not in ("date_trunc", "cast:date") or kind is None:
        return None
    if inner[:2] == ("f", "at_timezone"):
        return _local_day(op, bucket, constant) if bucket[1] == "cast:date" else None
    if kind.base not in ("timestamp", "timestamp with time zone", "date"):
        return None
    if not _comparable(bucket[1], kind, constant[1]):
        return None
    made = TrinoType(kind.base)
    floor = bucket_of(constant[2], unit)
    aligned = floor == constant[2]
    after = next_bucket(floor, unit)

    def bound(at: Fraction) -> Term:
        return ("const", made, at)

    if op in (">=", ">"):
        return _from(bound(floor if aligned and op == ">=" else after), inner)
    if op in ("<", "<="):
        return _until(bound(floor if aligned and op == "<" else after), inner)
    if not aligned:
        return None if inner[0] != "col" or not inner[4] else FALSE
    return ("and", frozenset({_from(bound(floor), inner), _until(bound(after), inner)}))


def _compared_year(op: str, inner: Term, constant: Term) -> Term | None:
    """Return what a comparison of a moment's year says of the moment, if that is shown by no zone's clock but UTC's."""
    kind, year = type_of(inner), constant[2]
    if kind is None or kind.base not in ("timestamp", "timestamp with time zone", "date"):
        return None
    if (kind.base.endswith("zone") and inner[0] != "col") or constant[1].base not in (*INTEGRAL, "number"):
        return None
    if year.denominator != 1 or not 2 <= year <= 9_998:
        return None
    start, after = (("const", TrinoType(kind.base), of_day(date(int(year) + by, 1, 1))) for by in (0, 1))
    if op in (">=", ">"):
        return _from(start if op == ">=" else after, inner)
    if op in ("<", "<="):
        return _until(start if op == "<" else after, inner)
    return ("and", frozenset({_from(start, inner), _until(after, inner)}))


def _from(start: Term, inner: Term) -> Term:
    """Return that a moment is not before another; buckets inside it are seen through, too."""
    return _compared(">=", inner, start) or ("cmp", "<=", start, inner)


def _until(end: Term, inner: Term) -> Term:
    return _compared("<", inner, end) or ("cmp", "<", inner, end)


def _local_day(op: str, bucket: Term, constant: Term) -> Term | None:
    """Return what a comparison of a zone's day with a date says of the instant."""
    instant, zone = bucket[2][2], bucket[2][3]
    kind = type_of(instant)
    if constant[1].base != "date" or zone[0] != "const" or kind is None or kind.base != "timestamp with time zone":
        return None
    start, end = (_midnight(constant[2] + shift, str(zone[2])) for shift in (0, DAY))
    if start is None or end is None:
        return None
    first: Term = ("const", TrinoType(kind.base), start)
    after: Term = ("const", TrinoType(kind.base), end)
    if op in (">=", ">"):
        return _from(first if op == ">=" else after, instant)
    if op in ("<", "<="):
        return _until(first if op == "<" else after, instant)
    return ("and", frozenset({_from(first, instant), _until(after, instant)}))


@lru_cache(maxsize=4096)
def _midnight(day: Fraction, zone: str) -> Fraction | None:
    """Return the instant at which a zone's day begins; None where clocks are changed about it, or nobody knows."""
    offset = fixed_offset(zone)
    if offset is not None:
        return day - int(offset.total_seconds()) * SECOND
    try:
        known = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return None
    wall = EPOCH.replace(tzinfo=None) + timedelta(microseconds=int(day))
    about = [(wall + timedelta(minutes=30 * step)).replace(tzinfo=known) for step in range(-3, 4)]
    offsets = {moment.replace(fold=fold).utcoffset() for moment in about for fold in (0, 1)}
    only = offsets.pop() if len(offsets) == 1 else None
    # Clocks that were put back by more than an hour could show the day before once more, long after its end.
    days = [(wall + timedelta(days=step)).replace(tzinfo=known).utcoffset() for step in (-2, -1, 1, 2)]
    if only is None or any(each is None or abs(each - only) > timedelta(hours=1) for each in days):
        return None
    return day - int(only.total_seconds()) * SECOND


def _comparable(name: str, kind: TrinoType, constant: TrinoType) -> bool:
    """Tell whether a constant is of the bucket's own type, so that nothing depends on the session's zone."""
    if name == "cast:date":
        return constant.base == "date"
    return constant.base == kind.base


def bucket_of(moment: Fraction, unit: str) -> Fraction:
    """Return the beginning of the bucket that a moment lies in; weeks begin on Monday."""
    if unit in SIZES:
        shift = 3 * DAY if unit == "week" else 0  # 1970-01-01 was a Thursday
        return Fraction((moment + shift) // SIZES[unit] * SIZES[unit] - shift)
    day = EPOCH.date() + timedelta(days=int(moment // DAY))
    month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[unit]
    return of_day(date(day.year, month, 1))


def next_bucket(start: Fraction, unit: str) -> Fraction:
    """Return the beginning of the next bucket."""
    if unit in SIZES:
        return start + SIZES[unit]
    day = EPOCH.date() + timedelta(days=int(start // DAY))
    months = day.year * 12 + day.month - 1 + {"month": 1, "quarter": 3, "year": 12}[unit]
    return of_day(date(months // 12, months % 12 + 1, 1))
