"""Figures that engines give, taken only where they can be true: no price is ever made of anything else."""

from __future__ import annotations

import math
from dataclasses import replace

from catalog.statistics import Interval, ScanEstimate
from policies.cost.money import MOST

UNBOUNDED = Interval(0.0, 0.0, math.inf)
"""What is said of a figure of which nothing is known."""


def sound(figure: Interval) -> bool:
    """Tell whether an interval can be one: finite, not negative, in order; only its high end may be infinite."""
    try:
        low, likely, high = figure
        return 0 <= low <= likely <= high and likely <= MOST  # NaN compares as false
    except (TypeError, ValueError):
        return False


def known(figure: Interval) -> bool:
    """Tell whether an interval says anything: it is sound, and something bounds it."""
    return sound(figure) and figure.high < math.inf


def sound_size(size: object) -> int | None:
    """Return a size in bytes where it is one."""
    if isinstance(size, bool) or not isinstance(size, int | float):
        return None
    return math.ceil(size) if 0 <= size <= MOST else None


def sound_scan(scan: ScanEstimate) -> ScanEstimate:
    """Return a scan's estimate with every figure that cannot be true left open."""
    size, rows = scan.bytes, scan.rows
    if sound(size) and sound(rows):
        return scan
    why = scan.why or "the engine's figures of it cannot be true"
    return replace(scan, bytes=size if sound(size) else UNBOUNDED, rows=rows if sound(rows) else UNBOUNDED, why=why)
