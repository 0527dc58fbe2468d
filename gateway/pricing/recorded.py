"""What other workers and earlier days learnt: recent usage rows, read from the store at start and from time to time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec
from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.pricing.learning import Learning, Run, shape_of, teaches
from gateway.recording.billing_tables import adjustments
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.recording.tables import usage
from gateway.usage_record import Bill, Priced

_log = logging.getLogger("penstock.pricing")
_BACK_SECONDS = 7 * 86_400.0
_OVERLAP_SECONDS = 600.0
"""Rows come some time after their statements began."""
_MOST_ROWS = 5000
_EVERY_SECONDS = 300.0


class Recorded:
    """Read the rows that calibration learns from. The store may be away: what is known stays, and is read later."""

    def __init__(self, url: str, learning: Learning, clock: Callable[[], float] = time.time) -> None:
        """Name the store."""
        self._store = BoundedStore(url)
        self._learning = learning
        self._clock = clock
        self._since: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read in the background."""
        self._task = asyncio.get_running_loop().create_task(self._keep_reading())

    async def close(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._store.close()

    async def read(self) -> int:
        """Learn from the rows that came since the last time; return how many there were. Raises StoreAway."""
        now = self._clock()
        since = now - _BACK_SECONDS if self._since is None else self._since - _OVERLAP_SECONDS
        runs = await self._store.read(lambda connection: _runs(connection, since))
        self._since = now
        self._learning.take(runs)
        return len(runs)

    async def _keep_reading(self) -> None:
        while True:
            try:
                await self.read()
            except StoreAway as error:
                _log.warning("what estimates were worth could not be read: %s", error)
            except Exception:  # noqa: BLE001  (estimates are made without it, too)
                _log.exception("what estimates were worth could not be read")
            await asyncio.sleep(_EVERY_SECONDS)


async def _runs(connection: AsyncConnection, since: float) -> list[Run]:
    late = select(func.sum(adjustments.c.bytes)).where(adjustments.c.query_id == usage.c.query_id).scalar_subquery()
    query = (
        select(
            usage.c.query_id,
            usage.c.engine,
            usage.c.fingerprint,
            usage.c.rewritten,
            usage.c.priced,
            usage.c.scanned_bytes,
            usage.c.received_at,
            usage.c.finished_at,
            usage.c.bill,
            late.label("late"),
        )
        .where(usage.c.received_at >= since, usage.c.outcome == "FINISHED", usage.c.priced.is_not(None))
        .order_by(usage.c.received_at.desc())
        .limit(_MOST_ROWS)
    )
    found = [_run(row) for row in (await connection.execute(query)).mappings()]
    return [run for run in reversed(found) if run is not None]


def _run(row: RowMapping) -> Run | None:
    """Return what a row teaches; None for one without an estimate, or written by other hands."""
    try:
        priced, read = msgspec.convert(row["priced"], Priced), _read(row)
    except msgspec.ValidationError:
        return None
    if read is None or not row["engine"]:
        return None
    seconds = row["finished_at"] - row["received_at"]
    shape = shape_of(row["fingerprint"], from_views=bool((row["rewritten"] or {}).get("views")))
    run = Run(row["query_id"], row["engine"], shape, priced, read, seconds)
    return run if teaches(run) else None


def _read(row: RowMapping) -> int | None:
    """Return what an engine said that it read, at once or late: then the bill's corrections tell."""
    if row["scanned_bytes"] is not None or row["late"] is None or row["bill"] is None:
        return None if row["scanned_bytes"] is None else int(row["scanned_bytes"])
    return msgspec.convert(row["bill"], Bill).bytes + int(row["late"])
