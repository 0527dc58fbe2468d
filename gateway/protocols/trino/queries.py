"""The queries of this worker: found by the id the client knows, ended exactly once, forgotten in the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import msgspec

from catalog.errors import ErrorCode, Refusal
from gateway.events import StatementFinished, StatementReceived
from gateway.protocols.trino.ports import DoorSettings, Ended, Ports
from gateway.protocols.trino.running import RunningQuery
from gateway.protocols.trino.settling import Settling
from gateway.protocols.trino.usage import usage_record
from gateway.received import Received
from gateway.usage_record import Outcome

_log = logging.getLogger("penstock.door")
_ERROR_PAGE_SECONDS = 3.0
"""How long a worker that leaves waits for the clients of failed queries to fetch their error page."""
_ABANDONED = (
    "Query was abandoned by the client, as it may have exited or stopped checking for query results. "
    "It has not been accessed for more than {seconds:g} s"
)


class Queries:
    """Keep what runs and, bounded, what ran. All methods belong to one event loop."""

    def __init__(self, ports: Ports, settings: DoorSettings) -> None:
        """Start with none."""
        self._ports = ports
        self._settings = settings
        self._running: dict[str, RunningQuery] = {}
        self._ended: dict[str, RunningQuery] = {}
        self._ended_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self.settling = Settling(ports.engines)
        """Ended queries whose books are open still."""
        self.stopped: Callable[[RunningQuery], Coroutine[Any, Any, None]] | None = None
        """What else is done in the background for a query that was ended from outside after it had begun."""

    # --- finding ---------------------------------------------------------------------------------------------

    def get(self, query_id: str) -> RunningQuery | None:
        """Return a query that runs, or ran not long ago."""
        return self._running.get(query_id) or self._ended.get(query_id)

    def __iter__(self) -> Iterator[RunningQuery]:
        """Yield the queries known, the newest first."""
        yield from reversed(self._running.values())
        yield from reversed(self._ended.values())

    @property
    def running(self) -> int:
        """Return how many queries have not ended."""
        return len(self._running)

    # --- living ----------------------------------------------------------------------------------------------

    def open(self, received: Received) -> RunningQuery:
        """Register a statement and say that it came. Raises nothing: what cannot be recorded ends refused."""
        query = RunningQuery(received, self._ports.monotonic())
        self._running[query.id] = query
        try:
            self._ports.admit(received)
        except Refusal as refusal:
            self.fail(query, refusal, "REFUSED")
            return query
        query.recorded = True
        self._ports.publish(StatementReceived(received))
        return query

    def rename(self, query: RunningQuery, query_id: str) -> None:
        """Let the client know a query by the engine's own id, unless that id is taken."""
        if query_id not in self._running and query_id not in self._ended and query.id in self._running:
            del self._running[query.id]
            query.id = query_id
            self._running[query_id] = query

    def touch(self, query: RunningQuery) -> None:
        """Note that the client is there."""
        query.last_contact = self._ports.monotonic()

    # --- ending ----------------------------------------------------------------------------------------------

    def fail(self, query: RunningQuery, refusal: Refusal, outcome: Outcome = "FAILED") -> None:
        """Settle a query with an error that its next page will tell; does nothing once it is settled."""
        if query.ended:
            return
        query.failure = refusal
        query.error_code, query.error_message = refusal.code.name, refusal.text
        self.end(query, outcome)

    def end(self, query: RunningQuery, outcome: Outcome) -> None:
        """Settle a query and publish its one finished event; does nothing the second time."""
        if query.ended:
            return
        query.outcome = outcome
        if query.attesting is not None:
            query.attesting.close()
        query.state = "FINISHED" if outcome == "FINISHED" else "FAILED"
        now = self._ports.monotonic()
        query.ended_at = self._ports.clock()
        if query.recorded:
            self._settle(query, outcome, (now - query.started) * 1000)
        self._running.pop(query.id, None)
        self._ended[query.id] = query
        self.weigh(query)

    def _settle(self, query: RunningQuery, outcome: Outcome, elapsed_ms: float) -> None:
        """Close a query's books, once its engines have said what it read: some do a moment after its end."""

        ended = _ended(query, outcome, elapsed_ms)

        def close(told: int | None) -> None:
            query.told(told)
            query.bill = self._ports.settle(msgspec.structs.replace(ended, scanned_bytes=query.scanned))
            ended_at = query.ended_at or self._ports.clock()
            self._ports.publish(StatementFinished(usage_record(query, outcome, ended_at, elapsed_ms)))

        owed = query.all_owed
        if owed:
            self.settling.add(owed, close)
        else:
            close(0)

    def stop(self, query: RunningQuery, refusal: Refusal, outcome: Outcome = "CANCELED") -> bool:
        """End a running query from outside: settle it now, cancel it on its engine in the background."""
        if query.ended:
            return False
        cursor, begun = query.cursor, query.kept is not None or query.lock.locked()
        self.fail(query, refusal, outcome)
        query.interrupt()
        if query.engine is not None and cursor is not None:
            self.background(self._cancel(query, cursor))
        if self.stopped is not None and begun and query.received.transaction is not None:
            self.background(self.stopped(query))
        return True

    def review(self, query: RunningQuery) -> None:
        """End a running query whose caller may not see what it reads any more."""
        refusal = None if query.ended else self._ports.review(query.received, query.plan)
        if refusal is not None:
            self.stop(query, refusal)

    def review_all(self) -> None:
        """Review all that run, whether or not their clients ask for pages."""
        for query in tuple(self._running.values()):
            self.review(query)

    def cancel_on_engine(self, query: RunningQuery) -> None:
        """Cancel in the background what an engine may still be doing for a query that failed here."""
        if query.engine is not None and query.cursor is not None:
            self.background(self._cancel(query, query.cursor))

    async def _cancel(self, query: RunningQuery, cursor: str) -> None:
        if query.engine is None:
            return
        for pause in (0.0, 0.5, 2.0, 8.0):
            await asyncio.sleep(pause)
            try:
                await query.engine.cancel(cursor)
            except Refusal as refusal:
                _log.warning("query %s: the engine did not confirm its end: %s", query.id, refusal.code.name)
            except Exception:  # noqa: BLE001  (tried again, then left to the engine's own clock)
                _log.exception("query %s: cancelling failed", query.id)
            else:
                return

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that nobody waits for, and keep it until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- time ------------------------------------------------------------------------------------------------

    def weigh(self, query: RunningQuery) -> None:
        """Count what an ended query holds, and forget the oldest ones beyond the bounds."""
        if query.id not in self._ended:
            return
        size = 512 + len(query.received.sql) + (len(query.kept.rendered) if query.kept is not None else 0)
        self._ended_bytes += size - query.weight
        query.weight = size
        while len(self._ended) > self._settings.kept_queries or self._ended_bytes > self._settings.kept_bytes:
            self._ended_bytes -= self._ended.pop(next(iter(self._ended))).weight

    def watch_all(self) -> None:
        """End what has run for longer than it may, whether or not its client asks for pages."""
        for query in tuple(self._running.values()):
            refusal = self._ports.watch(query.received.query_id, query.scanned or 0) if query.cursor else None
            if refusal is not None:
                self.stop(query, refusal, "FAILED")

    def sweep(self) -> int:
        """End the queries whose clients have gone; return how many."""
        oldest = self._ports.monotonic() - self._settings.abandon_seconds
        gone = [query for query in self._running.values() if query.last_contact < oldest]
        text = _ABANDONED.format(seconds=self._settings.abandon_seconds)
        return sum(self.stop(query, Refusal(ErrorCode.ABANDONED_QUERY, text), "ABANDONED") for query in gone)

    def start(self) -> None:
        """Begin to look for abandoned queries."""
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().create_task(self._keep_sweeping())

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(min(5.0, self._settings.abandon_seconds / 10))
            self.watch_all()
            self.sweep()

    async def drained(self, seconds: float) -> int:
        """Wait until no query runs, all are settled, and who still polls has its last page; return how many run.

        At most so long.
        """
        deadline = self._ports.monotonic() + seconds
        while (self._running or self.settling or self._awaited()) and self._ports.monotonic() < deadline:  # noqa: ASYNC110  (nothing says so by itself)
            await asyncio.sleep(0.05)
        return len(self._running)

    def _awaited(self) -> bool:
        """Tell whether a query that failed a moment ago has an error page that its client was not given yet."""
        recent = self._ports.monotonic() - _ERROR_PAGE_SECONDS
        return any(each.next_page is not None and each.last_contact > recent for each in self._ended.values())

    async def close(self) -> None:
        """Settle what still runs. A relayed query goes on: another replica can serve it from its token."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None
        refusal = Refusal(ErrorCode.SERVER_SHUTTING_DOWN, "Server is shutting down")
        for query in tuple(self._running.values()):
            if query.relayed:
                self.fail(query, refusal, "CUT_OFF")
            else:
                self.stop(query, refusal, "CANCELED")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)
        for task in self._tasks:
            task.cancel()
        await self.settling.close()


def _ended(query: RunningQuery, outcome: Outcome, elapsed_ms: float) -> Ended:
    begun = query.engine is not None and query.cursor is not None
    return Ended(
        query.received,
        query.planned,
        outcome,
        begun,
        query.rows,
        query.size,
        query.scanned,
        elapsed_ms / 1000,
        query.engine_query_id,
        query.engine.name if query.engine is not None else None,
    )
