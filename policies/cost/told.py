"""What of an estimate somebody may be told from whom policies hide rows: figures that no condition of his can move.

How much a condition leaves to be read depends on hidden rows too: by asking for the price of `id > 1000`, `id > 2000`
and so on, somebody would learn the greatest hidden id without reading a row. So he is told how large the tables are, as
a power of ten, and no more. Budgets and caps are held to the estimate itself.
"""

from __future__ import annotations

import math
from dataclasses import replace

from catalog.statistics import Interval, ScanEstimate
from policies.cost.estimate import Estimate, Widest

BASIS = "the size of the tables as a power of ten, for policies restrict what you see of them"
_LEAST = 10_000.0
"""Bytes below which tables are not told apart."""
_UNKNOWN = Interval(0.0, math.inf, math.inf)


def told(estimate: Estimate) -> Estimate:
    """Return an estimate as its statement's caller may be told it."""
    if not estimate.rows_hidden or estimate.basis == BASIS:
        return estimate
    scans = tuple(_whole(each) for each in estimate.scans)
    size = _up(sum(each.bytes.likely * each.scan.times for each in scans))
    if not scans and estimate.kind != "exact":  # the engine did not answer in time: nothing is known, not that it is 0
        size = math.inf
    return replace(
        estimate,
        kind="bounded by table size" if math.isfinite(size) else "unknown",
        bytes=_at_most(size),
        nano=_at_most(_up(size * _per_byte(estimate)) if math.isfinite(size) else math.inf),
        widest=Widest(_UNKNOWN),
        seconds=_UNKNOWN,
        scans=scans,
        basis=BASIS,
        why="",
        raw=None,
    )


def _whole(scan: ScanEstimate) -> ScanEstimate:
    """Return a scan of the whole table, of which nothing is told but how large that is."""
    known = scan.statistics.bytes if scan.statistics is not None else None
    size = _up(max(float(known), _LEAST)) if known is not None and math.isfinite(known) else math.inf
    return ScanEstimate(scan.scan, _at_most(size), _UNKNOWN, scan.basis)


def _per_byte(estimate: Estimate) -> float:
    """Return what a byte costs, by the greatest figures that there are."""
    for size, nano in zip(reversed(estimate.bytes), reversed(estimate.nano), strict=True):
        if math.isfinite(size) and math.isfinite(nano) and size > 0:
            return float(nano / size)
    return 0.0


def _at_most(figure: float) -> Interval:
    return Interval(0.0, figure, figure)


def _up(figure: float) -> float:
    """Return the least power of ten that a figure does not pass."""
    if not math.isfinite(figure) or figure <= 0:
        return figure if figure > 0 else 0.0
    return float(10 ** math.ceil(math.log10(figure)))
