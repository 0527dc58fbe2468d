"""Comparisons of rounded moments: what each says of the moment itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rewrite_rules.outline.predicates import Operator
from rewrite_rules.outline.units import following, start_of


@dataclass(frozen=True, slots=True)
class Bounds:
    """Comparisons that together say what one comparison of a rounded moment did."""

    parts: tuple[tuple[Operator, datetime], ...]
    all: bool = True
    """All of them must hold, else one; of none: never true."""
    always: bool = False
    """Every moment there is fulfils it."""


def rounded(operator: Operator, given: datetime, unit: str) -> Bounds | None:
    """Say of a moment what `date_trunc(unit, moment) operator given` says; None beyond the calendar."""
    try:
        start = start_of(given, unit)
    except OverflowError:
        return None
    after = following(start, unit)
    if after is None:
        return None
    exact = start == given
    if operator == "=":
        return Bounds(((">=", start), ("<", after)) if exact else (), all=exact)
    if operator == "<>":
        return Bounds((("<", start), (">=", after)), all=False) if exact else Bounds((), always=True)
    if operator in ("<", ">="):
        return Bounds(((operator, start if exact else after),))
    return Bounds((("<", after),)) if operator == "<=" else Bounds(((">=", after),))
