"""The background task that moves finished rows from journals to the store: the own one and those of dead workers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING

from gateway.audit.telling import tell_appended
from gateway.events import (
    JournalRecovered,
    RecordingMeasured,
    RowsLost,
    RowsShipped,
    StoreAvailable,
    StoreUnavailable,
)
from gateway.recording.recovery import Judge, count_rows, held_for_nothing, ship_dead
from gateway.recording.segments import claim_dead, force_to_disk, segments_size
from gateway.recording.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.entries import Entry
    from gateway.events import EventBus
    from gateway.recording.journal import Journal
    from gateway.recording.settings import RecordingSettings
    from gateway.recording.store import UsageStore
    from gateway.recording.writer import Writer
    from gateway.usage_record import UsageRecord

_FIRST_RETRY_SECONDS = 0.25


class Shipper:
    """Ship rows in batches, soon while the store answers, ever more rarely while it does not."""

    def __init__(
        self,
        writer: Writer,
        journal: Journal,
        store: UsageStore,
        settings: RecordingSettings,
        bus: EventBus,
        ready: asyncio.Event,
    ) -> None:
        """Ship what `writer` offers to `store`; `ready` cuts short the wait for the next round."""
        self._writer = writer
        self._journal = journal
        self._store = store
        self._settings = settings
        self._bus = bus
        self._ready = ready
        self._one_at_a_time = asyncio.Lock()
        self._leaving = asyncio.Event()
        self._leave_by = float("inf")
        self._failures = 0
        self._swept_at = float("-inf")
        self.judge: Judge = held_for_nothing
        self.may_judge = True
        """False while it is not known yet who says what statements took that dead workers left."""
        self.store_up: bool | None = None
        """Whether the last call of the store succeeded; None before the first."""
        self.reason = ""
        """Why the store does not answer."""
        self.lag_seconds = 0.0
        """Age of the oldest finished row that is not in the store."""

    async def run(self) -> None:
        """Work until told to leave; no error ends it."""
        while not self._leaving.is_set():
            await self._careful_round()
            await self._pause()
        await self._careful_round()

    def sweep_soon(self) -> None:
        """Have the next round, which begins now, look after dead workers."""
        self._swept_at = float("-inf")
        self._ready.set()

    def leave(self, seconds: float) -> None:
        """Have `run` ship what waits now, begin no batch after so many seconds, and end.

        It must end by itself: a transaction that is cut off can leave the store locked, and its task never done.
        """
        self._leave_by = time.monotonic() + seconds
        self._leaving.set()
        self._ready.set()

    async def _careful_round(self) -> None:
        try:
            await self.round()
        except Exception as error:  # noqa: BLE001  (recording must go on whatever one round met)
            self._down(_kind(error))

    async def round(self) -> bool:
        """Ship everything that waits; now and then look after dead workers. Tell whether the store took it all."""
        async with self._one_at_a_time:
            done = await self._ship()
            if time.monotonic() - self._swept_at >= self._settings.sweep_seconds:
                self._swept_at = time.monotonic()
                with contextlib.suppress(OSError):  # no folder to look into: nothing to find in it
                    await self._sweep(usable=done)
            self._measure()
        return done

    async def force_to_disk(self) -> None:
        """Force the journal to the disk at the interval set, until cancelled."""
        while self._settings.fsync_seconds is not None:
            await asyncio.sleep(self._settings.fsync_seconds)
            with contextlib.suppress(OSError):
                await asyncio.to_thread(force_to_disk, self._journal.unsynced())

    async def _ship(self) -> bool:
        try:
            if self.store_up is None:
                await self._store.ping()
                self._up()
            while time.monotonic() < self._leave_by:
                parcel = self._writer.next_parcel(self._settings.batch_rows)
                if parcel.size:
                    await self._insert(parcel.records, parcel.notes)
                self._writer.shipped(parcel)
                if parcel.batch is not None and parcel.size < self._settings.batch_rows:
                    return True  # what came meanwhile goes with the next batch
                await asyncio.sleep(0)  # statements first
            return False
        except (StoreError, OSError) as error:
            self._down(_kind(error))
            return False

    async def _insert(self, records: Sequence[UsageRecord], notes: Sequence[Entry]) -> None:
        """Write to the store. Who forwards the audit is told before the journal forgets: a crash tells him again."""
        started = time.monotonic()
        appended = await self._store.insert(records, notes)
        self._up()
        if records:
            self._bus.publish(RowsShipped(len(records), time.monotonic() - started))
        if appended is not None:
            tell_appended(self._store.chain, appended, self._bus)

    async def _sweep(self, *, usable: bool) -> None:
        """Ship and delete the journals of dead workers; note how much of them is left."""
        shipped = usable and self.may_judge and await self._ship_dead_journals()
        self._writer.left_by_dead = 0 if shipped else self._weigh_dead_journals()

    async def _ship_dead_journals(self) -> bool:
        for home in claim_dead(self._journal.root):
            try:
                found = await ship_dead(home.folder, self._insert, self._settings.batch_rows, self.judge)
                await self._store.emptied(home.folder.name)  # after its rows: they are paid from what it held
                home.remove()
                self._bus.publish(JournalRecovered(found.finished, found.cut_off, found.damaged))
            except (StoreError, OSError) as error:
                self._down(_kind(error))
                return False
            finally:
                home.lock.release()
        return True

    def _weigh_dead_journals(self) -> int:
        """Return the bytes they hold; where loss is allowed, first forget the oldest of what exceeds the bound."""
        total = 0
        for home in claim_dead(self._journal.root, newest_first=True):
            size = segments_size(home.folder)
            if self._settings.on_full == "drop_oldest" and total + size > self._settings.max_bytes:
                self._bus.publish(RowsLost(count_rows(home.folder), "drop_oldest"))
                home.remove()
            else:
                total += size
                home.lock.release()
        return total

    async def _pause(self) -> None:
        """Wait for a full batch or the interval; after a failure for a growing time, whatever waits."""
        if self._leaving.is_set():
            return
        if self._failures:
            longest = min(self._settings.retry_seconds, _FIRST_RETRY_SECONDS * 2.0**self._failures)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(longest * random.uniform(0.5, 1.0)):  # noqa: S311  (spreads workers)
                    await self._leaving.wait()
            return
        if self._writer.waiting < self._settings.batch_rows:
            self._ready.clear()  # set while the last batch was still counted
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.batch_seconds):
                await self._ready.wait()
        self._ready.clear()

    def _up(self) -> None:
        self._failures = 0
        if not self.store_up:
            self.store_up, self.reason = True, ""
            self._bus.publish(StoreAvailable())

    def _down(self, reason: str) -> None:
        self._failures = min(self._failures + 1, 20)
        was_up, self.store_up, self.reason = self.store_up, False, reason
        if was_up is not False:
            self._bus.publish(StoreUnavailable(reason))

    def _measure(self) -> None:
        self._writer.probe()
        waiting = self._writer.waiting
        with contextlib.suppress(OSError):
            oldest = self._writer.next_parcel(1).oldest if waiting else None
            self.lag_seconds = max(0.0, time.time() - oldest) if oldest is not None else 0.0
        size = self._journal.size + self._writer.left_by_dead
        self._bus.publish(RecordingMeasured(size, waiting, self.lag_seconds))


def _kind(error: Exception) -> str:
    """Name an error without its text, unless the text is our own."""
    return str(error) if isinstance(error, StoreError) else type(error).__name__
