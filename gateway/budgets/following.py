"""Follow the overrides: what was approved or ended anywhere holds here within seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from gateway.budgets.overrides import Override, OverrideStore
from gateway.partners.database import RegistryError
from policies.clock import PROCESS_CLOCK, Clock

_log = logging.getLogger("penstock.budgets")
_FOLLOW_SECONDS = 1.5
_ANSWER_SECONDS = 2.0
_STALE_SECONDS = 60.0
"""How long overrides hold while the store does not answer: one that was ended meanwhile must not last."""


class Overrides:
    """The overrides in force, as this worker knows them."""

    def __init__(
        self,
        store: OverrideStore,
        *,
        clock: Clock = PROCESS_CLOCK,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know of none until the store was read."""
        self.store = store
        self._clock = clock
        self._monotonic = monotonic
        self._known: tuple[Override, ...] = ()
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def live(self) -> tuple[Override, ...]:
        """Return the overrides that hold now, the oldest first; none where nobody could say so of late."""
        if not self._known or self._monotonic() - self._read_at > _STALE_SECONDS:
            return ()
        moment = self._clock.moment()
        return tuple(each for each in self._known if each.live(moment))

    async def refresh(self) -> None:
        """Read the overrides. Raises RegistryError, TimeoutError; what was known stays."""
        async with self._lock:
            asked_at = self._monotonic()
            async with asyncio.timeout(_ANSWER_SECONDS):
                self._known = await self.store.unended(self._clock.moment().now)
            self._read_at = asked_at

    async def start(self) -> None:
        """Read what there is, and begin to follow."""
        with suppress(RegistryError, TimeoutError):
            await self.refresh()
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following, and let go of the store."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.store.close()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            try:
                await self.refresh()
            except (RegistryError, TimeoutError):
                pass  # the store says so itself; what is known ages
            except Exception:  # noqa: BLE001  (whatever stands in the store: following goes on, and what is known ages)
                _log.exception("overrides of budgets could not be read")
