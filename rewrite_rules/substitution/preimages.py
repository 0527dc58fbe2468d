"""Comparisons carried inside: what a condition on `date_trunc('month', ts)` leaves of `ts` itself, and nothing less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.substitution.cells import UNITS, Cells
from rewrite_rules.substitution.ranges import HIGHEST, LOWEST, Cut, Domain, Line, line_of
from rewrite_rules.substitution.values import picoseconds
from rewrite_rules.substitution.zones import is_utc

ZONED = "timestamp with time zone"
UTC = "UTC"
"""The zone that columns' values show. Iceberg keeps instants only; engines show those in UTC."""
_WHOLE = ("tinyint", "smallint", "integer", "bigint")
_NO_YEAR = 10**9
_SHORT = ("millisecond", "second", "minute", "hour")


class Inward(NamedTuple):
    """One step inside: the argument, its line, and where a cut of the outer line lies on it (None: not known)."""

    node: exp.Expr
    line: Line
    cut: Callable[[Cut], Cut | None]


def type_of(node: exp.Expr) -> TrinoType | None:
    """Return the noted type of an expression."""
    kind = node.meta.get("type")
    return kind if isinstance(kind, TrinoType) else None


def carried(node: exp.Expr, domain: Domain, line: Line) -> tuple[exp.Expr, Domain, Line]:
    """Carry a condition `node in domain` as far inside as its meaning stays the same.

    Whoever meets the one meets the other, NULL included.
    """
    while True:
        node = node.unnest()
        step = inward(node)
        if step is None:
            return node, domain, line
        moved = _moved(domain, step)
        if moved is None:
            return node, domain, line
        node, domain, line = step.node, moved, step.line


def _moved(domain: Domain, step: Inward) -> Domain | None:
    low, high = step.line.all
    spans: list[tuple[Cut, Cut]] = []
    for start, end in domain.spans:
        moved_start, moved_end = step.cut(start), step.cut(end)
        if moved_start is None or moved_end is None:
            return None
        moved_start, moved_end = max(moved_start, low), min(moved_end, high)
        if moved_start < moved_end:
            spans.append((moved_start, moved_end))
    return Domain(tuple(spans), domain.null)


def inward(node: exp.Expr) -> Inward | None:
    """Take one step inside a function that never puts two values into the other order; None for other nodes."""
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return _cast(node)
    if isinstance(node, exp.AtTimeZone):
        return _unchanged(node.this) if _is_zoned(node.this) else None
    if isinstance(node, exp.Extract):
        return _year(node.expression) if node.name.lower() == "year" else None
    if not isinstance(node, exp.Anonymous):
        return None
    name, arguments = node.name.lower(), node.expressions
    if name == "date" and len(arguments) == 1:
        return _date(arguments[0])
    if name == "year" and len(arguments) == 1:
        return _year(arguments[0])
    if name == "date_trunc" and len(arguments) == 2 and isinstance(arguments[0].unnest(), exp.Literal):
        return _truncated(arguments[0].unnest().name.lower(), arguments[1])
    if name == "at_timezone" and len(arguments) == 2:
        return _unchanged(arguments[0]) if _is_zoned(arguments[0]) else None
    return None


def _is_zoned(node: exp.Expr) -> bool:
    kind = type_of(node)
    return kind is not None and kind.base == ZONED


def _unchanged(node: exp.Expr) -> Inward | None:
    """Step inside what gives the same point of the line."""
    kind = type_of(node)
    line = line_of(kind) if kind is not None else None
    if line is None:
        return None
    return Inward(node, line, lambda cut: line.cut(cut.value, cut.side) if not cut.rank else cut)


def _cast(node: exp.Cast) -> Inward | None:
    source, target = type_of(node.this), type_of(node)
    if source is None or target is None:
        return None
    if target.base == "date":
        return _date(node.this)
    return _unchanged(node.this) if _keeps(source, target) else None


def _keeps(source: TrinoType, target: TrinoType) -> bool:
    """Tell whether a cast gives the very value, on the same line."""
    if source == target:
        return True
    if source.base in _WHOLE and target.base in _WHOLE:
        return _WHOLE.index(source.base) < _WHOLE.index(target.base)
    if source.base == "date":
        return target.base == "timestamp"
    if source.base != target.base:
        return False
    if source.base in ("timestamp", ZONED):
        return source.numbers[0] <= target.numbers[0]
    if source.base == "varchar":
        return not target.numbers or (bool(source.numbers) and source.numbers[0] <= target.numbers[0])
    if source.base == "decimal":
        (p1, s1), (p2, s2) = source.numbers, target.numbers
        return s1 <= s2 and p1 - s1 <= p2 - s2
    return False


def zone_shown(node: exp.Expr) -> str | None:
    """Return the zone whose clocks an instant's value shows; None where that is not known."""
    node = node.unnest()
    if isinstance(node, exp.Column):
        return UTC
    if isinstance(node, exp.AtTimeZone):
        return _literal_zone(node.args["zone"])
    if isinstance(node, exp.Anonymous):
        name, arguments = node.name.lower(), node.expressions
        if name == "at_timezone" and len(arguments) == 2:
            return _literal_zone(arguments[1])
        if name == "date_trunc" and len(arguments) == 2:
            return zone_shown(arguments[1])
    if isinstance(node, exp.Cast) and _is_zoned(node.this):
        return zone_shown(node.this)
    return None


def _literal_zone(node: exp.Expr) -> str | None:
    inner = node.unnest()
    return inner.name if isinstance(inner, exp.Literal) and inner.is_string else None


def _clock(node: exp.Expr, unit: str) -> tuple[Cells, Line] | None:
    """Return the units that truncating a value cuts its line into."""
    kind = type_of(node)
    line = line_of(kind) if kind is not None else None
    if line is None or unit not in UNITS:
        return None
    if line.family == "local":
        return Cells(unit), line
    zone = zone_shown(node) if line.family == "instant" else None
    if zone is None or (unit in _SHORT and not is_utc(zone)):
        return None
    return Cells(unit, zone), line


def _truncated(unit: str, node: exp.Expr) -> Inward | None:
    found = _clock(node, unit)
    if found is None:
        return None
    cells, line = found
    return Inward(node, line, lambda cut: cells.up(cut, line))


def _date(node: exp.Expr) -> Inward | None:
    found = _clock(node, "day")
    if found is None:
        return None
    cells, line = found
    return Inward(node, line, lambda cut: _of_clock(cut, cells, line))


def _of_clock(cut: Cut, cells: Cells, line: Line) -> Cut | None:
    """Place a cut of the line of dates on the line of the moments that were cut off to dates."""
    if cut.rank:
        return cut
    point = cells.instant(cut.value) if isinstance(cut.value, int) and not cut.side else None
    return line.cut(point, 0) if point is not None else None


def _year(node: exp.Expr) -> Inward | None:
    found = _clock(node, "year")
    if found is None:
        return None
    cells, line = found

    def moved(cut: Cut) -> Cut | None:
        if cut.rank or not isinstance(cut.value, int):
            return cut if cut.rank else None
        if abs(cut.value) >= _NO_YEAR:
            return HIGHEST if cut.value > 0 else LOWEST
        start = _start_of_year(cut.value)
        return _of_clock(Cut(0, start), cells, line) if start is not None else None

    return Inward(node, line, moved)


def _start_of_year(value: object) -> int | None:
    if not isinstance(value, int) or not 1 <= value <= 9_999:
        return None
    return picoseconds(datetime(value, 1, 1))  # noqa: DTZ001  (by the clock of the moments)
