"""Sets of values on a line: what a comparison with a constant leaves of a column, and their algebra.

A line is the order of one type's values: numbers, moments (in picoseconds since 1970), texts by code point. A set is
cuts in pairs: a cut lies just before or just after a value, so that open and closed ends need no rules of their own.
On a line with a unit each value has a next one, and `> 4` is `>= 5`. NULL and NaN lie beside the line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from catalog.types import TrinoType

Point: TypeAlias = int | float | Fraction | str
PICOSECONDS = 10**12
DAY = 86_400 * PICOSECONDS
_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}


class Cut(NamedTuple):
    """A place between values: before a value (`side` 0), after it (1), or beyond all (`rank` -1 and 1)."""

    rank: int
    value: Point = 0
    side: int = 0


LOWEST, HIGHEST = Cut(-1), Cut(1)


@dataclass(frozen=True, slots=True)
class Line:
    """The order of a type's values."""

    family: str
    """`number`, `float`, `text`, `padded` (char), `boolean`, `local` (dates and timestamps), `instant`."""
    unit: int | Fraction | None = None
    """The distance of neighbours; None where between any two there may be another."""
    least: Point | None = None
    greatest: Point | None = None
    ordered: bool = True
    """Without, only equality is understood."""

    @property
    def all(self) -> tuple[Cut, Cut]:
        """Return the whole line."""
        low = LOWEST if self.least is None else Cut(0, self.least, 0)
        if self.greatest is None:
            return low, HIGHEST
        return low, self.cut(self.greatest, 1)

    def cut(self, value: Point, side: int) -> Cut:
        """Return a cut beside a value, which need not be one of the line's own."""
        if self.unit is None or isinstance(value, str) or (isinstance(value, float) and math.isinf(value)):
            return Cut(0, value, side)
        if isinstance(value, int) and isinstance(self.unit, int):
            whole, rest = divmod(value, self.unit)
            return Cut(0, (whole + 1 if rest or side else whole) * self.unit, 0)
        return Cut(0, _stepped(Fraction(value), Fraction(self.unit), side), 0)


def _stepped(value: Fraction, unit: Fraction, side: int) -> int | Fraction:
    """Return the first value of a line with a unit at or after a place."""
    whole, rest = divmod(value, unit)
    exact = (whole + 1 if rest or side else whole) * unit
    return int(exact) if exact.denominator == 1 else exact


@lru_cache(maxsize=512)
def line_of(kind: TrinoType) -> Line | None:
    """Return the order of a type's values; None where comparisons are not followed."""
    base = kind.base
    if base in _BITS:
        half = 2 ** (_BITS[base] - 1)
        return Line("number", 1, -half, half - 1)
    if base == "decimal":
        return Line("number", Fraction(1, 10 ** kind.numbers[1]))
    if base in ("double", "real"):
        return Line("float", None, -math.inf, math.inf)
    if base == "varchar":
        return Line("text", None, "")
    if base == "char":
        return Line("padded", None, ordered=False)
    if base == "boolean":
        return Line("boolean", 1, 0, 1)
    if base == "date":
        return Line("local", DAY)
    if base in ("timestamp", "timestamp with time zone"):
        return Line("local" if base == "timestamp" else "instant", 10 ** (12 - kind.numbers[0]))
    return None


@dataclass(frozen=True, slots=True)
class Domain:
    """A set of values: disjoint stretches of a line in order, and perhaps NULL and NaN."""

    spans: tuple[tuple[Cut, Cut], ...] = ()
    null: bool = False
    nan: bool = False

    @property
    def empty(self) -> bool:
        """Tell whether nothing is in it."""
        return not (self.spans or self.null or self.nan)


NULLS = Domain(null=True)
NANS = Domain(nan=True)


def everything(line: Line, *, null: bool = True) -> Domain:
    """Return all values of a line."""
    return Domain((line.all,), null, line.family == "float")


def ray(sign: str, value: Point, line: Line) -> Domain:
    """Return the values v for which `v sign value` is TRUE, for =, <>, <, <=, > and >=."""
    low, high = line.all
    before, after = (min(max(line.cut(value, side), low), high) for side in (0, 1))
    if sign == "=":
        spans = [(before, after)]
    elif sign == "<>":
        spans = [(low, before), (after, high)]
    elif sign in ("<", "<="):
        spans = [(low, before if sign == "<" else after)]
    else:
        spans = [(after if sign == ">" else before, high)]
    kept = tuple(span for span in spans if span[0] < span[1])
    if sign == "<>" and len(kept) == 2 and kept[0][1] == kept[1][0]:
        kept = (line.all,)
    return Domain(kept, nan=sign == "<>" and line.family == "float")


def union(domains: Iterable[Domain]) -> Domain:
    """Return what is in any of the sets."""
    sets = list(domains)
    spans: list[tuple[Cut, Cut]] = []
    for low, high in sorted(span for each in sets for span in each.spans):
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], high))
        else:
            spans.append((low, high))
    return Domain(tuple(spans), any(each.null for each in sets), any(each.nan for each in sets))


def meet(first: Domain, second: Domain) -> Domain:
    """Return what is in both sets."""
    spans: list[tuple[Cut, Cut]] = []
    left, right = 0, 0
    while left < len(first.spans) and right < len(second.spans):
        (a_low, a_high), (b_low, b_high) = first.spans[left], second.spans[right]
        low, high = max(a_low, b_low), min(a_high, b_high)
        if low < high:
            spans.append((low, high))
        if a_high < b_high:
            left += 1
        else:
            right += 1
    return Domain(tuple(spans), first.null and second.null, first.nan and second.nan)


def less(first: Domain, second: Domain) -> Domain:
    """Return what is in the first set and not in the second."""
    spans: list[tuple[Cut, Cut]] = []
    for low, high in first.spans:
        start = low
        for cut_low, cut_high in second.spans:
            if cut_high <= start or cut_low >= high:
                continue
            if cut_low > start:
                spans.append((start, cut_low))
            start = max(start, cut_high)
        if start < high:
            spans.append((start, high))
    return Domain(tuple(spans), first.null and not second.null, first.nan and not second.nan)


def within(inner: Domain, outer: Domain) -> bool:
    """Tell whether all of a set is in another."""
    return less(inner, outer).empty


def points(domain: Domain, line: Line, most: int = 64) -> tuple[Point, ...] | None:
    """Return the values of a set without NULL and NaN where they are few enough to be listed; else None."""
    if domain.null or domain.nan:
        return None
    found: list[Point] = []
    for low, high in domain.spans:
        inside = _listed(low, high, line, most - len(found))
        if inside is None:
            return None
        found.extend(inside)
    return tuple(found)


def _listed(low: Cut, high: Cut, line: Line, most: int) -> Sequence[Point] | None:
    if low.rank or high.rank or most < 1:
        return None
    if low.value == high.value and (low.side, high.side) == (0, 1):
        return (low.value,)
    if line.unit is None or isinstance(low.value, str) or isinstance(high.value, str):
        return None
    count = (Fraction(high.value) - Fraction(low.value)) / line.unit
    if count > most:
        return None
    return [low.value + line.unit * step for step in range(int(count))]
