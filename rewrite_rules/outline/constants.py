"""Constants of conditions, computed as Trino computes them, to Python's values."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.analysis.literals import interval_type, type_of_node
from rewrite_rules.outline.units import DAYS, UNITS, start_of

_MOMENT = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?)?\s*([+\-A-Za-z].*)?"
)
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_SHORT_INTERVALS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
INTEGRAL = ("tinyint", "smallint", "integer", "bigint")
ZONED = "timestamp with time zone"


class Constant(NamedTuple):
    """A value and the base of its Trino type; None is NULL."""

    value: object
    base: str


class Months(NamedTuple):
    """An interval of months and years."""

    size: int


_NULL = Constant(None, "unknown")


class Clock:
    """The session's time zone, and the moment at which the statement came, where that is told."""

    __slots__ = ("now", "used", "zone")

    def __init__(self, zone: str, now: datetime | None = None) -> None:
        """Show a moment in a zone; without one the time is not known."""
        self.zone = zone
        self.now = now
        self.used = False

    def shown(self) -> datetime | None:
        """Return the time as the session's clocks show it, noting that somebody asked."""
        place = ZoneInfo("UTC") if self.zone == "UTC" else zone_of(self.zone)
        if self.now is None or not isinstance(place, ZoneInfo):
            return None
        self.used = True
        return self.now.astimezone(place)


def constant(node: exp.Expr, clock: Clock) -> Constant | None:
    """Return what an expression without columns is; None where that is not known here. `clock` is the session's."""
    reader = _READERS.get(node.__class__)
    return reader(node, clock) if reader is not None else None


def _literal(node: exp.Expr, clock: Clock) -> Constant | None:
    text = node.name
    if node.args.get("is_string"):
        return Constant(text, "varchar")
    if "e" in text or "E" in text:
        return Constant(float(text), "double")
    if "." in text:
        return Constant(Decimal(text), "decimal")
    value = int(text)
    return Constant(value, "integer" if value < 2**31 else "bigint")


def _negated(node: exp.Expr, clock: Clock) -> Constant | None:
    inner = constant(node.this, clock)
    if inner is None or not isinstance(inner.value, int | float | Decimal | timedelta):
        return None
    return Constant(-inner.value, inner.base)


def _cast(node: exp.Expr, clock: Clock) -> Constant | None:
    inner, target = constant(node.this, clock), type_of_node(node.args["to"])
    if inner is None or target is None:
        return None
    return None if isinstance(inner.value, bool) else cast(inner, target, clock.zone)


def cast(given: Constant, target: TrinoType, zone: str) -> Constant | None:
    """Return a constant as another type; None where that is not known here, or fails."""
    value, base = given.value, target.base
    if value is None:
        return Constant(None, base)
    if isinstance(value, str):
        return _from_text(value, target, zone)
    if base in INTEGRAL and isinstance(value, int):
        return Constant(value, base) if abs(value) < 2**63 else None
    if base == "decimal" and isinstance(value, int | Decimal):
        exact = Decimal(value)
        scaled = exact.quantize(Decimal(1).scaleb(-target.numbers[1])) if exact.adjusted() < 30 else exact
        return Constant(exact, base) if scaled == exact else None
    if base == "double" and isinstance(value, int | float | Decimal):
        return Constant(float(value), base)
    if isinstance(value, date):
        return _from_moment(given, target, zone)
    return None


def _from_moment(given: Constant, target: TrinoType, zone: str) -> Constant | None:
    value = given.value
    if given.base == target.base == "date":
        return given
    if given.base == "date" and isinstance(value, date):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  (a local time)
    if not isinstance(value, datetime):
        return None
    if target.base == "timestamp" and value.tzinfo is None:
        return Constant(value, "timestamp") if _fits(value, target) else None
    if target.base == ZONED:
        known = value if value.tzinfo is not None else instant(value, zone)
        return Constant(known, ZONED) if known is not None and _fits(known, target) else None
    if target.base == "date" and (given.base == "timestamp" or isinstance(value.tzinfo, ZoneInfo)):
        return Constant(value.date(), "date")
    return None


def _fits(value: datetime, target: TrinoType) -> bool:
    """Tell whether a cast to that precision rounds nothing."""
    digits = min(target.numbers[0] if target.numbers else 3, 6)
    unit: int = 10 ** (6 - digits)
    return value.microsecond % unit == 0


def _from_text(text: str, target: TrinoType, zone: str) -> Constant | None:
    base = target.base
    try:
        if base == "varchar":
            return Constant(text[: target.numbers[0]] if target.numbers else text, "varchar")
        if base in INTEGRAL and re.fullmatch(r"[+-]?\d{1,18}", text):
            return Constant(int(text), base)
        if base == "decimal" and re.fullmatch(r"[+-]?\d{1,30}(\.\d*)?", text):
            return cast(Constant(Decimal(text), "decimal"), target, zone)
        if base == "double" and re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", text):
            return Constant(float(text), "double")
        if base in ("date", "timestamp", ZONED):
            return _moment(text, target, zone)
    except (ValueError, ArithmeticError):
        return None
    return None


def _moment(text: str, target: TrinoType, zone: str) -> Constant | None:
    match = _MOMENT.fullmatch(text)
    if match is None or len((match[7] or "").rstrip("0")) > 6:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    micros = int((match[7] or "").ljust(6, "0")[:6] or 0)
    local = datetime(year, month, day, hour, minute, second, micros)  # noqa: DTZ001  (the zone comes below)
    if target.base == "date":
        return Constant(local.date(), "date") if match[4] is None and match[8] is None else None
    if target.base == "timestamp":
        return Constant(local, "timestamp") if match[8] is None and _fits(local, target) else None
    known = instant(local, (match[8] or zone).strip())
    return Constant(known, ZONED) if known is not None and _fits(local, target) else None


def instant(local: datetime, zone: str) -> datetime | None:
    """Return the moment at which clocks of a zone show a time; None where they never do, or twice."""
    place = zone_of(zone)
    if place is None:
        return None
    try:
        first = local.replace(tzinfo=place).astimezone(UTC)
        again = local.replace(tzinfo=place, fold=1).astimezone(UTC)
    except OverflowError:
        return None
    return first if first == again else None


def zone_of(name: str) -> ZoneInfo | timezone | None:
    """Return a zone by its name or offset; None for what is none."""
    written = _OFFSET.fullmatch(name)
    if written:
        size = timedelta(hours=int(written[2]), minutes=int(written[3]))
        return timezone(size if written[1] == "+" else -size) if size < timedelta(days=1) else None
    try:
        return UTC if name in ("UTC", "Z") else ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def _interval(node: exp.Expr, clock: Clock) -> Constant | None:
    unit, written = node.args.get("unit"), node.this
    if not isinstance(unit, exp.Var) or not isinstance(written, exp.Literal):
        return None
    if not re.fullmatch(r"\s*[+-]?\d{1,6}\s*", written.name):
        return None
    count, name = int(written.name), unit.name.lower()
    if name in ("month", "year"):
        return Constant(Months(count * (12 if name == "year" else 1)), interval_type(node).base)
    seconds = _SHORT_INTERVALS.get(name)
    return Constant(timedelta(seconds=count * seconds), interval_type(node).base) if seconds else None


def _added(node: exp.Expr, clock: Clock) -> Constant | None:
    return _summed(node, clock, 1)


def _taken(node: exp.Expr, clock: Clock) -> Constant | None:
    return _summed(node, clock, -1)


def _summed(node: exp.Expr, clock: Clock, sign: int) -> Constant | None:
    left, right = constant(node.this, clock), constant(node.expression, clock)
    if left is None or right is None:
        return None
    if left.value is None or right.value is None:
        return _NULL
    if isinstance(left.value, date):
        return _moved(left, right.value, sign)
    if isinstance(right.value, date) and sign > 0:
        return _moved(right, left.value, 1)
    a, b = left.value, right.value
    if isinstance(a, bool) or isinstance(b, bool):
        return None
    if isinstance(a, int | Decimal) and isinstance(b, int | Decimal):
        whole = isinstance(a, int) and isinstance(b, int)
        total = Decimal(a) + Decimal(b) * sign
        value = int(total) if whole else total
        exact = abs(total) < 2**31 and all(Decimal(each).as_tuple().exponent >= -15 for each in (a, b))  # type: ignore[operator]  # a number: they are finite
        return Constant(value, _wider(left.base, right.base)) if exact else None
    return None


def _product(node: exp.Expr, clock: Clock) -> Constant | None:
    left, right = constant(node.this, clock), constant(node.expression, clock)
    if left is None or right is None or isinstance(left.value, bool) or isinstance(right.value, bool):
        return None
    if isinstance(left.value, int) and isinstance(right.value, int) and abs(left.value * right.value) < 2**31:
        return Constant(left.value * right.value, _wider(left.base, right.base))
    return None


def _quotient(node: exp.Expr, clock: Clock) -> Constant | None:
    """Divide whole numbers, towards zero."""
    left, right = constant(node.this, clock), constant(node.expression, clock)
    if left is None or right is None or isinstance(left.value, bool) or isinstance(right.value, bool):
        return None
    if not isinstance(left.value, int) or not isinstance(right.value, int) or right.value == 0:
        return None
    size = abs(left.value) // abs(right.value)
    same_sign = (left.value < 0) == (right.value < 0)
    return Constant(size if same_sign else -size, _wider(left.base, right.base)) if size < 2**31 else None


def _wider(left: str, right: str) -> str:
    for base in ("decimal", "bigint"):
        if base in (left, right):
            return base
    return "integer"


def _moved(moment: Constant, by: object, sign: int) -> Constant | None:
    """Move a date or timestamp by an interval, as Trino does: months keep the day, or the month's last."""
    value = moment.value
    try:
        if isinstance(by, Months) and isinstance(value, date):
            if isinstance(value, datetime) and value.tzinfo is UTC:
                return None  # months are counted by the clock that the text named, which is not kept
            months = value.year * 12 + value.month - 1 + by.size * sign
            year, month = months // 12, months % 12 + 1
            day = min(value.day, calendar.monthrange(year, month)[1])
            return Constant(value.replace(year=year, month=month, day=day), moment.base)
        if isinstance(by, timedelta):
            if moment.base == "date" and by % timedelta(days=1):
                return None
            if isinstance(value, datetime) and value.tzinfo is not None:  # hours are added on the line of time
                return Constant((value.astimezone(UTC) + by * sign).astimezone(value.tzinfo), moment.base)
            return Constant(value + by * sign, moment.base)  # type: ignore[operator]  # dates and datetimes
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        return None
    return None


def _same(node: exp.Expr, clock: Clock) -> Constant | None:
    return constant(node.this, clock)


def _now(node: exp.Expr, clock: Clock) -> Constant | None:
    now = clock.shown()
    return Constant(now, ZONED) if now is not None else None


def _today(node: exp.Expr, clock: Clock) -> Constant | None:
    now = clock.shown()
    return Constant(now.date(), "date") if now is not None else None


def _local_now(node: exp.Expr, clock: Clock) -> Constant | None:
    now = clock.shown()
    return Constant(now.replace(tzinfo=None), "timestamp") if now is not None else None


def _call(node: exp.Expr, clock: Clock) -> Constant | None:
    """Compute now(), date_add, and date_trunc of what is a constant with a known zone or none."""
    name, arguments = node.name.lower(), node.expressions
    if name == "now" and not arguments:
        return _now(node, clock)
    if name == "date_parse" and len(arguments) == 2:
        return _parsed(arguments)
    if name == "date_add" and len(arguments) == 3:
        return _shifted(arguments, clock)
    if name != "date_trunc" or len(arguments) != 2 or not isinstance(arguments[0], exp.Literal):
        return None
    unit, given = arguments[0].name.lower(), constant(arguments[1], clock)
    if given is None or not isinstance(given.value, date) or unit not in UNITS:
        return None
    value = given.value
    if not isinstance(value, datetime):
        day = datetime(value.year, value.month, value.day)  # noqa: DTZ001  (a local time)
        return Constant(start_of(day, unit).date(), "date") if unit in DAYS else None
    if value.tzinfo is None:
        return Constant(start_of(value, unit), given.base)
    if not isinstance(value.tzinfo, ZoneInfo):
        return None
    known = instant(start_of(value.replace(tzinfo=None), unit), clock.zone)
    return Constant(known.astimezone(value.tzinfo), ZONED) if known is not None else None


def _parsed(arguments: list[exp.Expr]) -> Constant | None:
    """Compute date_parse of a text that is written in full, as its format says."""
    if not all(isinstance(each, exp.Literal) and each.is_string for each in arguments):
        return None
    text, wanted = (each.name for each in arguments)
    form = _FORMATS.get(wanted)
    if form is None or not re.fullmatch(re.sub("%.", "[0-9][0-9]", form.replace("%Y", "%Y%Y")), text):
        return None
    try:
        return Constant(datetime.strptime(text, form), "timestamp")  # noqa: DTZ007  (a local time)
    except ValueError:
        return None


_FORMATS = {"%Y-%m-%d": "%Y-%m-%d", "%Y%m%d": "%Y%m%d", "%Y-%m-%d %H:%i:%s": "%Y-%m-%d %H:%M:%S"}
"""Formats of MySQL that `date_parse` takes, and Python's for the same."""


def _shifted(arguments: list[exp.Expr], clock: Clock) -> Constant | None:
    """Compute date_add on a date or a timestamp without a zone: of a date, whole days at least."""
    unit = arguments[0].name.lower() if isinstance(arguments[0], exp.Literal) else ""
    amount, moment = constant(arguments[1], clock), constant(arguments[2], clock)
    if amount is None or moment is None or type(amount.value) is not int or abs(amount.value) > _MOST_UNITS:
        return None
    if not isinstance(moment.value, date) or (isinstance(moment.value, datetime) and moment.value.tzinfo is not None):
        return None
    if unit in _LONG_UNITS:
        return _moved(moment, Months(amount.value * _LONG_UNITS[unit]), 1)
    seconds = _SHORT_UNITS.get(unit)
    if seconds is None or (moment.base == "date" and seconds % 86_400):
        return None
    return _moved(moment, timedelta(seconds=seconds * amount.value), 1)


_MOST_UNITS = 1_000_000
_LONG_UNITS = {"month": 1, "quarter": 3, "year": 12}
_SHORT_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}

_READERS: Mapping[type[exp.Expr], Callable[[exp.Expr, Clock], Constant | None]] = {
    exp.Literal: _literal,
    exp.Boolean: lambda node, clock: Constant(bool(node.this), "boolean"),
    exp.Null: lambda node, clock: _NULL,
    exp.HexString: lambda node, clock: Constant(bytes.fromhex(node.name), "varbinary"),
    exp.Paren: _same,
    exp.Neg: _negated,
    exp.Cast: _cast,
    exp.Interval: _interval,
    exp.Add: _added,
    exp.Sub: _taken,
    exp.Mul: _product,
    exp.Div: _quotient,
    exp.CurrentTimestamp: _now,
    exp.CurrentDate: _today,
    exp.Localtimestamp: _local_now,
    exp.Anonymous: _call,
}
