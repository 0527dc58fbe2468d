"""Where a running statement stops, in a form that its page tokens carry: whoever serves its pages holds it to that."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from catalog.errors import ErrorCode, Refusal
from gateway.coaching.words import brief, seconds, size
from gateway.events import BudgetRefused


class Stop(NamedTuple):
    """Why a statement goes no further, for its caller and for whoever counts."""

    refusal: Refusal
    event: BudgetRefused


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """How many bytes may be read for a statement, and what says so."""

    most: int
    limit: str
    """The cap's or the budget's id."""
    kind: Literal["cap", "budget"]
    unit: str
    why: str
    """As the caller is told it."""


class Running(msgspec.Struct, frozen=True, array_like=True):
    """Until when a statement may run, and which cap says so."""

    until: float
    """Unix seconds."""
    cap: str
    longest: float


class Bounds(msgspec.Struct, frozen=True, array_like=True):
    """All that a statement is held to."""

    reading: Reading | None = None
    running: Running | None = None

    def after(self, scanned: int) -> Bounds:
        """Return what is left of them for an engine that begins to count after so many bytes."""
        if self.reading is None or not scanned:
            return self
        return Bounds(msgspec.structs.replace(self.reading, most=max(0, self.reading.most - scanned)), self.running)


def beyond(bounds: Bounds | None, scanned: int | None, now: float) -> Stop | None:
    """Say why a statement goes no further that its own worker does not watch any more; `now` in Unix seconds."""
    if bounds is None:
        return None
    running, reading = bounds.running, bounds.reading
    if running is not None and now > running.until:
        return ran_too_long(running.cap, running.longest)
    if reading is not None and scanned is not None and scanned > reading.most:
        return read_too_much(reading, scanned)
    return None


def ran_too_long(cap: str, longest: float) -> Stop:
    """Return what ends a statement at its cap's seconds."""
    text = f"The query ran longer than {seconds(longest)}, which cap {brief(cap)} allows a query."
    hint = "Read less, or have its owner or a steward lift it."
    return Stop(
        Refusal(ErrorCode.EXCEEDED_TIME_LIMIT, text, hint=hint), BudgetRefused(cap, "cap", "seconds", stopped=True)
    )


def read_too_much(reading: Reading, scanned: int) -> Stop:
    """Return what ends a statement that has read more than it may."""
    text = f"The query was stopped after reading {size(scanned)}: {reading.why}. What it read is charged."
    hint = "Filter on a partition or read fewer columns, or have an owner or steward override it."
    return Stop(
        Refusal(ErrorCode.EXCEEDED_SCAN_LIMIT, text, hint=hint),
        BudgetRefused(reading.limit, reading.kind, reading.unit, stopped=True),
    )
