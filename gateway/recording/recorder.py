"""Recording as the gateway sees it: admit, listen, ship, read back, close."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.errors import ErrorCode, Refusal
from gateway.audit.chain import Chain
from gateway.audit.telling import tell_appended
from gateway.events import RowsLost, StatementFinished, StatementPlanned, StatementReceived, StatementSubmitted
from gateway.recording.journal import Journal
from gateway.recording.shipper import Shipper
from gateway.recording.store import StoreError, UsageStore
from gateway.recording.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.chain import Appended
    from gateway.audit.entries import Entry
    from gateway.events import EventBus
    from gateway.received import Received
    from gateway.recording.recovery import Judge
    from gateway.recording.settings import RecordingSettings
    from gateway.usage_record import Charge, UsageRecord


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """How recording stands now."""

    accepting: bool
    """Whether a new statement would be admitted."""
    reason: str
    """Why not, or why the store does not answer; empty when all is well."""
    store_up: bool | None
    """None until the store was first asked."""
    journal_bytes: int
    waiting_rows: int
    lag_seconds: float
    lost_rows: int


class Recorder:
    """Give every statement its one usage row.

    `admit` belongs at the door, before `StatementReceived` is published: it raises the Refusal for a statement that
    could not be recorded. Everything else is learnt from the bus.
    """

    def __init__(self, settings: RecordingSettings, bus: EventBus, *, judged: bool = False) -> None:
        """Keep the settings. Raises ValueError for a bad store address.

        Where it is `judged`, what dead workers left waits until `judge_by` says who knows what their statements took.
        """
        self._judged = judged
        self._settings = settings
        self._bus = bus
        self.chain = Chain(settings.audit_keys, settings.audit_seen)
        """The audit's chain as this process knows it."""
        self._store = UsageStore(
            settings.store_url,
            timeout=settings.store_timeout,
            run_migrations=settings.migrate,
            chain=self.chain,
            reads=settings.audit_reads,
        )
        self._ready = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: list[Callable[[], None]] = []
        self._journal: Journal | None = None
        self._writer: Writer | None = None
        self._shipper: Shipper | None = None
        self._lost = 0

    async def start(self) -> None:
        """Open the journal and begin shipping; does not wait for the store. Raises OSError without a journal."""
        journal = Journal(self._settings.folder, self._settings.segment_bytes)
        writer = Writer(journal, self._settings, self._bus, self._ready.set)
        shipper = Shipper(writer, journal, self._store, self._settings, self._bus, self._ready)
        shipper.may_judge = not self._judged
        self._journal, self._writer, self._shipper = journal, writer, shipper
        self._unsubscribe = [
            self._bus.subscribe(StatementReceived, writer.received),
            self._bus.subscribe(StatementPlanned, writer.planned),
            self._bus.subscribe(StatementSubmitted, writer.submitted),
            self._bus.subscribe(StatementFinished, writer.finished),
            self._bus.subscribe(RowsLost, self._count_lost),
        ]
        self._tasks = [asyncio.create_task(shipper.run()), asyncio.create_task(shipper.force_to_disk())]

    def admit(self, statement: Received) -> None:
        """Journal a statement before anything is done with it. Raises Refusal (QUERY_QUEUE_FULL) if that fails."""
        if self._writer is None:
            raise RuntimeError("the recorder is not started")
        self._writer.admit(statement)

    def note(self, entry: Entry) -> None:
        """Journal an entry for the audit; the next batch takes it to the chain. On a full disk it waits in memory."""
        if self._writer is not None:
            self._writer.note(entry)

    def must_note(self, entry: Entry) -> None:
        """Journal an entry, or raise Refusal: what cannot be recorded must then not be done."""
        if self._writer is None or not self._writer.noted(entry):
            raise Refusal(
                ErrorCode.QUERY_QUEUE_FULL,
                "The gateway cannot record at the moment and does nothing unrecorded.",
                hint="Try again in a few minutes.",
                detail="audit: the journal takes nothing",
            )

    def appended(self, appended: Appended) -> None:
        """Hear of entries that somebody appended to the chain in a transaction of his own, now that it is committed."""
        tell_appended(self.chain, appended, self._bus)

    def status(self) -> RecordingStatus:
        """Return how recording stands, for readiness and operators."""
        writer, shipper, journal = self._writer, self._shipper, self._journal
        if writer is None or shipper is None or journal is None:
            return RecordingStatus(False, "not started", None, 0, 0, 0.0, self._lost)
        refusal = writer.refusal_reason
        return RecordingStatus(
            accepting=refusal is None,
            reason=refusal or shipper.reason,
            store_up=shipper.store_up,
            journal_bytes=journal.size + writer.left_by_dead,
            waiting_rows=writer.waiting,
            lag_seconds=shipper.lag_seconds,
            lost_rows=self._lost,
        )

    @property
    def longest_wait(self) -> float:
        """Return how many seconds a finished row waits at most before it goes to the store, while that answers."""
        return self._settings.batch_seconds + self._settings.store_timeout

    def judge_by(self, holds: Callable[[str], tuple[Charge, ...]], judge: Judge) -> None:
        """Let lines of the journal say what statements hold of budgets, and `judge` what those took that were cut off.

        Then what dead workers left is looked at.
        """
        if self._writer is None or self._shipper is None:
            raise RuntimeError("the recorder is not started")
        self._writer.holds = holds
        self._shipper.judge = judge
        self._shipper.may_judge = True
        self._shipper.sweep_soon()

    @property
    def journal_name(self) -> str:
        """Return the name by which this worker's journal is told from others'; empty before the start."""
        return self._journal.folder.name if self._journal is not None else ""

    async def flush(self) -> bool:
        """Ship all finished rows now; tell whether the store took them."""
        return self._shipper is not None and await self._shipper.round()

    async def recent(self, limit: int, user: str | None = None) -> list[UsageRecord]:
        """Return the newest rows in the store. Raises StoreError."""
        return await self._store.recent(limit, user)

    async def by_id(self, query_id: str) -> UsageRecord | None:
        """Return a statement's row from the store; None if it is not there (yet). Raises StoreError."""
        return await self._store.by_id(query_id)

    async def close(self, timeout: float = 10.0) -> None:
        """Ship what waits for at most `timeout` seconds and stop; the rest stays in the journal for the next start."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self._shipper is not None:
            self._shipper.leave(timeout)
            await asyncio.wait(self._tasks[:1], timeout=timeout + self._settings.store_timeout)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._journal is not None:
            self._journal.close(keep=not await self._emptied(self._journal))
        self._journal = self._writer = self._shipper = None
        await self._store.close()

    async def _emptied(self, journal: Journal) -> bool:
        """Let go of what this worker holds of budgets; where that fails, another one on the folder does it later."""
        if journal.waiting or journal.unfinished or self._shipper is None or not self._shipper.store_up:
            return False
        try:
            await self._store.emptied(journal.folder.name)
        except StoreError:
            return False
        return True

    def _count_lost(self, event: RowsLost) -> None:
        self._lost += event.rows
