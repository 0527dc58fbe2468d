"""Token buckets in the store: one row each, from which workers and replicas take a few tokens at a time.

The store's own clock fills them, so that replicas whose clocks differ fill them no faster; where it steps back, a
bucket is not filled for that one time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, case, cast, extract, func, insert, literal, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Double

from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.recording.partner_tables import partner_rates


class BucketsAway(StoreAway):
    """The store does not answer: buckets are not shared for now."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What was taken out of a bucket, and if nothing, for how long there will be nothing."""

    tokens: int
    wait: float = 0.0


class Buckets(BoundedStore):
    """Take tokens; methods raise BucketsAway."""

    away = in_doubt = BucketsAway

    def __init__(self, url: str, *, timeout: float = 1.0) -> None:
        """Name the store; `timeout` in seconds bounds each call."""
        super().__init__(url, timeout=timeout, autocommit=True)
        self._now = _clock(self.dialect)

    async def take(self, bucket: str, per_minute: float, wanted: int) -> Lease:
        """Take so many tokens, or one if there are less; a bucket holds what one minute fills."""

        async def taking(connection: AsyncConnection) -> Row[Any] | None:
            found = await self._update(connection, bucket, per_minute, wanted)
            if found is None:
                await self._make(connection, bucket, per_minute)
                found = await self._update(connection, bucket, per_minute, wanted)
            return found

        found = await self.read(taking)
        if found is None:
            raise BucketsAway("a bucket was not kept")
        if found.taken >= 1:
            return Lease(int(found.taken))
        return Lease(0, wait=(1 - found.tokens) * 60 / per_minute)

    async def _make(self, connection: AsyncConnection, bucket: str, per_minute: float) -> None:
        full = {"bucket": bucket, "tokens": max(1.0, per_minute), "filled_at": self._now, "taken": 0.0}
        with suppress(IntegrityError):  # another worker made it just now
            await connection.execute(insert(partner_rates).values(full))

    async def _update(
        self, connection: AsyncConnection, bucket: str, per_minute: float, wanted: int
    ) -> Row[Any] | None:
        table, full = partner_rates.c, max(1.0, per_minute)
        passed = case((self._now > table.filled_at, self._now - table.filled_at), else_=literal(0.0, Double))
        brought = table.tokens + passed * (per_minute / 60)
        filled = case((brought > full, literal(full, Double)), else_=brought)
        taken = case((filled >= wanted, literal(float(wanted), Double)), (filled >= 1, literal(1.0, Double)), else_=0.0)
        change = (
            update(partner_rates)
            .where(table.bucket == bucket)
            .values(tokens=filled - taken, filled_at=self._now, taken=taken)
            .returning(table.tokens, table.taken)
        )
        return (await connection.execute(change)).one_or_none()


def _clock(dialect: str) -> Any:
    """Return what the store reads as Unix seconds, with their fractions."""
    if dialect == "sqlite":
        return (func.julianday("now") - 2440587.5) * 86400.0
    return cast(extract("epoch", func.clock_timestamp()), Double)
