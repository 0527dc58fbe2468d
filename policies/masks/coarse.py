"""Masks that make a value coarser: periods of time, multiples of a number."""

from __future__ import annotations

from sqlglot import exp

from catalog.objects import Column
from catalog.types import INTEGRAL
from policies.faults import Unfit
from policies.mask_specs import DateMask, RoundMask
from policies.masks.literals import BITS, is_number
from policies.masks.parts import INSTANTS, NUMERIC, call, literal, raw_column, typed


def period(spec: DateMask, column: Column) -> exp.Expr:
    """Return the first instant of the value's period."""
    if column.type.base not in ("date", *INSTANTS):
        raise Unfit(f"{spec.kind} masks dates and timestamps; `{column.name}` is {column.type}")
    return call("date_trunc", literal(spec.kind), raw_column(column))


def rounded(spec: RoundMask, column: Column) -> exp.Expr:
    """Subtract the remainder: total at the extremes of every numeric type, unlike rounding."""
    kind, step = column.type, str(spec.to)
    scale = len(step.partition(".")[2])
    if kind.base not in NUMERIC:
        raise Unfit(f"round masks numbers; `{column.name}` is {kind}")
    if kind.base in INTEGRAL and (scale or int(step) >= 2 ** BITS[kind.base]):
        raise Unfit(f"a column of type {kind} cannot be rounded to {step}")
    if kind.base == "decimal" and not is_number(step, kind):
        raise Unfit(f"a column of type {kind} cannot be rounded to {step}")
    raw = raw_column(column)
    return exp.Sub(this=raw, expression=exp.Mod(this=raw.copy(), expression=typed(step, kind)))
