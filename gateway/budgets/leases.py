"""What a worker knows of its parts of accounts: how much of each is free, and how large the next should be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from policies.budgets.model import Account

AHEAD_SECONDS = 5.0
"""A busy worker holds what it takes in so many seconds, where there is enough for all."""
LOW_SECONDS = 2.0
"""Below what it takes in so many, its lease is topped up in the background."""
IDLE_SECONDS = 3.0
"""What nobody reserved from for so long goes back."""
_SHARE = 2
"""Of what is left, a worker takes at most this part of its even share: so leases shrink as a budget runs out."""
_SMOOTHING = 0.5


class Reading(NamedTuple):
    """A lease's row in the store, as one transaction saw it."""

    amount: int
    settled: int
    moves: int


class Sums(NamedTuple):
    """An account's sums, as one transaction saw them."""

    spent: int
    leased: int
    """Of all leases."""


@dataclass(slots=True)
class Lease:
    """A worker's part of an account. Settled amounts leave it in the store when their usage rows come there.

    What is free follows from one reading of the row and from what happened here, whether or not the store has taken
    the rows of what was settled meanwhile: `amount` falls by what `settled` rises.
    """

    id: str
    account: Account
    amount: int = 0
    settled: int = 0
    moves: int = 0
    spent: int = 0
    """All that was ever settled from it here."""
    held: int = 0
    """By running statements."""
    usable_until: float = -math.inf
    """Monotonic seconds: afterwards its period is over, or nobody knows whether the store still counts it."""
    used_at: float = -math.inf
    """Monotonic seconds of the last reservation."""
    taken: int = 0
    """Reserved since the last look at it."""
    pace: float = 0.0
    """Reserved a second, of late."""
    told: int = 0
    """What the store was told last to be reserved."""
    seen: Sums | None = None
    """The account as the store showed it last."""
    _looked_at: float = field(default=-math.inf, repr=False)

    @property
    def free(self) -> int:
        """Return what can be reserved; below zero where statements took more than they held."""
        return self.amount + self.settled - self.spent - self.held

    def read(self, reading: Reading) -> None:
        """Take over what the store says, unless something newer is known."""
        if reading.moves > self.moves:
            self.amount, self.settled, self.moves = reading

    def look(self, now: float) -> None:
        """Bring the pace up to date."""
        passed = now - self._looked_at
        if passed > 0:
            latest = self.taken / passed if math.isfinite(passed) else self.taken / AHEAD_SECONDS
            self.pace += _SMOOTHING * (latest - self.pace)
            self.taken, self._looked_at = 0, now

    def target(self, now: float) -> int:
        """Return how much should be free: nothing for a lease that nobody uses."""
        if now - self.used_at > IDLE_SECONDS or now > self.usable_until:
            return 0
        return math.ceil(min(self.pace, float(self.account.limit)) * AHEAD_SECONDS)

    @property
    def low_water(self) -> int:
        """Return what should be free at least while it is in use."""
        return math.ceil(min(self.pace, float(self.account.limit)) * LOW_SECONDS)


@dataclass(frozen=True, slots=True)
class Asked:
    """How much a worker wants of an account."""

    least: int
    """Less is of no use."""
    need: int
    """As much of this as there is, be it all that is left."""
    wanted: int
    """And beyond that, for statements to come."""

    def of(self, left: int, workers: int) -> int:
        """Return how much of what is left it gets, where so many share."""
        if left < self.least:
            return 0
        return max(0, min(self.need, left), min(self.wanted, left // (_SHARE * max(1, workers))))
