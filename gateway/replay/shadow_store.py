"""What shadows would have made otherwise, counted in the store by all workers together, in bounded space."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, Table, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore
from gateway.recording.replay_tables import shadow, shadow_totals, shadow_writers

MOST_ROWS = 10_000
"""Of one changeset: what differs beyond is counted in the totals only."""
_KEPT_SECONDS = 90 * 86_400.0
_AT_ONCE = 500
"""So many shapes are asked for in one query: drivers bound the number of values."""


class Key(NamedTuple):
    """Differences that are counted together."""

    kind: str
    table: str
    user: str
    fingerprint: str


@dataclass(slots=True)
class Seen:
    """How often a difference was seen, and between when."""

    columns: set[str]
    reason: str
    example: str
    first_seen: float
    last_seen: float
    count: int = 0


@dataclass(slots=True)
class Batch:
    """What was found for one changeset since the last writing."""

    compared: int = 0
    failed: int = 0
    dropped: int = 0
    first_seen: float = 0.0
    last_seen: float = 0.0
    seen: dict[Key, Seen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a changeset in shadow came to."""

    revision: int
    compared: int
    failed: int
    dropped: int
    first_seen: float
    last_seen: float
    kinds: Mapping[str, int]
    rows: int


@dataclass(frozen=True, slots=True)
class Row:
    """One difference as it is kept."""

    kind: str
    table: str
    user: str
    fingerprint: str
    columns: tuple[str, ...]
    reason: str
    count: int
    first_seen: float
    last_seen: float
    example: str


class ShadowStore:
    """Keep differences. Methods raise StoreAway."""

    def __init__(self, database: BoundedStore) -> None:
        """Share a database."""
        self._database = database
        insert = postgresql.insert if database.dialect == "postgresql" else sqlite.insert
        totals, rows, marks = insert(shadow_totals), insert(shadow), insert(shadow_writers)
        self._mark = marks.on_conflict_do_update(
            index_elements=["changeset", "revision", "writer"],
            set_={name: marks.excluded[name] for name in ("number", "last_seen")},
            where=shadow_writers.c.number < marks.excluded.number,
        )
        self._add_totals = totals.on_conflict_do_update(
            index_elements=["changeset", "revision"],
            set_={
                **{name: shadow_totals.c[name] + totals.excluded[name] for name in ("compared", "failed", "dropped")},
                "last_seen": _later(shadow_totals, totals.excluded),
            },
        )
        self._add_rows = rows.on_conflict_do_update(
            index_elements=["changeset", "revision", *(shadow.c[name].name for name in _KEYS)],
            set_={
                "count": shadow.c["count"] + rows.excluded["count"],
                "last_seen": _later(shadow, rows.excluded),
                **{name: rows.excluded[name] for name in ("columns", "reason", "example")},
            },
        )

    async def add(self, changeset: str, revision: int, batch: Batch, writer: str, number: int) -> None:
        """Add what was found, once: a batch of a writer that was added is known by its number, which only grows.

        Two that write at once both count.
        """
        own = {"changeset": changeset, "revision": revision}
        rows = [{**own, **_row(key, seen)} for key, seen in sorted(batch.seen.items())]
        totals = {name: getattr(batch, name) for name in _TOTALS}
        mark = {**own, "writer": writer, "number": number, "last_seen": batch.last_seen}

        async def work(connection: AsyncConnection) -> None:
            if not (await connection.execute(self._mark, mark)).rowcount:
                return  # only the answer was lost
            await connection.execute(self._add_totals, {**own, **totals})  # others wait here until all is added
            fitting = await _fitting(connection, changeset, revision, rows)
            if fitting:
                await connection.execute(self._add_rows, await _with_known_columns(connection, fitting))

        await self._database.within(work)

    async def forget(self, now: float) -> None:
        """Drop what nobody has seen for long."""

        async def work(connection: AsyncConnection) -> None:
            for table in (shadow, shadow_totals, shadow_writers):
                await connection.execute(delete(table).where(table.c.last_seen < now - _KEPT_SECONDS))

        await self._database.within(work)

    async def totals(self, changeset: str) -> Totals | None:
        """Return what a changeset's last time in shadow came to; None where it never was."""

        async def work(connection: AsyncConnection) -> Totals | None:
            query = select(shadow_totals).where(shadow_totals.c.changeset == changeset)
            query = query.order_by(shadow_totals.c.revision.desc()).limit(1)
            last = (await connection.execute(query)).mappings().first()
            if last is None:
                return None
            own = (shadow.c.changeset == changeset, shadow.c.revision == last["revision"])
            by_kind = (
                select(shadow.c.kind, func.sum(shadow.c["count"]), func.count()).where(*own).group_by(shadow.c.kind)
            )
            kinds = [tuple(row) for row in await connection.execute(by_kind)]
            return Totals(
                **{name: last[name] for name in ("revision", *_TOTALS)},
                kinds={kind: int(count) for kind, count, _ in sorted(kinds)},
                rows=sum(rows for _, _, rows in kinds),
            )

        return await self._database.within(work)

    async def tables(self, changeset: str, revision: int) -> Sequence[str]:
        """Return the tables that differences are about."""

        async def work(connection: AsyncConnection) -> Sequence[str]:
            own = (shadow.c.changeset == changeset, shadow.c.revision == revision)
            return list((await connection.execute(select(shadow.c.table_name).where(*own).distinct())).scalars())

        return await self._database.within(work)

    async def rows(
        self, changeset: str, revision: int, limit: int, offset: int, tables: Iterable[str] | None = None
    ) -> Sequence[Row]:
        """Return differences, those seen most often first; of some tables only, if given."""
        wanted = None if tables is None else list(tables)

        async def work(connection: AsyncConnection) -> Sequence[Row]:
            query = select(shadow).where(shadow.c.changeset == changeset, shadow.c.revision == revision)
            if wanted is not None:
                query = query.where(shadow.c.table_name.in_(wanted))
            order = (shadow.c["count"].desc(), *(shadow.c[name] for name in _KEYS))
            found = (await connection.execute(query.order_by(*order).limit(limit).offset(offset))).mappings()
            return [_read(row) for row in found]

        return await self._database.within(work)


_TOTALS = ("compared", "failed", "dropped", "first_seen", "last_seen")
_KEYS = ("kind", "table_name", "user_name", "fingerprint")


async def _fitting(
    connection: AsyncConnection, changeset: str, revision: int, rows: list[dict[str, object]]
) -> list[dict[str, object]]:
    """Return the rows that there is room for: those that are there already, and new ones up to the limit."""
    own = (shadow.c.changeset == changeset, shadow.c.revision == revision)
    kept = (await connection.execute(select(func.count()).select_from(shadow).where(*own))).scalar_one()
    if kept + len(rows) <= MOST_ROWS:
        return rows
    names = select(*(shadow.c[name] for name in _KEYS)).where(*own)
    known = {tuple(row) for row in await connection.execute(names)}
    there = [row for row in rows if tuple(row[name] for name in _KEYS) in known]
    new = [row for row in rows if tuple(row[name] for name in _KEYS) not in known]
    return there + new[: max(0, MOST_ROWS - kept)]


async def _with_known_columns(connection: AsyncConnection, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return rows of one changeset with the columns that they differed in before, too."""
    own = [shadow.c[name] == rows[0][name] for name in ("changeset", "revision")]
    known: dict[tuple[object, ...], list[str]] = {}
    for part in range(0, len(rows), _AT_ONCE):
        shapes = {row["fingerprint"] for row in rows[part : part + _AT_ONCE]}
        query = select(shadow).where(*own, shadow.c.fingerprint.in_(shapes))
        for kept in (await connection.execute(query)).mappings():
            known[tuple(kept[name] for name in _KEYS)] = json.loads(kept["columns"])
    for row in rows:
        before = known.get(tuple(row[name] for name in _KEYS), [])
        row["columns"] = json.dumps(sorted({*before, *json.loads(str(row["columns"]))}))
    return rows


def _later(table: Table, excluded: Any) -> ColumnElement[float]:
    """Return the later of what is kept and what is added: workers write in any order."""
    kept, added = table.c.last_seen, excluded.last_seen
    return case((kept > added, kept), else_=added)


def _row(key: Key, seen: Seen) -> dict[str, object]:
    return {
        "kind": key.kind,
        "table_name": key.table,
        "user_name": key.user,
        "fingerprint": key.fingerprint,
        "columns": json.dumps(sorted(seen.columns)),
        "reason": seen.reason,
        "count": seen.count,
        "first_seen": seen.first_seen,
        "last_seen": seen.last_seen,
        "example": seen.example,
    }


def _read(row: RowMapping) -> Row:
    return Row(
        kind=row["kind"],
        table=row["table_name"],
        user=row["user_name"],
        fingerprint=row["fingerprint"],
        columns=tuple(json.loads(row["columns"])),
        **{name: row[name] for name in ("reason", "count", "first_seen", "last_seen", "example")},
    )
