"""Run statements on DuckDB cursors in worker threads; what the lake and the metadata tables have in common."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import duckdb

from catalog.errors import ErrorCode, Refusal
from engines.background import background_threads
from engines.base import EngineStatement, OutputColumn, ResultPage, Submission
from engines.estimates import Actuals
from engines.executions import Executions, Part, Task, in_threads
from engines.lake.database import Limits, open_cursor, open_database
from engines.lake.errors import translated
from engines.lake.metering import Meter, Reading
from engines.limits import time_limit
from engines.rows import columns_json
from engines.turns import Turns

T = TypeVar("T")
Work = Callable[[duckdb.DuckDBPyConnection, EngineStatement, Reading], Generator[Part, None, None]]
"""Execute one statement on its own cursor, telling what is read for it by others than DuckDB."""
_REMEMBERED = 10_000
"""Statements whose reading is known afterwards."""


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """Bound an embedded lake."""

    limits: Limits = field(default_factory=Limits)
    workers: int = 8
    """Threads that run statements; more statements wait their turn."""
    statements: int = 10_000
    """Statements under way or waiting; beyond them new ones are refused."""
    idle_seconds: float = 300.0


@dataclass(slots=True)
class _Running:
    """Hold the cursor of one statement so that it can be interrupted from another thread."""

    cursor: duckdb.DuckDBPyConnection | None = None
    reading: Reading = field(default_factory=Reading)

    def interrupt(self) -> None:
        """Make the running step end soon; safe at any time."""
        cursor = self.cursor
        if cursor is not None:
            cursor.interrupt()

    def scanned(self) -> int | None:
        """Return the bytes read from storage, as far as they are known."""
        return self.reading.bytes


class Runner:
    """Own one DuckDB, its worker threads and the statements running on it."""

    def __init__(self, name: str, settings: LakeSettings, directories: Sequence[str]) -> None:
        """Prepare; DuckDB may read below `directories` only."""
        self._settings = settings
        self._directories = directories
        self._database: duckdb.DuckDBPyConnection | None = None
        self._meter: Meter | None = None
        self._read: OrderedDict[str, _Running] = OrderedDict()
        self._pool = background_threads(settings.workers, name)
        self._turns = Turns(settings.workers)
        self.executions = Executions(limit=settings.statements, idle_seconds=settings.idle_seconds)

    def open(self) -> None:
        """Open DuckDB."""
        if self._database is None:
            # In a thread of the pool: DuckDB's own threads are then as modest as the one that starts them.
            opening = self._pool.submit(open_database, self._settings.limits, self._directories)
            self._database = opening.result()
            self._meter = Meter(self._database) if self._directories else None

    async def close(self) -> None:
        """Cancel what runs, end the threads, close DuckDB."""
        await self.executions.close()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        if self._meter is not None:
            await asyncio.to_thread(self._meter.close)
            self._meter = None
        if self._database is not None:
            self._database.close()
            self._database = None

    def submit(
        self,
        statement: EngineStatement,
        query_id: str,
        columns: Sequence[OutputColumn] | None,
        work: Work,
    ) -> Submission:
        """Register a statement; it starts when its first page is asked for."""
        running = _Running()
        task = Task(
            parts=lambda: in_threads(
                lambda: self._run(statement, work, running), self._pool, self._turns, statement.user
            ),
            interrupt=running.interrupt,
            columns=columns_json(columns, statement.capabilities) if columns else None,
            update_type=statement.update_type,
            longest=time_limit(statement.session_properties),
            scanned=running.scanned,
        )
        self._read[query_id] = running
        while len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
        return Submission(None, self.executions.add(query_id, task))

    def actuals(self, query_id: str) -> Actuals | None:
        """Say what a statement has read; None where it is not remembered, or nothing is counted."""
        running = self._read.get(query_id)
        if running is None or self._meter is None:
            return None
        reading = running.reading
        if not self.executions.active(query_id):
            return Actuals(reading.bytes or 0, reading.rows, reading.seconds)
        return Actuals(reading.bytes, reading.rows, final=reading.final)

    async def look(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Do something short on a cursor of its own, in a thread."""

        def run() -> T:
            if self._database is None:
                raise Refusal(ErrorCode.SERVER_STARTING_UP, "The embedded lake was not started")
            with translated(), self._database.cursor() as cursor:
                return work(cursor)

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    async def page(self, cursor: str) -> ResultPage:
        """Return the page a cursor names. Raises PageGone, PageUnknown, or the statement's Refusal."""
        return await self.executions.page(cursor)

    def _run(self, statement: EngineStatement, work: Work, running: _Running) -> Generator[Part, None, None]:
        """Execute a statement, one part a step, in whatever thread takes the step."""
        if self._database is None:
            raise Refusal(ErrorCode.SERVER_STARTING_UP, "The embedded lake was not started")
        with translated():
            cursor = running.cursor = open_cursor(self._database, statement.time_zone)
            try:
                if self._meter is None:
                    yield from work(cursor, statement, running.reading)
                else:
                    yield from self._metered(self._meter, cursor, statement, work, running)
            finally:
                running.cursor = None
                cursor.close()

    def _metered(
        self,
        meter: Meter,
        cursor: duckdb.DuckDBPyConnection,
        statement: EngineStatement,
        work: Work,
        running: _Running,
    ) -> Generator[Part, None, None]:
        """Count what a statement reads, whatever becomes of it; end it beyond what it may read."""
        reading = running.reading = meter.begin(cursor, statement.max_scan_bytes, running.interrupt)
        over = False
        try:
            for part in work(cursor, statement, reading):
                meter.look(reading)
                _check(reading)
                yield part
            over = True
            meter.ended(cursor, reading, profiled=statement.write is None)
            _check(reading)
        except Exception:
            if reading.exceeded:  # whatever an interruption looked like by now
                raise _exceeded(reading) from None
            raise
        finally:
            if not over:
                with suppress(duckdb.Error):
                    meter.ended(cursor, reading, profiled=False)
            meter.forget(reading)


def _check(reading: Reading) -> None:
    if reading.beyond:
        raise _exceeded(reading)


def _exceeded(reading: Reading) -> Refusal:
    return Refusal(ErrorCode.EXCEEDED_SCAN_LIMIT, f"Query exceeded the scan limit of {reading.limit} bytes")
