"""Run statements whose pages the gateway makes itself, and hand the pages out by Trino's token rules.

An engine gives its work as an asynchronous iterator of `Part`s (`in_threads` makes one from a blocking generator).
Work begins with the first page asked for; at most two parts wait ahead of the client; the last page is kept for a
client that lost the reply; who is silent for too long is cancelled. Source: trino-protocol sections 4 and 11.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from catalog.errors import ErrorCode, Refusal
from engines.base import ResultPage
from engines.limits import TimeLimit
from engines.rows import Progress, stats_json
from engines.turns import Turns

PARTS_AHEAD = 2
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 10.0
"""How long a poll may wait for rows, in seconds: the longer, the more statements wait. Clients give up after 30."""
IDLE_POLLS = 100
"""How many polls a second may come back without rows, as long as the wait can be stretched."""


class PageGone(Exception):  # noqa: N818  (named for what it tells the client)
    """Say that the page asked for was followed by a later one and is no longer kept: HTTP 410."""


class PageUnknown(Exception):  # noqa: N818  (named for what became of it)
    """Say that there is no such query or no such page: HTTP 404."""


@dataclass(frozen=True, slots=True)
class Part:
    """Hold what one page of a result carries: rows as the raw `data` member, or the count of an update."""

    data: bytes | None = None
    rows: int = 0
    update_count: int | None = None
    columns: bytes | None = None
    """The raw `columns` member, where only running the statement could tell it."""
    scanned: int | None = None
    """Bytes read from storage for the statement so far, where the engine says."""
    last: bool = False
    """Nothing comes after it, so that its page ends the result."""


@dataclass(frozen=True, slots=True)
class Task:
    """Say how to execute one statement.

    `parts` starts the work and yields what it gives, raising Refusal where it fails. `interrupt` is called from the
    event loop, more than once perhaps, and must make a running step end soon without waiting for it.
    """

    parts: Callable[[], AsyncGenerator[Part, None]]
    interrupt: Callable[[], None]
    columns: bytes | None = None
    update_type: str | None = None
    longest: TimeLimit | None = None
    """After which the statement is ended, counted from its first page; None for no limit."""
    scanned: Callable[[], int | None] | None = None
    """Returns the bytes read from storage so far, where the work knows them without asking anybody."""
    scanned_soon: bool = False
    """The engine knows the bytes a moment after the end; see `ResultPage.scanned_soon`."""


async def in_threads(
    steps: Callable[[], Generator[Part, None, None]], pool: Executor, turns: Turns, user: str
) -> AsyncGenerator[Part, None]:
    """Run a user's blocking generator one step a turn in a pool, so that no thread is held between pages."""
    loop = asyncio.get_running_loop()
    iterator = steps()
    step: asyncio.Future[Part | None] | None = None
    try:
        while True:
            await (turns.begin(user) if step is None else turns.go_on())
            step = loop.run_in_executor(pool, next, iterator, None)
            step.add_done_callback(lambda _: turns.give_back())
            part = await asyncio.shield(step)
            if part is None:
                return
            yield part
    finally:
        if step is not None and not step.done():
            await asyncio.wait([step])
            step.exception()
        await loop.run_in_executor(pool, iterator.close)


@dataclass(slots=True)
class _Execution:
    """Hold what is known about one running statement."""

    query_id: str
    task: Task
    created: float
    last_contact: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    queue: asyncio.Queue[Part | None] = field(default_factory=asyncio.Queue)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARTS_AHEAD))
    pump: asyncio.Task[None] | None = None
    watch: asyncio.Task[None] | None = None
    started: float | None = None
    failure: Refusal | None = None
    columns: bytes | None = None
    update_count: int | None = None
    served: int = -1
    """Number of the last page handed out; -1 before the first."""
    page: ResultPage | None = None
    """The last page handed out; None if it was a failure."""
    stopped: bool = False
    """Cancelled or abandoned: what is queued is no longer handed out."""
    over: bool = False
    """The last page, or the failure, was handed out."""
    rows: int = 0
    bytes: int = 0
    scanned: int | None = None


class Executions:
    """Keep the statements an engine is running, bounded in number, and serve their pages.

    All methods belong to one event loop. `page` raises `PageGone`, `PageUnknown`, or the Refusal that ended the
    statement (again at every retry of the same cursor).
    """

    def __init__(self, *, limit: int = 10_000, idle_seconds: float = 300.0, linger_seconds: float = 60.0) -> None:
        """Admit `limit` statements at once; cancel those without contact for `idle_seconds`.

        What is over is kept for `linger_seconds`, so that a client that lost the last reply can ask again.
        """
        self._limit = limit
        self._idle = idle_seconds
        self._linger = linger_seconds
        self._active: dict[str, _Execution] = {}
        self._over: dict[str, _Execution] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def add(self, query_id: str, task: Task) -> str:
        """Register a statement without starting it; return the cursor of its first page.

        Raises Refusal QUERY_QUEUE_FULL when too many are active.
        """
        if len(self._active) >= self._limit:
            raise Refusal(ErrorCode.QUERY_QUEUE_FULL, "Too many queries are running; try again later")
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        now = time.monotonic()
        self._active[query_id] = _Execution(query_id, task, now, now, columns=task.columns)
        return f"{query_id}.0"

    async def page(self, cursor: str) -> ResultPage:
        """Return the page a cursor names, waiting a second for rows, or longer where many wait."""
        execution, number = self._find(cursor)
        execution.last_contact = time.monotonic()
        async with execution.lock:
            if number < execution.served:
                raise PageGone(cursor)
            if number > execution.served + 1 or (execution.over and number > execution.served):
                raise PageUnknown(cursor)
            if number > execution.served:
                await _advance(execution, self._patience())
                if execution.over:
                    self._retire(execution)
            if execution.page is None:
                raise execution.failure or PageUnknown(cursor)
            return execution.page

    def heartbeat(self, cursor: str) -> bool:
        """Keep a statement alive without moving it; False if it is unknown."""
        try:
            execution, _ = self._find(cursor)
        except PageUnknown:
            return False
        execution.last_contact = time.monotonic()
        return True

    async def cancel(self, cursor: str, code: ErrorCode = ErrorCode.USER_CANCELED) -> None:
        """End the statement a cursor belongs to; does nothing if it is unknown or over."""
        execution = self._active.get(cursor.rpartition(".")[0])
        if execution is not None:
            await _stop(execution, code)
            self._retire(execution)

    async def close(self) -> None:
        """Cancel everything and forget it."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None
        for execution in list(self._active.values()):
            await _stop(execution, ErrorCode.SERVER_SHUTTING_DOWN)
            self._retire(execution)
        self._active.clear()
        self._over.clear()

    def active(self, query_id: str) -> bool:
        """Tell whether a statement runs, or waits to."""
        return query_id in self._active

    def __len__(self) -> int:
        """Return how many statements are active."""
        return len(self._active)

    def _find(self, cursor: str) -> tuple[_Execution, int]:
        query_id, _, number = cursor.rpartition(".")
        execution = self._active.get(query_id) or self._over.get(query_id)
        if execution is None or not number.isdecimal():
            raise PageUnknown(cursor)
        return execution, int(number)

    def _patience(self) -> float:
        """Return how long a poll waits: a thousand who wait for their turn must not keep those busy who work."""
        return min(max(SHORTEST_WAIT, len(self._active) / IDLE_POLLS), LONGEST_WAIT)

    def _retire(self, execution: _Execution) -> None:
        if execution.watch is not None:
            execution.watch.cancel()
        self._active.pop(execution.query_id, None)
        self._over[execution.query_id] = execution
        while len(self._over) > _MOST_OVER:
            del self._over[next(iter(self._over))]

    async def _sweep(self) -> None:
        """Cancel abandoned statements; forget those that are over once nobody can be asking any more."""
        while True:
            await asyncio.sleep(min(5.0, self._idle / 4, self._linger / 4))
            now = time.monotonic()
            for execution in list(self._active.values()):
                if now - execution.last_contact >= self._idle:
                    await _stop(execution, ErrorCode.ABANDONED_QUERY)
                    self._retire(execution)
            for query_id, execution in list(self._over.items()):
                if now - execution.last_contact >= self._linger + (0 if execution.over else self._idle):
                    del self._over[query_id]


_MOST_OVER = 5000
"""How many ended statements are remembered; each holds only an empty page."""

_ENDINGS = {
    ErrorCode.ABANDONED_QUERY: "Query was abandoned: its client has not asked for results for too long",
    ErrorCode.SERVER_SHUTTING_DOWN: "Server is shutting down",
    ErrorCode.ADMINISTRATIVELY_KILLED: "Query was killed by an administrator",
    ErrorCode.EXCEEDED_TIME_LIMIT: "{0.task.longest.text}",
}


async def _advance(execution: _Execution, patience: float) -> None:
    """Make the next page: rows, an empty one when no rows came in time, the last one, or the failure."""
    if execution.pump is None and execution.failure is None:
        execution.pump = asyncio.get_running_loop().create_task(_pump(execution))
        if execution.task.longest is not None:
            execution.watch = asyncio.get_running_loop().create_task(_watch(execution, execution.task.longest.seconds))
    part: Part | None = Part()
    if execution.failure is None or not execution.queue.empty():
        with suppress(TimeoutError):
            part = await asyncio.wait_for(execution.queue.get(), patience)
            execution.room.release()
    if execution.failure is not None and (part is None or execution.stopped):
        part = None
    execution.served += 1
    execution.over = part is None or part.last
    failed = execution.over and execution.failure is not None
    execution.page = None if failed else _make_page(execution, part or Part())


async def _stop(execution: _Execution, code: ErrorCode) -> None:
    """End a statement that still runs, waiting until its work has ended."""
    if execution.over or execution.failure is not None:
        return
    execution.failure = Refusal(code, _ENDINGS.get(code, "Query was canceled").format(execution))
    execution.stopped = True
    execution.task.interrupt()
    if execution.pump is not None:
        execution.pump.cancel()
        while not execution.pump.done():
            await asyncio.wait([execution.pump], timeout=0.05)
            execution.task.interrupt()


async def _watch(execution: _Execution, longest: float) -> None:
    """End a statement that takes too long."""
    await asyncio.sleep(longest)
    await _stop(execution, ErrorCode.EXCEEDED_TIME_LIMIT)


async def _pump(execution: _Execution) -> None:
    """Move parts from the work to the queue, waiting while enough are ahead; None marks the end."""
    execution.started = time.monotonic()
    try:
        async with aclosing(execution.task.parts()) as parts:
            async for part in parts:
                await execution.room.acquire()
                execution.queue.put_nowait(part)
    except Refusal as refusal:
        execution.failure = execution.failure or refusal
    except asyncio.CancelledError:
        if not execution.stopped:
            raise
    except Exception as error:  # noqa: BLE001  (the edge: whatever a library raises must end the query)
        execution.failure = execution.failure or Refusal(
            ErrorCode.GENERIC_INTERNAL_ERROR, "The query failed inside the engine", detail=repr(error)
        )
    finally:
        execution.queue.put_nowait(None)


def _make_page(execution: _Execution, part: Part) -> ResultPage:
    execution.rows += part.rows
    execution.bytes += len(part.data or b"")
    execution.columns = part.columns or execution.columns
    if part.update_count is not None:
        execution.update_count = part.update_count
    scanned = part.scanned if execution.task.scanned is None else execution.task.scanned()
    if scanned is not None:
        execution.scanned = scanned
    state = "FINISHED" if execution.over else ("RUNNING" if execution.started else "QUEUED")
    return ResultPage(
        members=_members(execution, part, state),
        next=None if execution.over else f"{execution.query_id}.{execution.served + 1}",
        rows=part.rows,
        bytes=len(part.data or b""),
        state=state,
        scanned_bytes=execution.scanned,
        scanned_soon=execution.over and execution.task.scanned_soon,
    )


def _members(execution: _Execution, part: Part, state: str) -> Mapping[str, bytes]:
    now = time.monotonic()
    started = execution.started or now
    progress = Progress(
        state,
        queued_ms=int((started - execution.created) * 1000),
        elapsed_ms=int((now - execution.created) * 1000),
        rows=execution.rows,
        bytes=execution.bytes,
        scanned=execution.scanned or 0,
    )
    members = {"stats": stats_json(progress), "warnings": b"[]"}
    if execution.columns is not None:
        members["columns"] = execution.columns
    elif execution.over:
        members["columns"] = b"[]"  # as Trino ends what has no columns; JDBC takes their absence for a failure
    if part.data is not None:
        members["data"] = part.data
    if execution.task.update_type is not None:
        members["updateType"] = f'"{execution.task.update_type}"'.encode()
    if execution.update_count is not None:
        members["updateCount"] = str(execution.update_count).encode()
    return members
