"""Recorded statements that somebody asks advice about: one by its id, and those that cost most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore
from gateway.recording.tables import usage
from gateway.replay.recorded import COLUMNS, statement_of
from gateway.replay.statements import Statement


@dataclass(frozen=True, slots=True)
class Costly:
    """A form of statement, what it cost in a time, and the youngest of its kind."""

    fingerprint: str
    runs: int
    users: int
    nano: int
    newest: Statement


class RecordedStatements:
    """Read the usage rows."""

    def __init__(self, store: BoundedStore) -> None:
        """Read from a store."""
        self._store = store

    async def find(self, query_id: str) -> Statement | None:
        """Return a statement by its id. Raises StoreAway."""
        query = select(*COLUMNS).where(usage.c.query_id == query_id)
        rows = await self._store.read(lambda connection: _rows(connection, query))
        return statement_of(rows[0]) if rows else None

    async def costliest(self, since: float, most: int) -> list[Costly]:
        """Return the queries that cost most since a moment, by their form. Raises StoreAway."""
        total = func.sum(usage.c.cost_nano)
        sums = (
            select(
                usage.c.fingerprint,
                func.count().label("runs"),
                func.count(func.distinct(usage.c.user_name)).label("users"),
                total.label("nano"),
                func.max(usage.c.query_id).label("newest"),
            )
            .where(usage.c.finished_at >= since, usage.c.cost_nano > 0, usage.c.kind == "SELECT")
            .group_by(usage.c.fingerprint)
            .order_by(total.desc(), usage.c.fingerprint)
            .limit(most)
        )
        groups = await self._store.read(lambda connection: _rows(connection, sums))
        query = select(*COLUMNS).where(usage.c.query_id.in_([each["newest"] for each in groups]))
        found = await self._store.read(lambda connection: _rows(connection, query))
        by_id = {row["query_id"]: statement_of(row) for row in found}
        return [
            Costly(each["fingerprint"], int(each["runs"]), int(each["users"]), int(each["nano"]), by_id[each["newest"]])
            for each in groups
            if each["newest"] in by_id
        ]


async def _rows(connection: AsyncConnection, query: Select[Any]) -> list[RowMapping]:
    return list((await connection.execute(query)).mappings().all())
