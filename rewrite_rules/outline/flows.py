"""Flows: how many rows come out of a part of a query, and the operator of it that makes the most."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from catalog.statistics import Interval
from rewrite_rules.outline.nodes import Origin

Key = frozenset[Origin]
"""Columns that no two rows agree on; of none: there is one row at most."""


class Peak(NamedTuple):
    """The operator that makes the most rows. Its bounds are those of all operators: each is at most as wide."""

    rows: Interval
    operator: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """What comes out of a part of a query."""

    out: Interval
    peak: Peak
    keys: tuple[Key, ...] = ()
    reach: float = 0.0
    """The widest join of some of its inputs: engines may begin with it, and join it to what stands outside, even where
    nothing comes out of the whole."""


def sound(rows: Interval) -> Interval:
    """Return an interval without what is no number: nothing is known where it stood."""
    low = 0.0 if math.isnan(rows.low) or rows.low < 0 else rows.low
    high = math.inf if math.isnan(rows.high) or rows.high < low else rows.high
    likely = high if math.isnan(rows.likely) else rows.likely
    return Interval(low, min(max(likely, low), high), high)


def product(values: Iterable[float]) -> float:
    """Multiply, where nothing times infinity is nothing."""
    result = 1.0
    for value in values:
        result = 0.0 if value == 0 or result == 0 else result * value
    return result


def times(a: Interval, b: Interval) -> Interval:
    """Return how many pairs there are."""
    return Interval(product((a.low, b.low)), product((a.likely, b.likely)), product((a.high, b.high)))


def plus(parts: Iterable[Interval]) -> Interval:
    """Return the sum of figures."""
    known = tuple(parts)
    return Interval(sum(p.low for p in known), sum(p.likely for p in known), sum(p.high for p in known))


def at_least_one(rows: Interval) -> Interval:
    """Return what multiplies: rows that are filled up where there are none."""
    return Interval(max(1.0, rows.low), max(1.0, rows.likely), max(1.0, rows.high))


def widest_of(peaks: Iterable[Peak]) -> Peak:
    """Return the peak that is most likely the highest, within the bounds of all."""
    known = tuple(peaks)
    top = max(known, key=lambda peak: (peak.rows.likely, peak.rows.high))
    bounds = Interval(max(p.rows.low for p in known), top.rows.likely, max(p.rows.high for p in known))
    return Peak(bounds, top.operator, top.fix)


def unproven(peak: Peak) -> Peak:
    """Return a peak that may not be reached at all: an engine may skip what is below."""
    return peak._replace(rows=peak.rows._replace(low=0.0))


def within(rows: Interval, most: float) -> Interval:
    """Bound a figure from above."""
    return Interval(min(rows.low, most), min(rows.likely, most), min(rows.high, most))
