"""How workers and replicas find one another: a row each in the store, refreshed while they live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.recording.database import connect_engine

_EVERY_SECONDS = 2.0
_DEAD_SECONDS = 10.0

_workers = sa.table("penstock_workers", sa.column("worker"), sa.column("address"), sa.column("seen_at"))


class WorkerRegistry:
    """Say who else serves this gateway; what was read last stays good while the store is away."""

    def __init__(self, store_url: str, worker: str, address: str) -> None:
        """Announce nothing yet; `address` is host:port of this worker's peer listener."""
        self._url = store_url
        self._worker = worker
        self._address = address
        self._others: dict[str, str] = {}
        self._engine: AsyncEngine | None = None
        self._task: asyncio.Task[None] | None = None

    def others(self) -> Mapping[str, str]:
        """Return the other workers' ids and addresses."""
        return self._others

    async def start(self) -> None:
        """Announce this worker and begin to look for others; a store that is away is tried again."""
        self._engine = connect_engine(self._url)
        await self._round()
        self._task = asyncio.create_task(self._keep_announcing())

    async def close(self) -> None:
        """Take this worker's row away."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._engine is None:
            return
        try:
            async with asyncio.timeout(2), self._engine.begin() as connection:
                await connection.execute(sa.delete(_workers).where(_workers.c.worker == self._worker))
        except (SQLAlchemyError, OSError, TimeoutError):
            pass  # the row ends by itself when it is not refreshed
        await self._engine.dispose()

    async def _keep_announcing(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self._round()

    async def _round(self) -> None:
        if self._engine is None:
            return
        now = time.time()
        mine = _workers.c.worker == self._worker
        try:
            async with asyncio.timeout(5), self._engine.begin() as connection:
                changed = await connection.execute(sa.update(_workers).where(mine).values(seen_at=now))
                if changed.rowcount == 0:
                    row = {"worker": self._worker, "address": self._address, "seen_at": now}
                    await connection.execute(sa.insert(_workers).values(row))
                    await connection.execute(sa.delete(_workers).where(_workers.c.seen_at < now - 60 * _DEAD_SECONDS))
                alive = sa.select(_workers.c.worker, _workers.c.address).where(
                    ~mine, _workers.c.seen_at > now - _DEAD_SECONDS
                )
                self._others = {row.worker: row.address for row in await connection.execute(alive)}
        except (SQLAlchemyError, OSError, TimeoutError):
            return
