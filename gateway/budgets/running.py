"""A statement that runs on a budget: what it may read, and when it goes no further.

Its engine is told how much it may read; this is for engines that cannot stop in the midst, or not exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from catalog.errors import ErrorCode, Refusal
from gateway.budgets.ledger import Ledger
from gateway.budgets.model import Reservation
from gateway.budgets.overrides import Override
from gateway.budgets.telling import whose
from gateway.budgets.wants import least, readable
from gateway.coaching.words import amount, brief, seconds, size
from gateway.events import BudgetRefused
from policies.budgets.model import Cap
from policies.cost.money import price_of


@dataclass(slots=True)
class Running:
    """What is known of an admitted statement."""

    query_id: str
    reservation: Reservation | None
    nano_per_tb: int
    held_bytes: int | None
    """How many bytes what it holds pays for, the overrun included; None where no account limits them."""
    capped: Cap | None
    """The cap that allows the fewest bytes."""
    cap_bytes: int | None
    timed: Cap | None
    """The cap that allows the shortest time."""
    began: float
    overrides: tuple[Override, ...] = ()

    @property
    def most_bytes(self) -> int | None:
        """Return how many bytes its engine may read."""
        return least((self.held_bytes, self.cap_bytes))


@dataclass(frozen=True, slots=True)
class Watch:
    """What watching needs: whom to ask for more, how far beyond a hold is allowed, and the time (monotonic)."""

    ledger: Ledger
    overrun: float
    now: float


class Stop(NamedTuple):
    """Why a statement goes no further, for its caller and for whoever counts."""

    refusal: Refusal
    event: BudgetRefused


def watched(running: Running, scanned: int, watch: Watch) -> Stop | None:
    """Say why a statement goes no further; what it holds grows with what it reads while its accounts have room."""
    timed = running.timed
    if timed is not None and timed.seconds is not None and watch.now - running.began > timed.seconds:
        text = f"The query ran longer than {seconds(timed.seconds)}, which cap {brief(timed.id)} allows a query."
        refusal = Refusal(
            ErrorCode.EXCEEDED_TIME_LIMIT, text, hint="Read less, or have its owner or a steward lift it."
        )
        return Stop(refusal, BudgetRefused(timed.id, "cap", "seconds", stopped=True))
    if running.cap_bytes is not None and scanned > running.cap_bytes and running.capped is not None:
        refusal = _stopped(f"cap {brief(running.capped.id)} allows {size(running.cap_bytes)} a query", scanned)
        return Stop(refusal, BudgetRefused(running.capped.id, "cap", "bytes", stopped=True))
    if running.held_bytes is None or scanned <= running.held_bytes:
        return None
    return _beyond_hold(running, scanned, watch)


def _beyond_hold(running: Running, scanned: int, watch: Watch) -> Stop | None:
    nano = price_of(scanned, running.nano_per_tb)
    extended = watch.ledger.extend(running.query_id, nano, scanned)
    holds = running.reservation.holds if running.reservation is not None else ()
    running.held_bytes = least(readable(hold, running.nano_per_tb, watch.overrun) for hold in holds)
    if extended or running.held_bytes is None or scanned <= running.held_bytes:
        return None
    limits = [(readable(hold, running.nano_per_tb, watch.overrun) or math.inf, hold) for hold in holds]
    hold = min(limits, key=lambda each: each[0])[1]
    budget = hold.account.budget
    refusal = _stopped(f"budget {whose(hold.account)} had {amount(hold.amount, budget.unit)} for it", scanned)
    return Stop(refusal, BudgetRefused(budget.id, "budget", budget.unit, stopped=True))


def _stopped(why: str, scanned: int) -> Refusal:
    return Refusal(
        ErrorCode.EXCEEDED_SCAN_LIMIT,
        f"The query was stopped after reading {size(scanned)}: {why}. What it read is charged.",
        hint="Filter on a partition or read fewer columns, or have an owner or steward override it.",
    )
