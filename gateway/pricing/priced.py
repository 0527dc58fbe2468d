"""An estimate in the form in which usage rows keep it."""

from __future__ import annotations

import math

from catalog.statistics import Interval
from gateway.usage_record import Priced
from policies.cost.estimate import Estimate
from policies.cost.money import MOST


def priced(estimate: Estimate | None, saved_bytes: int = 0) -> Priced | None:
    """Return what a usage row keeps of an estimate."""
    if estimate is None:
        return None
    seconds = estimate.seconds
    return Priced(
        kind=estimate.kind,
        bytes=_whole(estimate.bytes),
        rows=_whole(estimate.widest.rows),
        nano=_whole(estimate.nano),
        seconds=(seconds.low, seconds.likely, seconds.high if math.isfinite(seconds.high) else None),
        basis=estimate.basis,
        coverage=estimate.coverage,
        scans=tuple((str(each.scan.table), _bounded(each.bytes.likely * each.scan.times)) for each in estimate.scans),
        raw=_whole(estimate.raw or estimate.bytes),
        saved_bytes=saved_bytes,
        rows_hidden=int(estimate.rows_hidden),
    )


def _whole(figure: Interval) -> tuple[int, int, int | None]:
    high = _bounded(figure.high) if math.isfinite(figure.high) else None
    return _bounded(figure.low), _bounded(figure.likely), high


def _bounded(value: float) -> int:
    return MOST if math.isnan(value) else int(min(max(value, 0.0), MOST))
