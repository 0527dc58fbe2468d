"""From events to journal lines: admit a statement only if it can be recorded, then follow it to its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from msgspec.structs import replace

from catalog.errors import ErrorCode, Refusal
from gateway.audit.entries import Entry
from gateway.events import RecordingRefused, RowsLost
from gateway.recording.entries import FINAL, decode_line, encode_line, opened, shortened, submitted
from gateway.usage_record import Charge, UsageRecord

if TYPE_CHECKING:
    from gateway.events import EventBus, StatementFinished, StatementPlanned, StatementReceived, StatementSubmitted
    from gateway.models import Plan
    from gateway.received import Received
    from gateway.recording.journal import Batch, Journal
    from gateway.recording.settings import RecordingSettings

_MAX_UNWRITTEN = 10_000
"""Final rows kept in memory while the disk takes none; each has its provisional line in the journal."""


@dataclass(slots=True)
class _Statement:
    """What is known of a statement under way."""

    record: UsageRecord
    plan: Plan | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Parcel:
    """Rows and notes to be shipped next; `batch` is None when they come from memory instead of the journal."""

    records: tuple[UsageRecord, ...]
    batch: Batch | None
    notes: tuple[Entry, ...] = ()

    @property
    def size(self) -> int:
        """Return how many there are."""
        return len(self.records) + len(self.notes)

    @property
    def oldest(self) -> float | None:
        """Return when the first of them came about, in Unix seconds; None where there are none."""
        return min(
            [*(each.finished_at for each in self.records[:1]), *(each.at / 1e6 for each in self.notes[:1])],
            default=None,
        )


class Writer:
    """Keep the journal of what happens, by the settings' loss policy. All calls on the event loop's thread."""

    def __init__(self, journal: Journal, settings: RecordingSettings, bus: EventBus, ready: Callable[[], None]) -> None:
        """Write to `journal`; call `ready` whenever a full batch waits to be shipped."""
        self._journal = journal
        self._settings = settings
        self._bus = bus
        self._ready = ready
        self._statements: dict[str, _Statement] = {}
        self._unwritten: deque[UsageRecord | Entry] = deque()
        self._disk_fails = False
        self.holds: Callable[[str], tuple[Charge, ...]] = lambda _: ()
        """What a statement under way holds of budgets."""
        self.left_by_dead = 0
        """Bytes of dead workers' journals that are not in the store yet."""

    @property
    def waiting(self) -> int:
        """Final rows and notes that are not in the store."""
        return self._journal.waiting + len(self._unwritten)

    @property
    def refusal_reason(self) -> Literal["journal full", "disk"] | None:
        """Why a new statement would be refused now; None if it would not."""
        if self._settings.on_full == "drop_oldest":
            return None
        if self._journal.size + self.left_by_dead >= self._settings.max_bytes:
            return "journal full"
        return "disk" if self._disk_fails else None

    def admit(self, statement: Received) -> None:
        """Journal a statement before anything else is done with it. Raises Refusal if it cannot be recorded."""
        record = opened(statement, self._settings.sql_limit)
        if self._settings.on_full == "drop_oldest":
            self._drop_beyond_bound()
        elif self._journal.size + self.left_by_dead >= self._settings.max_bytes:
            self._refuse("journal full")
        if not self._open(record) and self._settings.on_full == "refuse":
            self._refuse("disk")
        self._statements[record.query_id] = _Statement(record)

    def received(self, event: StatementReceived) -> None:
        """Journal a statement that nobody asked to admit."""
        if event.statement.query_id not in self._statements:
            record = opened(event.statement, self._settings.sql_limit)
            self._open(record)
            self._statements[record.query_id] = _Statement(record)

    def planned(self, event: StatementPlanned) -> None:
        """Remember the plan for the line written when an engine takes the statement.

        What holds money is journaled now: an engine may take it, and the process die, before anybody can say so.
        """
        statement = self._statements.get(event.query_id)
        if statement is None:
            return
        statement.plan, statement.cached = event.plan, event.cached
        if held := self.holds(event.query_id):
            self._open(submitted(statement.record, event.plan, event.cached, event.plan.engine or "", None, held))

    def submitted(self, event: StatementSubmitted) -> None:
        """Journal what an engine now does for whom: should the process die, the row says what may have been read."""
        statement = self._statements.get(event.query_id)
        if statement is not None:
            plan, cached = statement.plan, statement.cached
            held = self.holds(event.query_id)
            self._open(submitted(statement.record, plan, cached, event.engine, event.engine_query_id, held))

    def finished(self, event: StatementFinished) -> None:
        """Journal the final row; where the disk takes nothing, keep it in memory until it is shipped."""
        record = event.record
        if len(record.sql) > self._settings.sql_limit:
            record = replace(record, sql=shortened(record.sql, self._settings.sql_limit))
        self._statements.pop(record.query_id, None)
        if not self._written(lambda: self._journal.finish(record)):
            self._keep_in_memory(record)
        if self.waiting >= self._settings.batch_rows:
            self._ready()

    def note(self, entry: Entry) -> None:
        """Journal an entry for the audit; where the disk takes nothing, keep it in memory until it is shipped."""
        if not self.noted(entry):
            self._keep(entry)

    def noted(self, entry: Entry) -> bool:
        """Journal an entry for the audit; tell whether that was done."""
        written = self._written(lambda: self._journal.note(entry))
        if self.waiting >= self._settings.batch_rows:
            self._ready()
        return written

    def probe(self) -> None:
        """Try the disk again after it refused, so that readiness returns without a statement's having to fail."""
        if self._disk_fails:
            self._written(self._journal.probe)

    def next_parcel(self, limit: int) -> Parcel:
        """Return the rows to ship next, oldest first. Raises OSError when the journal cannot be read."""
        if self._unwritten:
            taken = tuple(self._unwritten)[:limit]
            records = tuple(each for each in taken if isinstance(each, UsageRecord))
            return Parcel(records, None, tuple(each for each in taken if isinstance(each, Entry)))
        vanished = self._journal.vanished
        batch = self._journal.read(limit)
        if self._journal.vanished > vanished:
            self._bus.publish(RowsLost(self._journal.vanished - vanished, "journal deleted"))
        return Parcel(batch.records, batch, batch.notes)

    def shipped(self, parcel: Parcel) -> None:
        """Forget what is in the store."""
        if parcel.batch is not None:
            self._journal.advance(parcel.batch)
            return
        gone = {record.query_id for record in parcel.records}
        told = {note.id for note in parcel.notes}
        self._unwritten = deque(
            each
            for each in self._unwritten
            if (each.id not in told if isinstance(each, Entry) else each.query_id not in gone)
        )
        for query_id in gone:
            self._journal.forget(query_id)

    def _open(self, record: UsageRecord) -> bool:
        return self._written(lambda: self._journal.open(record))

    def _written(self, write: Callable[[], None]) -> bool:
        """Try to write; where dropping the oldest rows is allowed and the disk is full, make room and try again."""
        while True:
            try:
                write()
            except OSError:
                self._disk_fails = True
                if self._settings.on_full == "refuse" or not self._drop_one():
                    return False
            else:
                self._disk_fails = False
                return True

    def _drop_beyond_bound(self) -> None:
        while self._journal.size >= self._settings.max_bytes and self._drop_one():
            pass

    def _drop_one(self) -> bool:
        lost = self._journal.drop_oldest()
        if lost:
            self._bus.publish(RowsLost(lost, "drop_oldest"))
        return lost is not None

    def _keep_in_memory(self, record: UsageRecord) -> None:
        bounded = decode_line(encode_line(record, FINAL)[:-1])
        if bounded is not None:
            self._keep(bounded)

    def _keep(self, kept: UsageRecord | Entry) -> None:
        self._unwritten.append(kept)
        if len(self._unwritten) > _MAX_UNWRITTEN:
            self._unwritten.popleft()
            self._bus.publish(RowsLost(1, "disk"))

    def _refuse(self, reason: Literal["journal full", "disk"]) -> NoReturn:
        self._bus.publish(RecordingRefused(reason))
        raise Refusal(
            ErrorCode.QUERY_QUEUE_FULL,
            "The gateway cannot record queries at the moment and runs none unrecorded.",
            hint="Try again in a few minutes.",
            detail=f"recording: {reason}",
        )
