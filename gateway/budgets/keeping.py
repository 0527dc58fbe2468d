"""Look after a worker's leases in the background: renew them, take more where they run low, give back what is idle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Sequence

from catalog.errors import Refusal
from gateway.budgets.leases import IDLE_SECONDS, Lease
from gateway.budgets.lending import Lender
from gateway.budgets.store import LedgerStore, Orphan
from gateway.recording.bounded import StoreAway

_log = logging.getLogger("penstock.budgets")


class Keeper:
    """Keep the leases of one lender. All methods belong to its event loop."""

    def __init__(
        self,
        lender: Lender,
        store: LedgerStore,
        orphaned: Callable[[Sequence[Orphan]], None],
        expire: Callable[[], None] = lambda: None,
    ) -> None:
        """Do nothing yet; `orphaned` hears of leases that went back because their workers were not heard of.

        `expire` lets go of what was kept too long for statements that have ended.
        """
        self._lender = lender
        self._store = store
        self._orphaned = orphaned
        self._expire = expire
        self._keeping: asyncio.Task[None] | None = None
        self._leaving = False
        self._swept_at = -math.inf

    def start(self) -> None:
        """Begin."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """End, and give back what is free."""
        self._leaving = True
        self._lender.hurry.set()
        if self._keeping is not None:
            await self._keeping
            self._keeping = None
        with contextlib.suppress(StoreAway):
            await self._lender.give_back()
            for lease in tuple(self._lender.former.values()):
                await self._lender.give(lease, lease.free)

    async def round(self) -> None:
        """Renew all leases, take and give back what is to be, once. Raises StoreAway."""
        lender = self._lender
        self._expire()
        called = await self._renew()
        for account in tuple(lender.leases):
            if not lender.lock(account).locked():  # else somebody takes of it just now
                await self._tend(account, called=account in called)
        for lease in tuple(lender.former.values()):
            await self._clear(lease)

    async def sweep(self) -> None:
        """Return the leases of workers that were not heard of for long. Raises StoreAway."""
        orphans = await self._store.release_orphans(self._lender.settings.orphan_seconds)
        if orphans:
            self._orphaned(orphans)

    async def _keep(self) -> None:
        lender = self._lender
        while not self._leaving:
            try:
                await self._once()
            except StoreAway as error:
                lender.is_away(error)
            except Exception:  # noqa: BLE001  (nothing may end the keeping)
                _log.exception("the leases of budgets could not be looked after")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(lender.settings.renew_seconds):
                    await lender.hurry.wait()
            lender.hurry.clear()

    async def _once(self) -> None:
        lender = self._lender
        if lender.leases or lender.former:
            await self.round()
            lender.away = False
        now, pause = lender.monotonic(), min(60.0, lender.settings.orphan_seconds / 4)
        if now - self._swept_at >= pause:
            self._swept_at = now
            await self.sweep()

    async def _renew(self) -> frozenset[str]:
        """Tell the store what is reserved, and read what it says; return the accounts that others call for."""
        lender, begun = self._lender, self._lender.monotonic()
        known = {lease.id: lease for lease in (*lender.leases.values(), *lender.former.values())}
        told = {lease.id: lease.held for lease in known.values() if lease.held != lease.told}
        found = await self._store.renew(lender.worker, told, tuple(lender.leases))
        for lease in known.values():
            lease.told = told.get(lease.id, lease.told)
            reading = found.readings.get(lease.id)
            if reading is not None:
                lease.read(reading)
                lease.usable_until = lender.usable_until(lease.account, begun, found.now)
            elif lease.moves:
                lender.lose(lease)
        return found.called

    async def _tend(self, account: str, *, called: bool) -> None:
        """Bring a lease to the size that its use asks for."""
        lender = self._lender
        async with lender.lock(account):
            lease, now = lender.leases.get(account), lender.monotonic()
            if lease is None:
                return
            lease.look(now)
            target = 0 if called else lease.target(now)
            if lease.free > 2 * target:
                await lender.give(lease, lease.free - target)
            elif lease.free < (lease.low_water if target else 0):
                with contextlib.suppress(Refusal):
                    await lender.take(lease.account, min(0, lease.free), 0)
            if not lease.held and now - lease.used_at > IDLE_SECONDS and lender.leases.get(account) is lease:
                lender.former[lease.id] = lender.leases.pop(account)

    async def _clear(self, lease: Lease) -> None:
        """Give back what became free of a former lease, and forget it once nothing is left of it."""
        await self._lender.give(lease, lease.free)
        if not lease.held and not lease.amount and lease.spent == lease.settled:
            await self._store.forget(lease)
            self._lender.former.pop(lease.id, None)
