"""A statement that runs on a budget: what it may read, and when it goes no further.

Its engine is told how much it may read; this is for engines that cannot stop in the midst, or not exactly.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gateway.budgets import bounds
from gateway.budgets.bounds import Bounds, Reading, Stop, ran_too_long, read_too_much
from gateway.budgets.ledger import Ledger
from gateway.budgets.model import Reservation
from gateway.budgets.overrides import Override
from gateway.budgets.telling import whose
from gateway.budgets.wants import least, readable
from gateway.coaching.words import amount, brief, size
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
    live: Collection[Override] = ()
    """The overrides in force: what runs on one that has ended keeps what it holds, and gets no more."""


def watched(running: Running, scanned: int, watch: Watch) -> Stop | None:
    """Say why a statement goes no further; what it holds grows with what it reads while its accounts have room."""
    timed = running.timed
    if timed is not None and timed.seconds is not None and watch.now - running.began > timed.seconds:
        return ran_too_long(timed.id, timed.seconds)
    cap = _cap(running)
    if cap is not None and scanned > cap.most:
        return read_too_much(cap, scanned)
    if running.held_bytes is None or scanned <= running.held_bytes:
        return None
    return _beyond_hold(running, scanned, watch)


def bounds_of(running: Running, overrun: float, now: float, clock: float) -> Bounds | None:
    """Return what a statement is held to by whoever serves it without its worker; None where nothing holds it.

    `now` is monotonic, `clock` the same moment in Unix seconds. What it holds cannot grow then.
    """
    timed = running.timed
    ends = None
    if timed is not None and timed.seconds is not None:
        ends = bounds.Running(clock + timed.seconds - (now - running.began), timed.id, timed.seconds)
    readings = [each for each in (_cap(running), _held(running, overrun)) if each is not None]
    reading = min(readings, key=lambda each: each.most, default=None)
    return Bounds(reading, ends) if reading is not None or ends is not None else None


def _cap(running: Running) -> Reading | None:
    """Return how much the tightest cap lets it read."""
    if running.cap_bytes is None or running.capped is None:
        return None
    why = f"cap {brief(running.capped.id)} allows {size(running.cap_bytes)} a query"
    return Reading(running.cap_bytes, running.capped.id, "cap", "bytes", why)


def _held(running: Running, overrun: float) -> Reading | None:
    """Return how much the account that holds the least for it pays for."""
    holds = running.reservation.holds if running.reservation is not None else ()
    limits = [(most, hold) for hold in holds if (most := readable(hold, running.nano_per_tb, overrun)) is not None]
    if not limits:
        return None
    most, hold = min(limits, key=lambda each: each[0])
    budget = hold.account.budget
    why = f"budget {whose(hold.account)} had {amount(hold.amount, budget.unit)} for it"
    return Reading(most, budget.id, "budget", budget.unit, why)


def _beyond_hold(running: Running, scanned: int, watch: Watch) -> Stop | None:
    nano = price_of(scanned, running.nano_per_tb)
    ended = any(each not in watch.live for each in running.overrides)
    extended = not ended and watch.ledger.extend(running.query_id, nano, scanned)
    held = _held(running, watch.overrun)
    running.held_bytes = held.most if held is not None else None
    if extended or held is None or scanned <= held.most:
        return None
    return read_too_much(held, scanned)
