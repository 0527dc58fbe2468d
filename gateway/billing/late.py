"""Ask engines afterwards what statements took whose figures were not final, and correct their bills by entries."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from catalog.errors import Refusal
from engines.estimates import AccountingEngine, Actuals
from gateway.billing.adjusting import Correction, Known, correct, undo
from gateway.billing.adjustments import Adjusted, Adjustments
from gateway.billing.bills import Billing
from gateway.budgets.ledger import Ledger
from gateway.events import BillAdjusted, StatementFinished
from gateway.recording.bounded import StoreAway
from gateway.usage_record import UsageRecord

_log = logging.getLogger("penstock.billing")

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds after which an engine is asked again; after the last it is not asked any more."""
LOOK_BACK_SECONDS = 3600.0
"""How old statements may be that a crash cut off and nobody has asked about."""
_ROUND_SECONDS = 0.5
_LOOK_SECONDS = 60.0
_MOST_WAITING = 10_000
_AT_ONCE = 8


@dataclass(slots=True)
class _Waiting:
    record: UsageRecord
    due: float
    tries: int = 0


class LateActuals:
    """Keep the statements of this worker whose figures may still change, and settle each within some minutes."""

    def __init__(
        self,
        engines: Mapping[str, AccountingEngine],
        store: Adjustments,
        billing: Billing,
        publish: Callable[[BillAdjusted], None],
        *,
        ledger: Ledger | None = None,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        """Wait for nobody yet. `ledger` keeps what statements may still have taken, until the last word of them."""
        self._engines = engines
        self._store = store
        self._billing = billing
        self._publish = publish
        self._ledger = ledger
        self._pauses = pauses
        self._waiting: dict[str, _Waiting] = {}
        self._done: dict[str, None] = {}
        """Statements that crashes cut off and that were asked about to the end."""

    def heard(self, event: StatementFinished) -> None:
        """Take a statement that has ended, if its engine may say more of it."""
        if self._open(event.record):
            self._take(event.record)

    async def run(self) -> None:
        """Ask and correct, for ever; no error ends it."""
        look = time.monotonic()
        while True:
            try:
                if time.monotonic() >= look:
                    look = time.monotonic() + _LOOK_SECONDS
                    await self.look()
                await self.settle_due()
            except StoreAway as error:
                _log.warning("late actuals wait, since the store does not answer: %s", error)
            except Exception:  # noqa: BLE001  (bills of other statements must not wait for one)
                _log.exception("late actuals could not be settled")
            await asyncio.sleep(_ROUND_SECONDS)

    async def look(self) -> None:
        """Find what crashes cut off, and entries whose bill was replaced since. Raises StoreAway."""
        since = time.time() - LOOK_BACK_SECONDS
        for record in await self._store.cut_off(since):
            if record.query_id not in self._done and self._open(record):
                self._take(record)
        for query_id in await self._store.outdated(since):
            await self._write(query_id, lambda _, __, known: undo(known))

    async def settle_due(self) -> None:
        """Ask about those whose time has come. Raises StoreAway."""
        now = time.monotonic()
        due = [each for each in self._waiting.values() if each.due <= now][:_AT_ONCE]
        for failure in await asyncio.gather(*map(self._settle, due), return_exceptions=True):
            if isinstance(failure, BaseException):
                raise failure

    def _open(self, record: UsageRecord) -> bool:
        if record.engine not in self._engines:
            return False
        if record.outcome == "CUT_OFF":
            return True
        unsure = record.outcome != "FINISHED" or (record.bill is not None and record.bill.basis != "measured")
        return record.bill is not None and bool(record.bill.rate or record.bill.note) and unsure

    def _take(self, record: UsageRecord) -> None:
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.setdefault(record.query_id, _Waiting(record, time.monotonic() + self._pauses[0]))

    async def _settle(self, waiting: _Waiting) -> None:
        """Ask about one statement; it waits on until its engine is sure and its row is there, or the time is over."""
        record = waiting.record
        waiting.tries += 1
        more = waiting.tries < len(self._pauses)
        waiting.due = time.monotonic() + (self._pauses[waiting.tries] if more else 0.0)
        actuals = await self._actuals(record)
        settled = actuals is not None and actuals.final and await self._correct(record.query_id, actuals)
        if settled or not more:
            self._waiting.pop(record.query_id, None)
            if self._ledger is not None and not settled:
                self._ledger.last_word(record.query_id, 0, 0)  # the engine does not say more: the bill stands
            if record.outcome == "CUT_OFF":
                self._done[record.query_id] = None
            while len(self._done) > _MOST_WAITING:
                del self._done[next(iter(self._done))]

    async def _actuals(self, record: UsageRecord) -> Actuals | None:
        with suppress(Refusal):
            return await self._engines[record.engine or ""].actuals(record.query_id, record.engine_query_id)
        return None

    async def _correct(self, query_id: str, actuals: Actuals) -> bool:
        size = actuals.scanned_bytes
        if size is None:
            if self._ledger is not None:
                self._ledger.last_word(query_id, 0, 0)
            return True

        def correcting(record: UsageRecord, partner: bool, known: Known) -> Correction | None:
            engine = record.engine or ""
            region = record.bill.region if record.bill is not None else self._billing.region_of(engine)
            return correct(known, size, self._billing.rate(engine, region, record.received_at, partner=partner))

        return await self._write(query_id, correcting)

    async def _write(self, query_id: str, correcting: Callable[[UsageRecord, bool, Known], Correction | None]) -> bool:
        leases = self._ledger.leases_of(query_id) if self._ledger is not None else {}
        done = await self._store.adjust(query_id, correcting, leases)
        if isinstance(done, Adjusted):
            record, correction = done.record, done.correction
            self._publish(BillAdjusted(record, correction.nano, correction.bytes, correction.shares))
        if done and self._ledger is not None:
            self._ledger.last_word(query_id, *(done.total if isinstance(done, Adjusted) else (0, 0)))
        return bool(done)
