"""Sides of comparisons: which expressions are as good as a column of a scan when they are compared."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.analysis.literals import type_of_node
from rewrite_rules.outline.casts import keeps
from rewrite_rules.outline.comparing import Side
from rewrite_rules.outline.constants import ZONED, zone_of
from rewrite_rules.outline.expressions import folded
from rewrite_rules.outline.reading import Place
from rewrite_rules.outline.units import DAYS, UNITS
from rewrite_rules.outline.values import Either, Ref, Value, look_up


def side_of(node: exp.Expr, place: Place) -> Side | None:
    """Return a column, or what compares as one; None for all else."""
    if isinstance(node, exp.Paren):
        return side_of(node.this, place)
    if isinstance(node, exp.Column):
        return _column(node, place)
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return _cast(side_of(node.this, place), type_of_node(node.args["to"]))
    if isinstance(node, exp.AtTimeZone):
        return _in_zone(side_of(node.this, place), node.args.get("zone"))
    if isinstance(node, exp.Extract):
        return _years(side_of(node.expression, place)) if node.this.name.lower() == "year" else None
    return _call(node, place) if isinstance(node, exp.Anonymous) else None


def _column(node: exp.Column, place: Place) -> Side | None:
    parts = folded(node)
    meant = look_up(parts, place.scope) if place.scope is not None and not isinstance(node.this, exp.Star) else None
    if meant is None or meant[1] != len(parts):
        return None
    value = meant[0]
    first = first_ref(value)
    if first is None or not isinstance(value, Ref | Either):
        return None
    return Side(value, first.type, zone=place.reader.stored_zone if first.type.base == ZONED else "")


def first_ref(value: Value) -> Ref | None:
    """Return the column that a value is; of a UNION that of the first branch, whose type all have."""
    while isinstance(value, Either):
        value = value.branches[0]
    return value if isinstance(value, Ref) else None


def _cast(side: Side | None, target: TrinoType | None) -> Side | None:
    if side is None or target is None or side.unit or side.years:
        return side if side is not None and side.days and target == TrinoType("date") else None
    if target.base == "date":
        return _to_days(side)
    return side if keeps(side.type, target) else None


def _to_days(side: Side) -> Side | None:
    if side.type.base == "date":
        return side
    known = side.type.base == "timestamp" or (side.type.base == ZONED and side.zone)
    return replace(side, unit="day", days=True) if known else None


def _in_zone(side: Side | None, zone: exp.Expr | None) -> Side | None:
    if side is None or side.type.base != ZONED or side.unit or side.years:
        return None
    if not isinstance(zone, exp.Literal) or zone_of(zone.name) is None:
        return None
    return replace(side, zone=zone.name)


def _years(side: Side | None) -> Side | None:
    if side is None or side.years or side.unit not in ("", *DAYS):
        return None
    known = side.type.base in ("date", "timestamp") or (side.type.base == ZONED and side.zone)
    return replace(side, unit="year", years=True) if known and side.unit in ("", "day", "month", "quarter") else None


def _call(node: exp.Anonymous, place: Place) -> Side | None:
    name, arguments = node.name.lower(), node.expressions
    if name == "date" and len(arguments) == 1:
        return _cast(side_of(arguments[0], place), TrinoType("date"))
    if name == "year" and len(arguments) == 1:
        return _years(side_of(arguments[0], place))
    if name == "date_trunc" and len(arguments) == 2 and isinstance(arguments[0], exp.Literal):
        return _truncated(side_of(arguments[1], place), arguments[0].name.lower())
    return None


def _truncated(side: Side | None, unit: str) -> Side | None:
    if side is None or side.years or unit not in UNITS or (side.unit and not side.days):
        return None
    if side.type.base == "date" or side.days:
        return replace(side, unit=unit) if unit in DAYS else None
    known = side.type.base == "timestamp" or (side.type.base == ZONED and side.zone)
    return replace(side, unit=unit) if known else None
