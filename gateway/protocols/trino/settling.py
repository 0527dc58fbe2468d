"""Close the books of statements that have ended: at once, or in a moment where engines say only then what they read.

The client does not wait for that. Until it is settled a statement holds what was reserved for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from catalog.errors import Refusal
from engines.base import Engine
from engines.estimates import AccountingEngine
from gateway.models import Owed

_log = logging.getLogger("penstock.door")
SOON_SECONDS = 2.0
"""How long an engine is waited for; one that is too busy is asked again by `billing.late`."""

Close = Callable[[int | None], None]
"""Close a statement's books, told the bytes that its engines said late; None where they did not say them all."""


class Settling:
    """Keep the statements whose books are still open. All methods belong to one event loop."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        """Start with none."""
        self._engines = engines
        self._open: dict[asyncio.Task[None], Close] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._open)

    def add(self, owed: Sequence[Owed], close: Close) -> None:
        """Close books as soon as the engines have said what is owed; never twice, and never not at all."""
        task = asyncio.get_running_loop().create_task(self._settle(owed))
        self._open[task] = close
        task.add_done_callback(self._done)

    async def settled(self) -> bool:
        """Wait until what is open now is closed; False where nothing is."""
        waited = tuple(self._open)
        if not waited:
            return False
        await asyncio.wait(waited, timeout=SOON_SECONDS)
        return True

    async def close(self) -> None:
        """Wait for what engines still say, and close the books of the rest without it."""
        await self.settled()
        for task in tuple(self._open):
            task.cancel()
            self._close(task, None)

    async def _settle(self, owed: Sequence[Owed]) -> None:
        task = asyncio.current_task()
        told: int | None = None
        try:
            async with asyncio.timeout(SOON_SECONDS):
                said = await asyncio.gather(*map(self._said, owed))
            told = None if None in said else sum(each or 0 for each in said)
        except (Refusal, TimeoutError):
            pass
        except Exception:  # noqa: BLE001  (the books must be closed, whatever an engine raises)
            _log.exception("an engine could not be asked what statements took")
        if task is not None:
            self._close(task, told)

    async def _said(self, owed: Owed) -> int | None:
        engine: object = self._engines.get(owed.engine)
        if not isinstance(engine, AccountingEngine):
            return None
        actuals = await engine.actuals(owed.query_id, owed.engine_query_id)
        return actuals.scanned_bytes if actuals is not None and actuals.final else None

    def _done(self, task: asyncio.Task[None]) -> None:
        self._close(task, None)

    def _close(self, task: asyncio.Task[None], told: int | None) -> None:
        close = self._open.pop(task, None)
        if close is not None:
            close(told)
