"""Certainty: tell which constants are computed without failing, whatever the engine, the day and the zone.

What is not known to succeed counts as uncertain. This decides what a condition costs (see `settle_constants`), so the
forms that dashboards write are known: typed literals, arithmetic on numbers, moments so many days before today.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from sqlglot import exp

from catalog.dialect.words import words
from catalog.types import TrinoType

__all__ = ["casts_surely", "is_calculated", "is_json_path", "is_moved_moment", "is_pattern", "is_unit", "is_zone"]

_RANGES = {"tinyint": 7, "smallint": 15, "integer": 31, "bigint": 63}
_NUMBER = re.compile(r"[+-]?\d{1,17}(?:\.\d{1,17})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}(?::\d{2})?)?)(?:(?<=:\d{2}:\d{2})\.\d{1,12})?(?: ([A-Za-z/_+:0-9-]+))?"
)
_OF_DATES = frozenset({"day", "week", "month", "quarter", "year"})
_OF_TIMES = frozenset({"millisecond", "second", "minute", "hour"})
_PLAIN_PATTERN = re.compile(
    r"(?:[\w\s.,:;@/%#&=<>'\"^$|()*+?!-]|\\[dwsb.\\/()-]|\[[\w\s.,:@/^-]+\]|\{\d{1,2}(?:,\d{0,2})?\})*"
)
_EXTENSION = re.compile(r"\(\?(?!:|i\))")
_JSON_PATH = re.compile(r"\$(?:\.[A-Za-z_]\w*|\[\d{1,6}\])*")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-3]):[0-5]\d")
_NOW = (exp.CurrentDate, exp.CurrentTimestamp)
_ZONES = words(
    """
    UTC America/Anchorage America/Argentina/Buenos_Aires America/Bogota America/Chicago America/Denver America/Halifax
    America/Lima America/Los_Angeles America/Mexico_City America/New_York America/Phoenix America/Santiago
    America/Sao_Paulo America/Toronto America/Vancouver Africa/Cairo Africa/Johannesburg Asia/Dubai Asia/Hong_Kong
    Asia/Jakarta Asia/Kolkata Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Tokyo Australia/Brisbane Australia/Melbourne
    Australia/Perth Australia/Sydney Europe/Amsterdam Europe/Athens Europe/Berlin Europe/Brussels Europe/Copenhagen
    Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Lisbon Europe/London Europe/Madrid Europe/Oslo Europe/Paris
    Europe/Prague Europe/Rome Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich Pacific/Auckland
    Pacific/Honolulu
    """
)
_BASES = {
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamp with time zone",
}
_MOST_PARTS = 5
_MOST_NODES = 100
"""Of one calculation: what is longer counts as uncertain, so that chains of thousands do not cost their square."""
_MOST_UNITS = 10_000
"""Of any unit, from now or from a moment of four digits' years: nowhere near the bounds of the types."""


def casts_surely(node: exp.Cast, target: TrinoType | None) -> bool:
    """Tell whether a cast of a literal succeeds."""
    number = _number(node.this)
    if target is None or (number is None and not _is_text(node.this)):
        return False
    if number is None and _NUMBER.fullmatch(node.this.name):
        number = Fraction(node.this.name)
    if target.base in _RANGES:
        return number is not None and number.denominator == 1 and _fits(number, target.base)
    if target.base in ("double", "real"):
        return number is not None
    if target.base == "decimal":
        return number is not None and _has_room(number, target)
    return number is None and _is_moment(node.this.name, target.base)


def is_calculated(node: exp.Expr, kind: TrinoType | None) -> bool:
    """Tell whether arithmetic on written numbers stays within its type, and divides by nothing that is zero."""
    nodes = list(islice(node.walk(), _MOST_NODES + 1))
    if kind is None or len(nodes) > _MOST_NODES or _number(node) is None:
        return False
    parts = [part for part in nodes if isinstance(part, exp.Binary | exp.Neg | exp.Literal)]
    if kind.base == "decimal":  # whose digits add up
        return len(parts) <= _MOST_PARTS and all(len(part.name) <= 9 for part in parts if isinstance(part, exp.Literal))
    return all((value := _number(part)) is not None and _fits(value, kind.base) for part in parts)


def is_moved_moment(node: exp.Expr, base: str) -> bool:
    """Tell whether a node moves today, now or a written moment by a written number of units."""
    if isinstance(node, exp.Add | exp.Sub):
        moment, by = node.this, node.expression
        if isinstance(node, exp.Add) and isinstance(moment, exp.Interval):
            moment, by = by, moment
        return isinstance(by, exp.Interval) and _is_short(by) and _is_known_moment(moment)
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "date_add" or len(node.expressions) != 3:
        return False
    unit, amount, moment = node.expressions
    number = _number(amount)
    return is_unit(unit, base) and number is not None and abs(number) <= _MOST_UNITS and _is_known_moment(moment)


def is_unit(node: exp.Expr, base: str) -> bool:
    """Tell whether a literal names a unit of a type of moments."""
    name = node.name.lower() if _is_text(node) else ""
    return name in _OF_DATES or (name in _OF_TIMES and base.startswith("time"))


def is_pattern(node: exp.Expr) -> bool:
    """Tell whether a literal is a regular expression that every engine reads."""
    if (
        not _is_text(node)
        or _EXTENSION.search(node.name)
        or not _PLAIN_PATTERN.fullmatch(node.name)
        or len(node.name) > 1_000
    ):
        return False
    try:
        re.compile(node.name)
    except re.error:
        return False
    return True


def is_json_path(node: exp.Expr) -> bool:
    """Tell whether a literal is a path of plain names and positions."""
    return _is_text(node) and _JSON_PATH.fullmatch(node.name) is not None


def is_zone(node: exp.Expr | None) -> bool:
    """Tell whether a literal names a time zone."""
    return node is not None and _is_text(node) and (bool(_OFFSET.fullmatch(node.name)) or _zone(node.name) is not None)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    """Return a zone that every release of every engine knows; Python's own list has names that Trino has not."""
    try:
        return ZoneInfo(name) if name in _ZONES else None
    except (KeyError, ValueError, OSError):  # this machine has no list of zones
        return None


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _number(node: exp.Expr) -> Fraction | None:
    """Return what an expression of written numbers comes to; None for any other, and for what cannot be divided."""
    if isinstance(node, exp.Literal):
        return Fraction(node.name) if not node.is_string and _NUMBER.fullmatch(node.name) else None
    if isinstance(node, exp.Paren | exp.Neg):
        inner = _number(node.this)
        return -inner if inner is not None and isinstance(node, exp.Neg) else inner
    if not isinstance(node, exp.Add | exp.Sub | exp.Mul):
        return None
    left, right = _number(node.this), _number(node.expression)
    if left is None or right is None:
        return None
    if isinstance(node, exp.Add):
        return left + right
    return left - right if isinstance(node, exp.Sub) else left * right


def _fits(value: Fraction, base: str) -> bool:
    bits = _RANGES.get(base)
    return base in ("double", "real") or (bits is not None and abs(value) < 2**bits)


def _has_room(value: Fraction, target: TrinoType) -> bool:
    numbers = [part for part in target.parameters if isinstance(part, int)]
    precision, scale = numbers if len(numbers) == 2 else (0, 0)
    whole = abs(value) * int(10**scale)
    return whole.denominator == 1 and whole < int(10**precision)


def _is_moment(text: str, base: str) -> bool:
    if base == "date" and not _DATE.fullmatch(text):
        return False
    moment = _MOMENT.fullmatch(text)
    if moment is None or (moment[2] is not None) != (base == "timestamp with time zone"):
        return False
    try:
        local = datetime.fromisoformat(moment[1])
    except ValueError:
        return False
    return base in ("date", "timestamp") or _is_there(local, moment[2])


def _is_there(local: datetime, zone: str | None) -> bool:
    """Tell whether a zone has this local time: it has not while its clocks are put forward."""
    if zone is None or _OFFSET.fullmatch(zone):
        return zone is not None
    known = _zone(zone)
    return known is not None and (
        zone == "UTC" or local.replace(tzinfo=known).astimezone(UTC).astimezone(known).replace(tzinfo=None) == local
    )


def _is_known_moment(node: exp.Expr) -> bool:
    if isinstance(node, exp.Paren):
        return _is_known_moment(node.this)
    if isinstance(node, exp.Cast):
        to = node.to.this
        base = _BASES.get(to)
        if base is None:
            return False
        return _is_moment(node.this.name, base) if _is_text(node.this) else _is_known_moment(node.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "date_trunc" and len(node.expressions) == 2:
        return is_unit(node.expressions[0], "date") and _is_known_moment(node.expressions[1])
    return isinstance(node, _NOW) or (isinstance(node, exp.Anonymous) and node.name.lower() == "now")


def _is_short(interval: exp.Interval) -> bool:
    amount = interval.this
    return isinstance(amount, exp.Literal) and re.fullmatch(r"[+-]?\d{1,4}", amount.name) is not None
