"""Reach the ClickHouse engine in this process: chdb behind clickhouse-connect's synchronous client, in threads.

A process can hold one chdb data folder. Within it any number of handles can be open, and each runs one query at a
time, so a few handles are kept and lent out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from engines.background import background_threads
from engines.clickhouse.connections import KILL_SQL, Block
from engines.clickhouse.decode import FORMATS, Column
from engines.clickhouse.errors import translate_error
from engines.clickhouse.settings import BLOCK_ROWS

_T = TypeVar("_T")


_CONFIG = Path(__file__).with_name("embedded.xml")
_UNLOGGED = {"log_queries": "0"}
"""What the gateway asks for itself is in no log: it has room for a few hundred queries, and is read again and again."""
_ENDS_ONLY = {"log_queries_min_type": "QUERY_FINISH"}


class EmbeddedConnection:
    """Lend handles of one chdb folder to queries; at most `handles` run at once, the others wait."""

    prompt = True

    def __init__(self, path: Path, *, handles: int = 4) -> None:
        """Remember the folder; nothing is opened yet."""
        self._path = path
        self._slots = asyncio.Semaphore(handles)
        self._idle: list[Client] = []
        self._pool = background_threads(handles, "chdb")
        self._control = background_threads(1, "chdb-control")
        self._catalog = background_threads(1, "chdb-catalog")
        """A lane of its own, so that long queries never keep the catalog or the health check waiting."""

    async def stream(self, sql: str, settings: Mapping[str, str], tag: str) -> AsyncGenerator[Block, None]:
        """Run a query and yield its blocks; the query ends when the generator is closed."""
        async with self._slots:
            reader = _Reader(self._borrow, sql, {**settings, **_ENDS_ONLY})
            try:
                while not reader.done:
                    for block in await self._step(reader.read, tag):
                        yield block
            except Exception as error:
                raise translate_error(error) from error
            finally:
                if not reader.done:
                    await self._step(reader.close, tag)
                self._give_back(reader.client)

    async def rows(self, sql: str, parameters: Mapping[str, str]) -> Sequence[Sequence[str]]:
        """Run a catalog query."""

        def read() -> Sequence[Sequence[str]]:
            client = self._borrow()
            try:
                return cast(Sequence[Sequence[str]], client.query(sql, parameters=dict(parameters)).result_rows)
            finally:
                self._give_back(client)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._catalog, read)
        except Exception as error:
            raise translate_error(error) from error

    async def run(self, sql: str, settings: Mapping[str, str]) -> None:
        """Run a statement that answers nothing; once begun it is seen through."""

        def write() -> None:
            client = self._borrow()
            try:
                client.command(sql, settings=dict(settings))
            finally:
                self._give_back(client)

        try:
            async with self._slots:
                await _seen_through(asyncio.get_running_loop().run_in_executor(self._pool, write))
        except Exception as error:
            raise translate_error(error) from error

    async def flush_log(self) -> None:
        """Have the engine write down what has ended: into memory, at the cost of a few milliseconds."""

        def flush() -> None:
            client = self._borrow()
            try:
                client.command("SYSTEM FLUSH LOGS query_log")
            finally:
                self._give_back(client)

        try:
            await asyncio.get_running_loop().run_in_executor(self._catalog, flush)
        except Exception as error:
            raise translate_error(error) from error

    async def kill(self, tag: str) -> None:
        """End the query that carries a tag, by a handle of its own."""

        def end() -> None:
            client = _open(self._path)
            try:
                client.query(KILL_SQL, parameters={"tag": tag})
            finally:
                client.close()

        try:
            await asyncio.get_running_loop().run_in_executor(self._control, end)
        except Exception:  # noqa: BLE001  (a query that cannot be killed ends by itself; there is no one to tell)
            return

    async def close(self) -> None:
        """Close the idle handles; queries under way must have been cancelled before."""
        loop = asyncio.get_running_loop()
        idle, self._idle = self._idle, []
        for client in idle:
            await loop.run_in_executor(self._pool, client.close)
        await loop.run_in_executor(None, self._pool.shutdown)
        await loop.run_in_executor(None, self._control.shutdown)
        await loop.run_in_executor(None, self._catalog.shutdown)

    def _borrow(self) -> Client:
        return self._idle.pop() if self._idle else _open(self._path)

    def _give_back(self, client: Client | None) -> None:
        if client is not None:
            self._idle.append(client)

    async def _step(self, work: Callable[[], _T], tag: str) -> _T:
        """Run one blocking step; when cancelled, end the query and wait until the thread is free again."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                await self.kill(tag)
                await asyncio.wait([future], timeout=0.2)
            future.exception()  # looked at, so that asyncio does not report it: the cancellation is what counts
            raise


async def _seen_through(work: asyncio.Future[None]) -> None:
    """Wait for a thread to end, also when the wait is cancelled: its handle can do nothing else before."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        work.exception()  # looked at, so that asyncio does not report it: the cancellation is what counts
        raise


def _open(path: Path) -> Client:
    """Open a handle. The first one of a process also decides how its engine is set up."""
    return clickhouse_connect.get_client(
        interface="chdb", path=str(path), settings=dict(_UNLOGGED), chdb_options={"config-file": str(_CONFIG)}
    )


class _Reader:
    """Read one result in a thread, some blocks a step: for each step two threads have to be woken."""

    def __init__(self, borrow: Callable[[], Client], sql: str, settings: Mapping[str, str]) -> None:
        self._borrow = borrow
        self._sql = sql
        self._settings = settings
        self.client: Client | None = None
        self.done = False
        """All was read, and what reading took is given back."""
        self._context: Any = None
        self._blocks: Iterator[Sequence[Column]] | None = None
        self._types: tuple[str, ...] = ()

    def read(self) -> list[Block]:
        """Return the next blocks: about as many rows as the engine may put into one."""
        blocks, rows = [], 0
        source = self._blocks or self._opened()
        while rows < BLOCK_ROWS:
            columns = next(source, None)
            if columns is None:
                self.close()
                break
            blocks.append(Block(self._types, columns))
            rows += len(columns[0]) if columns else 0
        return blocks

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            context.__exit__(None, None, None)
        self.done = True

    def _opened(self) -> Iterator[Sequence[Column]]:
        self.client = self._borrow()
        self._context = self.client.query_column_block_stream(
            self._sql, settings=dict(self._settings), query_formats=dict(FORMATS)
        )
        self._types = tuple(type_.name for type_ in self._context.source.column_types)
        self._blocks = iter(self._context.__enter__())
        return self._blocks
