"""Hold an estimate against caps: what is over them for sure, what likely is, and what has no bound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from catalog.statistics import Interval
from policies.budgets.model import Cap
from policies.cost.estimate import Estimate

Capped = Literal["usd", "bytes", "rows", "seconds"]
How = Literal["over", "unbounded", "likely"]
_ORDER: dict[How, int] = {"over": 0, "unbounded": 1, "likely": 2}


@dataclass(frozen=True, slots=True)
class Breach:
    """A cap that a statement does not keep to."""

    cap: Cap
    unit: Capped
    limit: float
    figure: Interval
    how: How
    """`over`: even its lower bound, or a join that likely explodes; `unbounded`: nobody knows how many rows a join
    makes; `likely`: only its median, or what cannot be told beforehand."""

    @property
    def refuses(self) -> bool:
        """Tell whether a statement is refused for it."""
        return self.how != "likely" and self.cap.mode == "enforce"


def breaches(caps: Iterable[Cap], estimate: Estimate) -> tuple[Breach, ...]:
    """Return the caps that an estimate does not keep to: those that refuse first, the tightest of them first."""
    found = [breach for cap in caps for breach in _of(cap, estimate)]
    return tuple(sorted(found, key=lambda each: (not each.refuses, _ORDER[each.how], each.limit, each.cap.id)))


def _of(cap: Cap, estimate: Estimate) -> Iterator[Breach]:
    for unit, limit, figure in (("usd", cap.nano, estimate.nano), ("bytes", cap.bytes, estimate.bytes)):
        how = None if limit is None else _against(limit, figure)
        if how is not None and limit is not None:
            yield Breach(cap, "usd" if unit == "usd" else "bytes", limit, figure, how)
    if cap.rows is not None and (how := _rows(cap.rows, estimate)) is not None:
        yield Breach(cap, "rows", cap.rows, estimate.widest.rows, how)
    # How long a statement takes depends on what else runs: it is ended at its time, and not refused for a guess.
    if cap.seconds is not None and not estimate.seconds.likely <= cap.seconds:
        yield Breach(cap, "seconds", cap.seconds, estimate.seconds, "likely")


def _rows(limit: int, estimate: Estimate) -> How | None:
    """Judge the widest operator. A join that could be bounded, and is not, is judged by what it likely makes."""
    rows, exploding = estimate.widest.rows, bool(estimate.widest.fix)
    how = _against(limit, rows)
    if how == "likely" and exploding:
        return "over" if math.isfinite(rows.likely) else "unbounded"
    if how is None and exploding and not rows.high < math.inf:
        return "unbounded"
    return how


def _against(limit: float, figure: Interval) -> How | None:
    """Judge a figure. What is no number keeps to nothing: it counts as likely over."""
    if figure.low > limit:
        return "over"
    return None if figure.likely <= limit else "likely"
