"""The store as comparisons use it: short transactions that nobody else waits for, within a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.database import connect_engine
from gateway.recording.schema import migrate

T = TypeVar("T")


class StoreAway(Exception):  # noqa: N818  (an answer to a caller, not a crash)
    """The store does not answer; the text names the kind of the error only."""


class Database:
    """Connects when first needed, and again after an outage; methods raise StoreAway."""

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        """Name the store. Raises ValueError for a bad address."""
        self.url = url
        self._engine = connect_engine(url)
        self._timeout = timeout
        self._prepared = False

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self._engine.dialect.name

    async def within(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do work in one transaction."""

        async def connected() -> T:
            if not self._prepared:
                await migrate(self.url)
                self._prepared = True
            async with self._engine.begin() as connection:
                return await work(connection)

        try:
            async with asyncio.timeout(self._timeout):
                # Cut off in the midst of its transaction, SQLite could stay locked: it may end by itself.
                return await asyncio.shield(asyncio.ensure_future(connected()))
        except Exception as error:  # noqa: BLE001  (drivers raise their own kinds)
            raise StoreAway(type(error).__name__) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
