"""Run statements on DuckDB cursors in worker threads; what the lake and the metadata tables have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import duckdb

from catalog.errors import ErrorCode, Refusal
from engines.background import background_threads
from engines.base import EngineStatement, OutputColumn, ResultPage, Submission
from engines.executions import Executions, Part, Task, in_threads
from engines.lake.database import Limits, open_cursor, open_database
from engines.lake.errors import translated
from engines.limits import time_limit
from engines.rows import columns_json
from engines.turns import Turns

T = TypeVar("T")
Work = Callable[[duckdb.DuckDBPyConnection, EngineStatement], Generator[Part, None, None]]
"""Execute one statement on its own cursor."""


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

    def interrupt(self) -> None:
        """Make the running step end soon; safe at any time."""
        cursor = self.cursor
        if cursor is not None:
            cursor.interrupt()


class Runner:
    """Own one DuckDB, its worker threads and the statements running on it."""

    def __init__(self, name: str, settings: LakeSettings, directories: Sequence[str]) -> None:
        """Prepare; DuckDB may read below `directories` only."""
        self._settings = settings
        self._directories = directories
        self._database: duckdb.DuckDBPyConnection | None = None
        self._pool = background_threads(settings.workers, name)
        self._turns = Turns(settings.workers)
        self.executions = Executions(limit=settings.statements, idle_seconds=settings.idle_seconds)

    def open(self) -> None:
        """Open DuckDB."""
        if self._database is None:
            # In a thread of the pool: DuckDB's own threads are then as modest as the one that starts them.
            opening = self._pool.submit(open_database, self._settings.limits, self._directories)
            self._database = opening.result()

    async def close(self) -> None:
        """Cancel what runs, end the threads, close DuckDB."""
        await self.executions.close()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
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
        )
        return Submission(None, self.executions.add(query_id, task))

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
                yield from work(cursor, statement)
            finally:
                running.cursor = None
                cursor.close()
