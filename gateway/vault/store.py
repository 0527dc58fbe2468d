"""Sealed values in SQLite or Postgres, found by the hash of which a token shows a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.recording.tables import vault


class VaultError(StoreAway):
    """The store does not answer the vault."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One value of the vault."""

    space: str
    digest: str
    sealed: bytes


class VaultStore(BoundedStore):
    """Keep sealed values. Methods raise VaultError."""

    away = VaultError

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        """Name the store, as BoundedStore does."""
        super().__init__(url, timeout=timeout)
        dialect = postgresql if self.dialect == "postgresql" else sqlite
        self._insert = dialect.insert(vault).on_conflict_do_nothing()

    async def unknown(self, space: str, digests: Sequence[str]) -> frozenset[str]:
        """Return those of the hashes that are not kept yet."""
        query = select(vault.c.digest).where(vault.c.space == space, vault.c.digest.in_(digests))
        known = await self._rows(query)
        return frozenset(digests) - {row.digest for row in known}

    async def add(self, values: Sequence[Sealed]) -> None:
        """Keep values; what is kept already stays as it is."""
        rows: list[dict[str, object]] = [
            {"space": each.space, "digest": each.digest, "sealed": each.sealed} for each in values
        ]
        if rows:
            await self.within(lambda connection: connection.execute(self._insert, rows))

    async def find(self, space: str, beginning: str) -> tuple[Sealed, ...]:
        """Return the values whose hash begins so, at most two: a token that fits two values is good for neither."""
        ends = (vault.c.digest >= beginning, vault.c.digest < beginning + "g")
        query = select(vault).where(vault.c.space == space, *ends).limit(2)
        return tuple(Sealed(row.space, row.digest, bytes(row.sealed)) for row in await self._rows(query))

    async def count(self, space: str) -> int:
        """Return how many values are kept."""
        query = select(func.count()).select_from(vault).where(vault.c.space == space)
        return int((await self._rows(query))[0][0])

    async def _rows(self, query: Any) -> Sequence[Any]:
        async def work(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(query)).all()

        return await self.read(work)
