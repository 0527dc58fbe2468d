"""What statements cost when they last ran, by their form: read of the usage rows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore
from gateway.recording.tables import usage
from gateway.usage_record import Bill

_LAST = 5
"""Rows looked at: those that were billed otherwise than by what they read are passed over."""


class Measured:
    """Look up what statements cost."""

    def __init__(self, store: BoundedStore) -> None:
        """Read from a store."""
        self._store = store

    async def cost(self, fingerprint: str) -> int | None:
        """Return what a statement of a form cost last, in nanodollars, by what it read. Raises StoreAway."""
        rows = await self._store.read(lambda connection: _last(connection, fingerprint))
        return next((found for row in rows if (found := _measured(row["bill"])) is not None), None)


async def _last(connection: AsyncConnection, fingerprint: str) -> Sequence[RowMapping]:
    query = (
        select(usage.c.bill)
        .where(usage.c.fingerprint == fingerprint, usage.c.outcome == "FINISHED", usage.c.cost_nano.is_not(None))
        .order_by(usage.c.finished_at.desc())
        .limit(_LAST)
    )
    return (await connection.execute(query)).mappings().all()


def _measured(document: object) -> int | None:
    bill = msgspec.convert(document, Bill, strict=False)
    return bill.nano if bill.basis == "measured" else None
