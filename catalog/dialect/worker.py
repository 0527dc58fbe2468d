"""Parsing of large texts in supervised processes: a deadline, a memory limit, and a replacement for what dies.

Compiled code that runs out of stack or memory ends its process, which nothing inside it can prevent. So texts above the
size at which the event loop would feel them are parsed elsewhere; a worker that dies or is late is killed and replaced,
and its statement is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import resource
import signal
from typing import TYPE_CHECKING, Self

from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_statement
from catalog.dialect.scan import scan_text
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from catalog.dialect.statements import Statement

_START_SECONDS = 30.0
_SPAWN = multiprocessing.get_context("spawn")


class ParseWorkers:
    """Run `parse_statement` in a few spawned processes; each serves one text at a time."""

    def __init__(
        self,
        count: int = 1,
        *,
        deadline: float = 2.0,
        memory_bytes: int = 1_073_741_824,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
    ) -> None:
        """Set the number of processes, the wall-clock seconds for one text and the address space of a process."""
        self._deadline = deadline
        self._memory = memory_bytes
        self._limits = limits
        self._idle: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        self._all: set[_Worker] = set()
        self._closed = False
        for _ in range(count):
            self._idle.put_nowait(None)  # a place whose worker starts with its first text

    async def __aenter__(self) -> Self:
        """Return itself; workers start when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop all workers."""
        await self.close()

    async def start(self) -> None:
        """Start all workers ahead of the first text, so that none waits for an import."""
        places = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        for worker in places:
            self._idle.put_nowait(worker or await asyncio.to_thread(self._spawn))

    async def parse(self, sql: str) -> Statement:
        """Parse one statement in a worker.

        Raises Refusal as `parse_statement` does, EXCEEDED_TIME_LIMIT past the deadline, GENERIC_USER_ERROR when the
        text ended the worker, SERVER_SHUTTING_DOWN after `close`.
        """
        scan_text(sql, self._limits)
        worker = await self._idle.get()
        replacement: _Worker | None = None
        try:
            if self._closed:
                raise Refusal(ErrorCode.SERVER_SHUTTING_DOWN, "Server is shutting down")
            if worker is None or not worker.process.is_alive():
                if worker is not None:
                    self._kill(worker)
                worker = None
                worker = await asyncio.to_thread(self._spawn)
            answer = await self._answer(worker, sql)
            replacement = worker
        finally:
            # A cancelled caller leaves a worker that still works on its text: it cannot be used again.
            if replacement is None and worker is not None:
                self._kill(worker)
            self._idle.put_nowait(replacement)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def close(self) -> None:
        """End all workers. Texts under way are refused."""
        self._closed = True
        places = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        for place in places:
            if place is not None:
                self._kill(place)
            self._idle.put_nowait(None)
        for worker in self._all:
            worker.process.kill()  # whoever waits for its answer collects it

    async def _answer(self, worker: _Worker, sql: str) -> Statement | Refusal:
        try:
            async with asyncio.timeout(self._deadline):
                return await worker.ask(sql)
        except TimeoutError:
            raise Refusal(
                ErrorCode.EXCEEDED_TIME_LIMIT,
                f"Query could not be parsed within {self._deadline:g} seconds",
                hint="Simplify the query.",
            ) from None
        except (EOFError, OSError) as error:
            raise Refusal(
                ErrorCode.GENERIC_USER_ERROR,
                "Query is too complex to be parsed",
                hint="Simplify the query.",
                detail=f"worker ended: {error!r}",
            ) from error

    def _spawn(self) -> _Worker:
        worker = _Worker(self._memory, self._limits)
        self._all.add(worker)
        return worker

    def _kill(self, worker: _Worker) -> None:
        self._all.discard(worker)
        worker.kill()


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, memory: int, limits: Limits) -> None:
        """Start the process; blocks until it has imported what it needs. Raises EOFError, OSError when it cannot."""
        self.pipe, theirs = _SPAWN.Pipe()
        self.process: SpawnProcess = _SPAWN.Process(
            target=_serve, args=(theirs, memory, limits), daemon=True, name="penstock-parse"
        )
        self.process.start()
        theirs.close()
        if not self.pipe.poll(_START_SECONDS):
            self.kill()
            raise OSError("a parse worker did not start")
        self.pipe.recv_bytes()

    async def ask(self, sql: str) -> Statement | Refusal:
        """Send a text and wait for its answer without blocking the loop. Raises EOFError, OSError when it died."""
        await asyncio.to_thread(self.pipe.send_bytes, sql.encode())
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        descriptor = self.pipe.fileno()
        loop.add_reader(descriptor, arrived.set)
        try:
            await arrived.wait()
        finally:
            loop.remove_reader(descriptor)
            # libuv made the pipe non-blocking; what is longer than its buffer needs to be waited for.
            os.set_blocking(descriptor, True)
        return await asyncio.to_thread(self._receive)

    def _receive(self) -> Statement | Refusal:
        answer: Statement | Refusal = pickle.loads(self.pipe.recv_bytes())  # noqa: S301  (our own process)
        return answer

    def kill(self) -> None:
        """End the process and collect it."""
        with contextlib.suppress(OSError):
            self.pipe.close()
        self.process.kill()
        self.process.join()
        self.process.close()


def _serve(pipe: Connection, memory: int, limits: Limits) -> None:
    """Answer texts until the pipe closes: the body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send_bytes(b"ready")
    while True:
        try:
            sql = pipe.recv_bytes().decode()
        except (EOFError, OSError):
            return
        pipe.send_bytes(_answered(sql, limits))


def _answered(sql: str, limits: Limits) -> bytes:
    try:
        return pickle.dumps(parse_statement(sql, limits))
    except Refusal as refusal:
        return pickle.dumps(refusal)
    except (RecursionError, MemoryError) as error:
        return pickle.dumps(
            Refusal(
                ErrorCode.GENERIC_USER_ERROR,
                "Query is too complex to be parsed",
                hint="Simplify the query.",
                detail=repr(error),
            )
        )
