"""Readings: how exactly an expression looks at a moment. `month(ts)` sees no more of it than its month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlglot import exp

from rewrite_rules.outline.constants import Clock, Months, constant
from rewrite_rules.substitution.cells import UNITS, makes_up
from rewrite_rules.substitution.preimages import UTC, ZONED, type_of
from rewrite_rules.substitution.ranges import PICOSECONDS
from rewrite_rules.substitution.zones import is_utc

FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("day", "day_of_month", "day_of_week", "dow", "day_of_year", "doy"), "day"),
    **dict.fromkeys(("week", "week_of_year", "year_of_week", "yow"), "week"),
    **{unit: unit for unit in ("year", "quarter", "month", "hour", "minute", "second", "millisecond")},
}
"""Functions that give a number, and the unit that decides it."""
_MOMENTS = frozenset({"date", "timestamp", ZONED})
_LETTERS: Mapping[str, str] = {
    **dict.fromkeys("Yy", "year"),
    **dict.fromkeys("mcMb", "month"),
    **dict.fromkeys("vx", "week"),
    **dict.fromkeys("dejaW", "day"),
    **dict.fromkeys("HkhIlp", "hour"),
    "i": "minute",
    **dict.fromkeys("sSTr", "second"),
}
"""date_format's letters, and the units that decide what they print."""
_MILLISECONDS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression as a function of one column's moment, as a clock shows it, cut off to a unit."""

    column: exp.Column
    zone: str | None
    """Whose clock; None for moments that have no zone."""
    unit: str | None = None
    """None: the moment is seen to its last digit."""
    value: str = "moment"
    """What the expression gives: a `moment` (date, timestamp, instant) or a `number` or text."""
    clocked: exp.Expr | None = None
    """The part of the expression that a clock shows: the column, or the column AT TIME ZONE."""
    moved: int = 0
    """By how many picoseconds the moment is moved before it is seen; with several moves, the sum of their sizes."""
    step: int = 0
    """What all moves are multiples of; 0 for none."""
    months: bool = False
    """It is moved by months as well."""


def reading(node: exp.Expr) -> Reading | None:
    """Return how an expression looks at a moment; None where it looks at more than one, or in another way."""
    node = node.unnest()
    if isinstance(node, exp.Column):
        return _of_column(node)
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return _of_cast(node)
    if isinstance(node, exp.AtTimeZone):
        return _in_zone(node.this, node.args["zone"], node)
    if isinstance(node, exp.Extract):
        return _seen(node.expression, FIELDS.get(node.name.lower()), "number")
    if isinstance(node, exp.Add | exp.Sub):
        return _moved(node)
    if isinstance(node, exp.Anonymous):
        return _of_call(node)
    return None


def _of_column(node: exp.Column) -> Reading | None:
    kind = type_of(node)
    if kind is None or kind.base not in _MOMENTS:
        return None
    return Reading(node, UTC if kind.base == ZONED else None, "day" if kind.base == "date" else None, clocked=node)


def _of_call(node: exp.Anonymous) -> Reading | None:
    name, arguments = node.name.lower(), node.expressions
    if len(arguments) == 1:
        if name == "date":
            return _seen(arguments[0], "day", "moment")
        if name == "last_day_of_month":
            return _last_day(arguments[0])
        return _seen(arguments[0], FIELDS.get(name), "number")
    if len(arguments) == 2:
        if name == "at_timezone":
            return _in_zone(arguments[0], arguments[1], node)
        text = _literal(arguments[0])
        if name == "date_trunc" and text is not None:
            return _seen(arguments[1], text.lower(), "moment")
        if name == "date_format":
            return _formatted(arguments[0], _literal(arguments[1]))
    if len(arguments) == 3 and name == "date_add":
        return _added(arguments)
    return None


def _literal(node: exp.Expr) -> str | None:
    inner = node.unnest()
    return inner.name if isinstance(inner, exp.Literal) and inner.is_string else None


def _of_cast(node: exp.Cast) -> Reading | None:
    source, target = type_of(node.this), type_of(node)
    if source is None or target is None or source.base not in _MOMENTS:
        return None
    if target.base == "date":
        return _seen(node.this, "day", "moment")
    widens = source.base == target.base and source.numbers[:1] <= target.numbers[:1]
    if source == target or widens or (source.base == "date" and target.base == "timestamp"):
        found = reading(node.this)
        if found is None or found.value != "moment":
            return None
        return replace(found, clocked=node) if target.base == ZONED and found.clocked is not None else found
    return None


def _seen(node: exp.Expr, unit: str | None, value: str) -> Reading | None:
    """Return the reading of what a function sees of a moment: a unit."""
    found = reading(node)
    if found is None or found.value != "moment" or unit not in UNITS:
        return None
    if found.unit is None or makes_up(found.unit, unit):
        return replace(found, unit=unit, value=value)
    return replace(found, value=value) if makes_up(unit, found.unit) else None


def _last_day(node: exp.Expr) -> Reading | None:
    """Read last_day_of_month: by a zone whose clocks skip a midnight, Trino's depends on the time of day (measured)."""
    found = _seen(node, "month", "number")
    return found if found is not None and (found.zone is None or is_utc(found.zone)) else None


def _in_zone(node: exp.Expr, zone: exp.Expr, whole: exp.Expr) -> Reading | None:
    """Look at an instant by another clock; one that was cut off to another clock's unit is another instant."""
    name, found, kind = _literal(zone), reading(node), type_of(node)
    if name is None or found is None or kind is None or kind.base != ZONED:
        return None
    if found.unit is not None or found.months or found.value != "moment":
        return None
    return replace(found, zone=name, clocked=whole if not found.moved else None)


def _formatted(node: exp.Expr, pattern: str | None) -> Reading | None:
    """Read date_format, which rounds to milliseconds before it prints."""
    kind, found = type_of(node), reading(node)
    if pattern is None or kind is None or found is None or found.value != "moment":
        return None
    if kind.numbers and kind.numbers[0] > _MILLISECONDS and found.unit is None:
        return None
    letters = pattern.split("%")[1:]
    units = [_LETTERS.get(part[:1]) for part in letters]
    if not units or "" in letters or None in units:
        return None
    known = {unit for unit in units if unit is not None}
    if "week" in known and len(known) > 1:
        known = known - {"week"} | {"day"}  # weeks make up no months and no years
    finest = min(known, key=UNITS.index)
    return _seen(node, finest, "number")


def _moved(node: exp.Expr) -> Reading | None:
    left, right = node.this, node.expression
    if isinstance(node, exp.Add) and right.find(exp.Column) is not None:
        left, right = right, left
    by = constant(right, Clock(UTC)) if right.find(exp.Column) is None else None
    return _by(left, by.value) if by is not None else None


def _added(arguments: list[exp.Expr]) -> Reading | None:
    unit, count, node = arguments
    number, name = constant(count, Clock(UTC)), (_literal(unit) or "").lower()
    if number is None or not isinstance(number.value, int) or isinstance(number.value, bool):
        return None
    days = {"day": 1, "week": 7}
    seconds = {"second": 1, "minute": 60, "hour": 3_600}
    if name in seconds:
        return _by(node, timedelta(seconds=seconds[name] * number.value))
    found = reading(node)
    if found is not None and not (found.zone is None or is_utc(found.zone)):
        return None  # days and months are counted by the zone's clock
    if name in days:
        return _by(node, timedelta(days=days[name] * number.value))
    return _by(node, Months(number.value)) if name in ("month", "quarter", "year") else None


def _by(node: exp.Expr, by: object) -> Reading | None:
    found = reading(node)
    if found is None or found.value != "moment" or found.unit not in (None, "day"):
        return None
    if isinstance(by, Months):
        plain = found.zone is None or is_utc(found.zone)
        return replace(found, months=True, clocked=None) if plain else None
    if not isinstance(by, timedelta):
        return None
    size = abs(by // timedelta(microseconds=1)) * (PICOSECONDS // 10**6)
    if found.unit == "day" and (size % (86_400 * PICOSECONDS) or not (found.zone is None or is_utc(found.zone))):
        return None
    return replace(found, moved=found.moved + size, step=_gcd(found.step, size), clocked=None)


def _gcd(first: int, second: int) -> int:
    while second:
        first, second = second, first % second
    return first
