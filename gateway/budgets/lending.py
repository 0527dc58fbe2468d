"""A worker's leases: what is counted of them here, and how the store gives more and takes back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from weakref import WeakValueDictionary

from gateway.budgets.away import store_away, wrong_clock
from gateway.budgets.leases import Asked, Lease
from gateway.budgets.model import Hold, Short, Want
from gateway.budgets.store import CLOCK_SECONDS, LedgerStore, Moved, WrongPeriod
from gateway.recording.bounded import StoreAway
from policies.budgets.model import Account

_log = logging.getLogger("penstock.budgets")
_TRIES = 5
_FIRST = 4
"""Times what a statement needs, of an account that this worker has taken nothing of lately."""


@dataclass(frozen=True, slots=True)
class LendingSettings:
    """What an operator can say about leases."""

    orphan_seconds: float = 3600.0
    """After so long without a sign of its worker a lease goes back; the worker itself uses it for half of that."""
    store_down: Literal["refuse", "within_lease"] = "within_lease"
    renew_seconds: float = 1.0
    last_word_seconds: float = 5.0
    """Who would be refused waits so long for what is kept for ended statements until their engines' last words."""


class Lender:
    """Hold the leases of one worker. All methods belong to one event loop."""

    def __init__(
        self,
        store: LedgerStore,
        worker: str,
        settings: LendingSettings,
        *,
        workers: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take nothing yet."""
        self._store = store
        self.worker = worker
        self.settings = settings
        self.workers = workers
        self.monotonic = monotonic
        self.leases: dict[str, Lease] = {}
        """By account: those to reserve from."""
        self.former: dict[str, Lease] = {}
        """By their own ids: those that only keep what statements hold, or what the store has not moved yet."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._numbers = itertools.count(1)
        self.hurry = asyncio.Event()
        """Set where a lease should grow soon."""
        self._began = -math.inf
        """By the store's clock, when the monotonic one was 0: should the store's step back, no period comes again."""
        self.away = False
        """The store did not answer when it was asked last."""

    # --- counting, without asking anybody ---------------------------------------------------------------------

    def suffices(self, want: Want, now: float) -> bool:
        """Tell whether a statement's want can be held at once."""
        lease = self.leases.get(want.account.id)
        return lease is not None and lease.free >= want.high and self._usable(lease, want, now)

    def lasts(self, want: Want) -> bool:
        """Tell whether the least that a statement takes can be held at once."""
        lease = self.leases.get(want.account.id)
        return lease is not None and lease.free >= want.low and self._usable(lease, want, self.monotonic())

    def _usable(self, lease: Lease, want: Want, now: float) -> bool:
        if now > lease.usable_until or lease.account.limit != want.account.limit:
            return False
        return not self.away or self.settings.store_down == "within_lease"

    def hold(self, account: Account, amount: int, now: float) -> Hold:
        """Reserve of this worker's lease."""
        lease = self.leases[account.id]
        lease.held += amount
        lease.taken += amount
        lease.used_at = now
        return Hold(account, lease, amount)

    def free(self, account: str) -> int:
        """Return what can be reserved of an account at once."""
        lease = self.leases.get(account)
        return max(0, lease.free) if lease is not None else 0

    def settle(self, hold: Hold, amount: int, kept: int = 0) -> None:
        """End a hold, but for what is kept of it: so much was taken."""
        hold.lease.held -= hold.amount - kept
        hold.lease.spent += amount
        hold.amount = kept
        if hold.lease.free < 0:
            self.hurry.set()

    def extend(self, hold: Hold, more: int) -> bool:
        """Enlarge a hold if its lease has that free; otherwise see to it that it soon has."""
        lease, now = hold.lease, self.monotonic()
        lease.taken += more
        lease.used_at = now
        if lease.free < more or now > lease.usable_until or self.leases.get(hold.account.id) is not lease:
            self.hurry.set()
            return False
        lease.held += more
        hold.amount += more
        return True

    def lock(self, account: str) -> asyncio.Lock:
        """Return what lets only one at a time change what is lent of an account."""
        found = self._locks.get(account)
        if found is None:
            found = self._locks[account] = asyncio.Lock()
        return found

    @property
    def others_look_within(self) -> float:
        """Return after how many seconds every worker has looked whether somebody calls for what it does not use."""
        return self.settings.renew_seconds * 1.5

    def short(self, account: Account) -> Short:
        """Return what the store said last of an account, for a refusal. Raises Refusal where it said nothing."""
        lease = self.leases.get(account.id)
        if lease is None or lease.seen is None:
            raise store_away()
        unsettled = max(0, lease.spent - lease.settled)
        used = lease.seen.spent + unsettled
        reserved = max(0, lease.seen.leased - max(0, lease.free) - unsettled)
        return Short(account, account.limit, used, reserved, max(0, account.limit - used - reserved))

    # --- asking the store ---------------------------------------------------------------------------------------

    async def reach(self, want: Want, least: int) -> bool:
        """Have at least so much free of an account, and as much as is wanted if the store has it. Raises Refusal.

        Its lock is held.
        """
        lease = self.leases.get(want.account.id)
        usable = lease is not None and self.suffices(want, self.monotonic())
        if lease is None or not usable:
            lease = await self.take(want.account, least, want.high)
        if lease.free < least:
            await self._quietly(self._store.call(want.account.id))
        return lease.free >= least

    async def give_back(self, accounts: Sequence[str] | None = None) -> None:
        """Return what nobody here holds of accounts, or of all: another worker needs it. Raises StoreAway.

        No lock is waited for: who holds it may be waiting for that very worker. The rows' counting keeps both right.
        """
        for account in tuple(self.leases) if accounts is None else accounts:
            lease = self.leases.get(account)
            if lease is not None:
                await self.give(lease, lease.free)

    async def take(self, account: Account, least: int, need: int) -> Lease:
        """Let the lease grow so that `need` of it is free, if so much is left, and by its share of what is left.

        Nothing changes where that leaves less than `least` free. Raises Refusal.
        """
        for _ in range(_TRIES):
            now = self.monotonic()
            if account.period_end + CLOCK_SECONDS <= self._began + now:
                raise wrong_clock(account)
            lease = await self._current(account)
            wanted = max(need, lease.target(now), 0 if lease.pace else _FIRST * need)
            asked = Asked(least - lease.free, need - lease.free, wanted - lease.free)
            try:
                taken = await self._store.take(self.worker, lease, account, partial(asked.of, workers=self.workers()))
            except Moved as moved:
                self._moved(lease, moved)
                continue
            except WrongPeriod:
                raise wrong_clock(account) from None
            except StoreAway as error:
                self.is_away(error)
                raise store_away() from None
            self.away = False
            self._began = max(self._began, taken.now - now)
            lease.read(taken.reading)
            lease.usable_until = self.usable_until(account, now, taken.now)
            lease.seen = taken.sums
            return lease
        raise store_away()

    async def give(self, lease: Lease, amount: int) -> None:
        """Give back a part of a lease; from here on nobody reserves it. Raises StoreAway."""
        if amount <= 0:
            return
        lease.amount -= amount
        try:
            reading = await self._store.give_back(lease, amount)
        except Moved as moved:
            self._moved(lease, moved)
        except StoreAway as error:
            self.is_away(error)
            raise
        else:
            lease.read(reading)

    async def _current(self, account: Account) -> Lease:
        """Return the lease to reserve from, a new one where there is none. Where the limit changed, it begins anew."""
        lease = self.leases.get(account.id)
        if lease is not None and lease.account.limit != account.limit:
            await self._quietly(self.give(lease, lease.free))
            lease.account = account
            lease.usable_until = -math.inf
        if lease is None:
            lease = self.leases[account.id] = Lease(f"{self.worker}/{next(self._numbers)}", account)
        return lease

    def _moved(self, lease: Lease, moved: Moved) -> None:
        if moved.reading is None:
            self.lose(lease)
        else:
            lease.read(moved.reading)

    def lose(self, lease: Lease) -> None:
        """Note that the store does not know a lease any more: it was taken for an orphan."""
        lease.usable_until = -math.inf
        self.former.pop(lease.id, None)
        if self.leases.get(lease.account.id) is lease:
            del self.leases[lease.account.id]

    def usable_until(self, account: Account, asked_at: float, now: float) -> float:
        """Return until when a lease can be used that the store knew, when it was asked, at `now` by its own clock."""
        ends = account.period_end + CLOCK_SECONDS - now
        return asked_at + min(self.settings.orphan_seconds / 2, ends)

    async def _quietly(self, work: Awaitable[None]) -> None:
        with contextlib.suppress(StoreAway):
            await work

    def is_away(self, error: StoreAway) -> None:
        """Note that the store does not answer."""
        if not self.away:
            _log.warning("budgets: the store does not answer: %s", error)
        self.away = True
