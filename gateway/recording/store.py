"""Usage rows in SQLite or Postgres: written in batches, written again without harm, read by people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Insert, Select, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit.chain import Chain
from gateway.audit.derive import access_of, entries_of
from gateway.budgets.settling import move_charges
from gateway.budgets.store import release_worker
from gateway.recording.database import Transactions, connect_engine
from gateway.recording.partner_tables import partners
from gateway.recording.schema import migrate
from gateway.recording.tables import from_row, to_row, usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.audit.chain import Appended
    from gateway.audit.derive import Reads
    from gateway.audit.entries import Entry
    from gateway.usage_record import UsageRecord

T = TypeVar("T")

_MAX_ROWS = 10_000


class StoreError(Exception):
    """The store does not answer or refuses; the text names the kind of error only, no address and no values."""


class UsageStore:
    """Keep usage rows. Connects when first needed and again after an outage; every method raises StoreError."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        run_migrations: bool = True,
        chain: Chain | None = None,
        reads: Reads = "sensitive",
    ) -> None:
        """Name the store; `timeout` in seconds bounds each call. Raises ValueError for a bad address.

        `chain` takes the entries that rows make for the audit; `reads` says which.
        """
        self.chain = chain or Chain()
        """The audit's chain as this process knows it."""
        self._reads: Reads = reads
        self._url = url
        self._engine = connect_engine(url)
        self._timeout = timeout
        self._prepared = not run_migrations
        self._insert = _upsert(self._engine.dialect.name)
        self._transactions = Transactions(self._engine)
        """Changes that nobody may wait for any more."""

    async def insert(self, records: Sequence[UsageRecord], notes: Sequence[Entry] = ()) -> Appended | None:
        """Write rows, each once however often it is sent; a real outcome replaces CUT_OFF, nothing else changes.

        In the same transaction accounts are charged what rows say of budgets, and the audit's chain takes what the
        rows make for it, and `notes`; return what it took. The caller tells it on by `tell_appended`.
        """
        entries = [each for record in records for each in entries_of(record, self._reads)]
        return await self._changed(self._write(records, [*entries, *notes]))

    async def emptied(self, journal: str) -> None:
        """Note that all rows of a worker's journal are here: what it held of budgets is free again."""
        await self._changed(self._release(journal))

    async def recent(self, limit: int, user: str | None = None) -> list[UsageRecord]:
        """Return the newest rows first, of one user if named; at most 10,000."""
        query = select(usage).order_by(usage.c.received_at.desc(), usage.c.query_id.desc())
        if user is not None:
            query = query.where(usage.c.user_name == user)
        return await self._bounded(self._read(query.limit(max(0, min(limit, _MAX_ROWS)))))

    async def by_id(self, query_id: str) -> UsageRecord | None:
        """Return a statement's row; None if there is none (yet)."""
        found = await self._bounded(self._read(select(usage).where(usage.c.query_id == query_id)))
        return found[0] if found else None

    async def ping(self) -> None:
        """Make sure that the store answers and has its table."""
        await self._bounded(self._read(select(usage).limit(0)))

    async def close(self) -> None:
        """Close all connections, once changes have ended that are under way; a moment is waited for them."""
        await self._transactions.close()

    async def _write(self, records: Sequence[UsageRecord], entries: list[Entry]) -> Appended | None:
        await self._prepare()
        if not records and not entries:
            return None
        appended = None
        async with self._engine.begin() as connection:
            if records:
                known = await _partners_among(connection, {record.user for record in records})
                rows = [{**to_row(each), "partner": each.user if each.user in known else None} for each in records]
                await connection.execute(self._insert, rows)
                await move_charges(connection, records)
                entries = [*entries, *(access_of(record) for record in records if record.user in known)]
            if entries:  # last, since others who append wait from here to the end
                appended = await self.chain.append(connection, entries)
        return appended

    async def _release(self, worker: str) -> None:
        await self._prepare()
        async with self._engine.begin() as connection:
            await release_worker(connection, worker)

    async def _read(self, query: Select[Any]) -> list[UsageRecord]:
        await self._prepare()
        async with self._engine.connect() as connection:
            return [from_row(row) for row in (await connection.execute(query)).mappings()]

    async def _prepare(self) -> None:
        if not self._prepared:
            await migrate(self._url)
            self._prepared = True

    async def _changed(self, work: Awaitable[T]) -> T:
        """Await a change: who is told that the store does not answer sends it again, be it made or not."""
        return await self._bounded(asyncio.shield(self._transactions.begin(work, self._timeout)))

    async def _bounded(self, work: Awaitable[T]) -> T:
        """Await the database's work within the time allowed, and translate what it raises."""
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except Exception as error:  # noqa: BLE001  (drivers raise their own kinds; a row must survive any of them)
            raise StoreError(_kind(error)) from None


async def _partners_among(connection: AsyncConnection, users: set[str]) -> frozenset[str]:
    """Return which of the users are partners, suspended ones among them: their rows and the audit tell of it alike."""
    plain = [user for user in users if "\x00" not in user]  # which no text in Postgres can hold
    found = await connection.execute(select(partners.c.partner_id).where(partners.c.partner_id.in_(plain)))
    return frozenset(found.scalars())


def _upsert(dialect: str) -> Insert:
    """Return INSERT .. ON CONFLICT that lets a real outcome replace CUT_OFF and does nothing otherwise."""
    statement = postgresql.insert(usage) if dialect == "postgresql" else sqlite.insert(usage)
    better: ColumnElement[bool] = and_(usage.c.outcome == "CUT_OFF", statement.excluded.outcome != "CUT_OFF")
    return statement.on_conflict_do_update(
        index_elements=[usage.c.query_id],
        set_={column.name: statement.excluded[column.name] for column in usage.c if not column.primary_key},
        where=better,
    )


def _kind(error: BaseException) -> str:
    """Name an error by its type and the driver's type below it: their texts may hold values."""
    below = getattr(error, "orig", None)
    below = getattr(below, "__cause__", None) or below
    name = type(error).__name__
    return f"{name} ({type(below).__name__})" if below is not None else name
