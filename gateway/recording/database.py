"""Connections to the store: one place that knows both databases' drivers and settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_CONNECT_SECONDS = 5.0
_LAST_SECONDS = 5.0
_BUSY_MILLISECONDS = 10_000
_IDLE_MILLISECONDS = 120_000
"""A host that is gone in the midst of a transaction holds its rows no longer."""


def store_url(text: str) -> URL:
    """Parse the store's address. Raises ValueError, which does not repeat it: it may hold a password."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError("the store's address is not a URL such as sqlite:///usage.db") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ValueError(f"the store must be sqlite or postgresql, not {url.drivername}")
    if driver.startswith("sqlite") and url.database in (None, "", ":memory:"):
        raise ValueError("the store must be a file: usage rows kept in memory would not outlive the process")
    return url.set(drivername=driver)


def connect_engine(text: str, *, autocommit: bool = False, patient: bool = False) -> AsyncEngine:
    """Return an engine on the store, not yet connected. Raises ValueError for an address that cannot be one.

    `patient` is for reading at a client's pace: such a transaction may pause for as long as it likes.
    """
    url = store_url(text)
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, options)
    return _postgres(url, options, None if patient else _IDLE_MILLISECONDS)


class Transactions:
    """Transactions that go on though nobody waits for them: cut off in the midst, SQLite could stay locked."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Begin none yet."""
        self._engine = engine
        self._going: set[asyncio.Future[Any]] = set()

    def begin(self, work: Awaitable[T], seconds: float) -> asyncio.Future[T]:
        """Begin one. On Postgres it is cut off after so many seconds.

        Its connection may have fallen silent there, and nothing else would end it and give its place to a new one.
        """

        async def bounded() -> T:
            async with asyncio.timeout(None if self._engine.dialect.name == "sqlite" else seconds):
                return await work

        going = asyncio.ensure_future(bounded())
        going.add_done_callback(lambda done: done.cancelled() or done.exception())  # or the loop would report it
        self._going.add(going)
        going.add_done_callback(self._going.discard)
        return going

    async def close(self) -> None:
        """Close all connections, once transactions have ended that are under way; a moment is waited for them."""
        if self._going:
            await asyncio.wait(self._going, timeout=_LAST_SECONDS)
        await self._engine.dispose()


def _postgres(url: URL, options: dict[str, Any], idle: int | None) -> AsyncEngine:
    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = {idle}")
        cursor.close()
        connection.commit()

    try:
        engine = create_async_engine(
            url,
            pool_size=2,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
            connect_args={"timeout": _CONNECT_SECONDS},
            **options,
        )
    except ModuleNotFoundError:
        raise ValueError("a store in Postgres needs the extra `postgres`: install penstock[postgres]") from None
    if idle is not None:
        event.listen(engine.sync_engine, "connect", prepare)
    return engine


def _sqlite(url: URL, options: dict[str, Any]) -> AsyncEngine:
    """Return an engine on a file that only its owner may read: usage rows hold people's statements."""
    path = Path(url.database or "")

    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        cursor.execute("PRAGMA synchronous = NORMAL")
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:  # another process holds the file just now; the next connection will do it
            pass
        finally:
            cursor.close()

    def create(_dialect: object, _record: object, _arguments: object, _parameters: object) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only to make it: closing any descriptor of the file would let go of the locks that this process's other
        # connections hold, and a reader elsewhere would then take the log of writes for its own to delete.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    engine = create_async_engine(
        url, hide_parameters=True, json_serializer=_to_json, json_deserializer=orjson.loads, **options
    )
    event.listen(engine.sync_engine, "do_connect", create)
    event.listen(engine.sync_engine, "connect", prepare)
    return engine


def _to_json(value: object) -> str:
    """Write a document that Postgres accepts: it has no place for NUL, not even escaped."""
    text = orjson.dumps(value).decode()
    return text.replace("\\u0000", "\\ufffd") if "\\u0000" in text else text
