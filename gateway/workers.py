"""How workers and replicas find one another: a row each in the store, refreshed while they live."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.recording import schema
from gateway.recording.database import connect_engine

_log = logging.getLogger("penstock.workers")
_EVERY_SECONDS = 2.0
_DEAD_SECONDS = 10.0
_FORGOTTEN_SECONDS = 600.0
_LEAVE_SECONDS = 2.0
_ROUND_SECONDS = 5.0
_START_SECONDS = 3.0
"""How long a start waits for the store: one that is away must not keep the gateway from starting."""

_workers = sa.table("penstock_workers", sa.column("worker"), sa.column("address"), sa.column("seen_at"))


@dataclass(frozen=True, slots=True)
class _Sign:
    """A worker's last sign of life: what it wrote, and when we first saw that on our own clock.

    Clocks of hosts differ, so a row counts as alive by its changing, not by the time in it.
    """

    written: float
    noticed: float


async def _nothing() -> None:
    return None


class WorkerRegistry:
    """Say who else serves this gateway; what was read last stays good while the store is away."""

    def __init__(
        self,
        store_url: str,
        worker: str,
        address: str,
        *,
        greet: Callable[[], Awaitable[None]] = _nothing,
        on_known: Callable[[], Awaitable[None]] = _nothing,
        clock: Callable[[], float] = time.monotonic,
        every: float = _EVERY_SECONDS,
    ) -> None:
        """Announce nothing yet; `address` is host:port of this worker's peer listener.

        `greet` is called when others were found that were not known, to tell them of this worker at once; else they
        learn of it when they look the next time, `every` so many seconds. `on_known` is called once, when all who
        serve already must have learnt of it.
        """
        self._url = store_url
        self._worker = worker
        self._address = address
        self._greet = greet
        self._on_known = on_known
        self._clock = clock
        self._every = every
        self._announced_at: float | None = None
        self._known = False
        self._others: dict[str, str] = {}
        self._greeted: dict[str, tuple[str, float]] = {}
        """Who greeted us with which address, and when: a reading of the store under way may have missed its row."""
        self._signs: dict[str, _Sign] = {}
        self._engine: AsyncEngine | None = None
        self._leaving = asyncio.Event()
        self._announcing: asyncio.Task[None] | None = None
        self._telling: asyncio.Future[None] | None = None

    def others(self) -> Mapping[str, str]:
        """Return the other workers' ids and addresses."""
        return self._others

    def greeted(self, worker: str, address: str) -> None:
        """Learn of a worker from itself."""
        if worker != self._worker:
            self._greeted[worker] = (address, self._clock())
            self._others = {**self._others, worker: address}

    async def start(self) -> None:
        """Announce this worker and begin to look for others; a store that is away is tried again, in the background."""
        self._engine = connect_engine(self._url)
        first = asyncio.Event()
        self._announcing = asyncio.create_task(self._keep_announcing(first))
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                await first.wait()

    async def close(self) -> None:
        """Take this worker's row away.

        A round under way may end by itself: cut off in the midst of its transaction it could leave SQLite locked.
        """
        self._leaving.set()
        if self._announcing is not None:
            await asyncio.wait([self._announcing], timeout=_LEAVE_SECONDS)
        tasks = [task for task in (self._announcing, self._telling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._engine is None:
            return
        try:
            async with asyncio.timeout(2), self._engine.begin() as connection:
                await connection.execute(sa.delete(_workers).where(_workers.c.worker == self._worker))
        except (SQLAlchemyError, OSError):
            pass  # the row ends by itself when it is not refreshed
        await self._engine.dispose()

    async def _keep_announcing(self, first: asyncio.Event) -> None:
        with suppress(Exception):  # the recorder does the same, and tries again when the store returns
            await schema.migrate(self._url)
        while not self._leaving.is_set():
            try:
                before = self._others.keys()
                await self._round()
                if self._others.keys() - before:
                    await self._greet()
                self._tell_known()
            except Exception as error:  # noqa: BLE001  (no answer of a store may end the announcing)
                _log.warning("the store did not take the sign of life: %s", type(error).__name__)
            first.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._leaving.wait()

    async def _round(self) -> None:
        """Write our sign of life and read the others'. Raises what the driver raises."""
        if self._engine is None:
            return
        # SQLite ends by itself, and could stay locked if it were cut off
        longest = None if self._engine.dialect.name == "sqlite" else _ROUND_SECONDS
        async with asyncio.timeout(longest), self._engine.begin() as connection:
            mine = _workers.c.worker == self._worker
            sign = {"address": self._address, "seen_at": time.time()}
            changed = await connection.execute(sa.update(_workers).where(mine).values(sign))
            if changed.rowcount == 0:
                await connection.execute(sa.insert(_workers).values(worker=self._worker, **sign))
            rows = (await connection.execute(sa.select(_workers).where(~mine))).all()
            self._look_at([(row.worker, row.address, row.seen_at) for row in rows])
            forgotten = [name for name, sign in self._signs.items() if self._silent(sign) > _FORGOTTEN_SECONDS]
            if forgotten:
                await connection.execute(sa.delete(_workers).where(_workers.c.worker.in_(forgotten[:500])))
        if self._announced_at is None:
            self._announced_at = self._clock()

    def _look_at(self, rows: Sequence[tuple[str, str, float]]) -> None:
        before, now = self._signs, self._clock()
        self._signs = {
            name: before[name] if name in before and before[name].written == written else _Sign(written, now)
            for name, _, written in rows
        }
        self._greeted = {name: each for name, each in self._greeted.items() if now - each[1] <= self._every}
        self._others = {name: at for name, (at, _) in self._greeted.items()}
        self._others |= {name: at for name, at, _ in rows if self._silent(self._signs[name]) <= _DEAD_SECONDS}

    def _silent(self, sign: _Sign) -> float:
        return self._clock() - sign.noticed

    def _tell_known(self) -> None:
        """Say once that all others have had the time to read our row; what is done then must delay no sign of life."""
        if not self._known and self._announced_at is not None and self._clock() - self._announced_at > self._every:
            self._known = True
            if self._others:
                self._telling = asyncio.ensure_future(self._on_known())
