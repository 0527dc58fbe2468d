"""How far estimates were off: q-errors and coverage, over statements that engines measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from gateway.usage_record import Priced

FLOOR = 1024
"""Bytes below which a difference is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One statement as its usage row tells it."""

    run: int
    name: str
    engine: str
    outcome: str
    error: str
    priced: Priced | None
    scanned_bytes: int | None

    @property
    def estimated(self) -> bool:
        """Tell whether there is an estimate to hold against what was read."""
        return self.measured and self.priced is not None and self.priced.kind != "unknown"

    @property
    def measured(self) -> bool:
        """Tell whether it ran to its end, and its engine said what it read."""
        return self.outcome == "FINISHED" and self.scanned_bytes is not None


def outcome_of(source: str, engine: str | None, ended: str, error: str | None, priced: str | None, scanned: int | None
               ) -> Outcome:  # fmt: skip
    """Read a usage row."""
    run, _, name = source.partition("|")
    known = msgspec.json.decode(priced, type=Priced) if priced else None
    return Outcome(int(run), name, engine or "", ended, error or "", known, scanned)


def q_error(likely: float, actual: float) -> float:
    """Return the factor between two sizes, whichever way."""
    one, other = max(likely, FLOOR), max(actual, FLOOR)
    return max(one / other, other / one)


def said(outcomes: Iterable[Outcome], *, raw: bool = False) -> str:
    """Return the figures of statements as one line; `raw`: before calibration, where intervals state no coverage."""
    errors, held, stated = [], 0, 0.0
    for each in outcomes:
        if each.priced is None or each.scanned_bytes is None:
            continue
        low, likely, high = each.priced.raw if raw else each.priced.bytes
        errors.append(q_error(likely, each.scanned_bytes))
        held += low <= each.scanned_bytes and (high is None or each.scanned_bytes <= high)
        stated += each.priced.coverage
    if not errors:
        return "n=0"
    count = len(errors)
    return (
        f"q_error_p50={rank(errors, 0.5):.2f} q_error_p95={rank(errors, 0.95):.2f} "
        f"coverage_stated={stated / count:.3f} coverage_measured={held / count:.3f} n={count}"
    )


def rank(values: Sequence[float], share: float) -> float:
    """Return the value at or below which that share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def missing(outcomes: Iterable[Outcome]) -> str:
    """Say what is in no figure, and why, with counts."""
    whys: Counter[str] = Counter()
    for each in outcomes:
        if each.outcome != "FINISHED":
            whys[f"{each.outcome} {each.error}".strip()] += 1
        elif each.scanned_bytes is None:
            whys["not measured by its engine"] += 1
        elif not each.estimated:
            whys["not estimated"] += 1
    return ", ".join(f"{count} {why}" for why, count in whys.most_common()) or "none"
