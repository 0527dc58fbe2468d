"""Sealed values in SQLite or Postgres, found by the hash of which a token shows a part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.recording.database import connect_engine
from gateway.recording.schema import migrate
from gateway.recording.tables import vault

T = TypeVar("T")


class VaultError(Exception):
    """The store does not answer; the text names the kind of error only, no address and no values."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One value of the vault."""

    space: str
    digest: str
    sealed: bytes


class VaultStore:
    """Keep sealed values. Connects when first needed and again after an outage; methods raise VaultError."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        """Name the store; `timeout` in seconds bounds each call. Raises ValueError for a bad address."""
        self._url = url
        self._engine = connect_engine(url)
        self._timeout = timeout
        self._prepared = False
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        self._insert = dialect.insert(vault).on_conflict_do_nothing()

    async def unknown(self, space: str, digests: Sequence[str]) -> frozenset[str]:
        """Return those of the hashes that are not kept yet."""
        query = select(vault.c.digest).where(vault.c.space == space, vault.c.digest.in_(digests))
        known = await self._bounded(self._read(query))
        return frozenset(digests) - {row.digest for row in known}

    async def add(self, values: Sequence[Sealed]) -> None:
        """Keep values; what is kept already stays as it is."""
        rows: list[dict[str, object]] = [
            {"space": each.space, "digest": each.digest, "sealed": each.sealed} for each in values
        ]
        if rows:
            await self._bounded(self._write(rows))

    async def find(self, space: str, beginning: str) -> tuple[Sealed, ...]:
        """Return the values whose hash begins so, at most two: a token that fits two values is good for neither."""
        ends = (vault.c.digest >= beginning, vault.c.digest < beginning + "g")
        query = select(vault).where(vault.c.space == space, *ends).limit(2)
        return tuple(Sealed(row.space, row.digest, bytes(row.sealed)) for row in await self._bounded(self._read(query)))

    async def count(self, space: str) -> int:
        """Return how many values are kept."""
        query = select(func.count()).select_from(vault).where(vault.c.space == space)
        return int((await self._bounded(self._read(query)))[0][0])

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def _read(self, query: Any) -> Sequence[Any]:
        await self._prepare()
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def _write(self, rows: list[dict[str, object]]) -> None:
        await self._prepare()
        async with self._engine.begin() as connection:
            await connection.execute(self._insert, rows)

    async def _prepare(self) -> None:
        if not self._prepared:
            await migrate(self._url)
            self._prepared = True

    async def _bounded(self, work: Awaitable[T]) -> T:
        """Await the database's work within the time allowed, and translate what it raises."""
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except Exception as error:  # noqa: BLE001  (drivers raise their own kinds)
            raise VaultError(type(error).__name__) from None
