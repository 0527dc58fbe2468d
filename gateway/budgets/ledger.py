"""What a worker's statements may spend: reserved from its leases without asking anybody, settled when they end.

All methods belong to one event loop. `reserve`, `settle` and `extend` only count; whoever finds too little there waits
in `reserve_slowly` for the store, and before anybody is refused other workers are asked for what they do not use.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from catalog.errors import Refusal
from gateway.budgets.keeping import Keeper
from gateway.budgets.lending import Lender, LendingSettings
from gateway.budgets.lingering import Lingering
from gateway.budgets.model import Hold, Reservation, Short, Want, Word, in_unit
from gateway.budgets.store import LedgerStore, Orphan
from gateway.usage_record import Charge

_AGAIN_SECONDS = 0.3
"""After how long the store is asked again, while other workers may still give something back."""


_MOST_REFUSED = 1_000
_DEFAULT = LendingSettings()


async def _nobody(_: Sequence[str]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Refused:
    """What was found out of an account before a refusal; it also answers whoever was waiting when that began."""

    short: Short
    begun: float


class Ledger:
    """Reserve and settle. What a worker holds of each account is its lease, kept by a `Lender`."""

    def __init__(
        self,
        store: LedgerStore,
        worker: str,
        settings: LendingSettings = _DEFAULT,
        *,
        workers: Callable[[], int] = lambda: 1,
        recall: Callable[[Sequence[str]], Awaitable[bool]] = _nobody,
        orphaned: Callable[[Sequence[Orphan]], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Lend as `worker`, which is the name of its journal.

        `workers` tells how many share the accounts. `recall` has the others give back what they do not use of
        accounts, and tells whether all of them answered. `orphaned` hears of leases that went back because nobody
        heard of their workers.
        """
        self._lender = Lender(store, worker, settings, workers=workers, monotonic=monotonic)
        self._lingering = Lingering(self._lender)
        self._keeper = Keeper(self._lender, store, orphaned, self._lingering.expire)
        self._recall = recall
        self._monotonic = monotonic
        self._reservations: dict[str, Reservation] = {}
        self._refused: dict[str, _Refused] = {}

    @property
    def lender(self) -> Lender:
        """Return who counts this worker's leases."""
        return self._lender

    @property
    def reservations(self) -> Mapping[str, Reservation]:
        """Return what running statements hold, by statement."""
        return self._reservations

    def reserve(self, query_id: str, wants: Sequence[Want]) -> Reservation | None:
        """Reserve what a statement may take, of all accounts at once; None where the leases here do not suffice."""
        now = self._monotonic()
        if not all(self._lender.suffices(want, now) for want in wants):
            return None
        holds = tuple(self._lender.hold(want.account, want.high, now) for want in wants)
        reservation = self._reservations[query_id] = Reservation(query_id, holds)
        return reservation

    async def reserve_slowly(self, query_id: str, wants: Sequence[Want]) -> Reservation | Short:
        """Reserve by what is truly left; of an account with less than is expected, but enough at least, all of it.

        The first account that has too little is named, and nothing is reserved then. Raises Refusal where the store
        does not answer and the leases here do not suffice, or the clock of this worker is wrong.
        """
        holds: list[Hold] = []
        try:
            for want in wants:
                found = await self._obtain(want)
                if isinstance(found, Short):
                    self._drop(holds)
                    return found
                holds.append(found)
        except BaseException:
            self._drop(holds)
            raise
        reservation = self._reservations[query_id] = Reservation(query_id, tuple(holds))
        return reservation

    def settle(self, query_id: str, nano: int, size: int, word: Word = "last") -> tuple[Charge, ...]:
        """End a statement's reservation and say what it took of which account; nothing the second time.

        The charges go with its usage row: the accounts in the store have them when they have that. Until its engine's
        last word the rest of what it held is kept for it; where this worker leaves, all of that is charged.
        """
        reservation = self._reservations.pop(query_id, None)
        if reservation is None:
            return ()
        charges = tuple(self._charge(hold, nano, size, word) for hold in reservation.holds)
        if word == "open":
            self._lingering.keep(reservation, {each.account: each.charged for each in charges})
        return charges

    def leases_of(self, query_id: str) -> Mapping[str, str]:
        """Return, by account, the leases that are kept for a statement until its engine's last word."""
        return self._lingering.leases_of(query_id)

    def last_word(self, query_id: str, nano: int, size: int) -> None:
        """Let go of what was kept for a statement: its engine says what it took in all, and the store has that."""
        self._lingering.end(query_id, nano, size)

    def release(self, query_id: str) -> None:
        """End the reservation of a statement that took nothing."""
        reservation = self._reservations.pop(query_id, None)
        if reservation is not None:
            self._drop(reservation.holds)

    def extend(self, query_id: str, nano: int, size: int) -> bool:
        """Let a statement hold what it has taken so far, as far as the leases here reach; False if they do not.

        More is then fetched in the background: to ask again later may succeed.
        """
        reservation = self._reservations.get(query_id)
        enough = True
        for hold in reservation.holds if reservation is not None else ():
            more = in_unit(hold, nano, size) - hold.amount
            if more > 0 and not self._lender.extend(hold, more):
                enough = False
        return enough

    def holds(self, query_id: str) -> tuple[Charge, ...]:
        """Return what a running statement holds, in the form that its journal keeps."""
        reservation = self._reservations.get(query_id)
        if reservation is None:
            return ()
        return tuple(Charge(each.account.id, each.amount, 0, each.lease.id) for each in reservation.holds)

    async def give_back(self, accounts: Sequence[str]) -> None:
        """Return what no statement here holds of accounts, since another worker needs it. Raises StoreAway."""
        await self._lender.give_back(accounts)

    async def look_after(self) -> None:
        """Renew the leases, and bring them to the size that their use asks for. Raises StoreAway."""
        await self._keeper.round()

    def meet(self, workers: Callable[[], int], recall: Callable[[Sequence[str]], Awaitable[bool]]) -> None:
        """Say how many share the accounts, and how the others give back; until then this worker is alone."""
        self._lender.workers = workers
        self._recall = recall

    async def start(self) -> None:
        """Begin to keep the leases, in the background."""
        self._keeper.start()

    async def close(self) -> None:
        """Give back what no statement holds. What was settled goes with the usage rows."""
        await self._keeper.close()

    def _charge(self, hold: Hold, nano: int, size: int, word: Word) -> Charge:
        amount, held = max(0, in_unit(hold, nano, size)), hold.amount
        if word == "leaving":
            amount = max(amount, held)
        self._lender.settle(hold, amount, max(0, held - amount) if word == "open" else 0)
        self._refused.pop(hold.account.id, None)
        return Charge(hold.account.id, held, amount, hold.lease.id)

    def _drop(self, holds: Sequence[Hold]) -> None:
        for hold in holds:
            self._lender.settle(hold, 0)
            self._refused.pop(hold.account.id, None)

    async def _obtain(self, want: Want) -> Hold | Short:
        """Hold what a statement may take of one account; a flood asks the store once, one after the other."""
        arrived = self._monotonic()
        async with self._lender.lock(want.account.id):
            known, begun = self._refused.get(want.account.id), self._monotonic()
            if known is not None and known.begun >= arrived and _answers(known.short, want):
                return known.short
            found = await self._lent(want)
            if isinstance(found, Short):
                if len(self._refused) >= _MOST_REFUSED:
                    self._refused.clear()
                self._refused[want.account.id] = _Refused(found, begun)
            return found

    async def _lent(self, want: Want) -> Hold | Short:
        """Take what is missing from the store; where that has not enough, first have others give back.

        What is kept for statements that have ended is waited for, too: their engines say soon what they took.
        """
        try:
            if await self._lender.reach(want, want.high):
                return self._lender.hold(want.account, want.high, self._monotonic())
        except Refusal:
            if not self._lender.lasts(want):
                raise
            return self._all_of(want)  # the store is away: a part is enough
        all_answered = await self._recall((want.account.id,))
        now = self._monotonic()
        others = now + (0.0 if all_answered else self._lender.others_look_within)
        words = now + self._lender.settings.last_word_seconds
        while True:
            kept = self._lingering.keeps(want.account.id)  # what is let go of from here on, the store may not say yet
            if await self._lender.reach(want, want.low):
                return self._all_of(want)
            now = self._monotonic()
            if now >= others and (now >= words or not kept):
                return self._lender.short(want.account)
            await asyncio.sleep(_AGAIN_SECONDS)

    def _all_of(self, want: Want) -> Hold:
        amount = min(want.high, self._lender.free(want.account.id))
        return self._lender.hold(want.account, amount, self._monotonic())


def _answers(short: Short, want: Want) -> bool:
    return want.account.limit <= short.limit and want.low > short.left
