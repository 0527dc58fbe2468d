"""A way to the store for whoever is no recorder: each call within a time, with errors that hold no values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.database import Transactions, connect_engine
from gateway.recording.schema import migrate

T = TypeVar("T")


class StoreAway(Exception):  # noqa: N818  (an answer to a caller, not a crash)
    """The store does not answer and nothing was changed; the text names the kind of error, no address, no values."""


class BoundedStore:
    """Connects when first needed, and again after an outage; methods raise `away`."""

    away: ClassVar[type[StoreAway]] = StoreAway
    in_doubt: ClassVar[type[StoreAway]] = StoreAway
    """What a change raises of which nobody can tell whether it was made: it is whole, or not at all."""
    answers: ClassVar[tuple[type[Exception], ...]] = ()
    """What work raises to answer its caller: let through as it is."""

    def __init__(self, url: str, *, timeout: float = 5.0, autocommit: bool = False) -> None:
        """Name the store; `timeout` in seconds bounds each call. Raises ValueError for a bad address.

        With `autocommit` each statement that work executes by `read` is a transaction of its own.
        """
        self.url = url
        self._engine = connect_engine(url, autocommit=autocommit)
        self._transactions = Transactions(self._engine)
        self._timeout = timeout
        self._prepared = False

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self._engine.dialect.name

    async def read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Return what work reads of the store."""

        async def connected() -> T:
            await self._prepare()
            async with self._engine.connect() as connection:
                return await work(connection)

        return await self._bounded(connected())

    async def within(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do work in one transaction."""

        async def connected() -> T:
            await self._prepare()
            async with self._engine.begin() as connection:
                return await work(connection)

        return await self._bounded(asyncio.shield(self._by_itself(connected())))

    async def lasting(self, write: Awaitable[T], found: Callable[[], Awaitable[tuple[T] | None]]) -> T:
        """Await a change, in a transaction of its own; where only the answer was lost, say what is `found` of it.

        Raises `away` where nothing was written, and `in_doubt` where nobody can tell.
        """
        writing = self._by_itself(write)
        try:
            return await self._bounded(asyncio.shield(writing))
        except self.away as error:
            if not writing.done():
                raise self.in_doubt(str(error)) from None
            try:
                made = await self._bounded(found())
            except self.away:
                raise self.in_doubt(str(error)) from None
            if made is None:
                raise
            return made[0]

    async def close(self) -> None:
        """Close all connections, once changes have ended that are under way; a moment is waited for them."""
        await self._transactions.close()

    def _by_itself(self, work: Awaitable[T]) -> asyncio.Future[T]:
        """Begin a change that may take twice the time that anybody waits for it."""
        return self._transactions.begin(work, 2 * self._timeout)

    async def _prepare(self) -> None:
        if not self._prepared:
            await migrate(self.url)
            self._prepared = True

    async def _bounded(self, work: Awaitable[T]) -> T:
        """Await the database's work within the time allowed, and translate what it raises."""
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except (self.away, *self.answers):
            raise
        except Exception as error:  # noqa: BLE001  (drivers raise their own kinds)
            raise self.away(type(error).__name__) from None
