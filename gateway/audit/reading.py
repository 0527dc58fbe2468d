"""Read the chain: page by page for the walk, chosen entries for people and exports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, event, select

from gateway.audit.links import Link
from gateway.recording.database import connect_engine
from gateway.recording.tables import audit

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_TYPES = (int, str, int, *[str] * 9)
"""What a link's columns hold, as it was written."""
PAGE = 5_000
"""Links read at a time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries somebody wants; None stands for all."""

    since: int | None = None
    """Microseconds since 1970."""
    until: int | None = None
    user: str | None = None
    """Who is the entry's user or its actor."""
    actor: str | None = None
    """Who proved to be somebody."""
    kind: str | None = None
    """A kind, or the part of kinds before the dot."""
    after: int | None = None
    """The number of the last link that is not wanted."""
    before: int | None = None
    """The number of the first link behind those wanted."""


class AuditReader:
    """Read the chain again and again, over connections that stay open."""

    def __init__(self, url: str) -> None:
        """Connect to nothing yet. Raises ValueError for a bad address."""
        self._engine = _engine(url)

    async def newest(self, wanted: Wanted, limit: int) -> list[Link]:
        """Return the newest of the entries wanted, the newest of them first. Raises what the driver raises."""
        async with self._engine.connect() as connection:
            return list(reversed(await newest(connection, wanted, limit)))

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[AsyncConnection]:
    """Connect to the chain's store for reading. Raises ValueError for a bad address, and what the driver raises."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    engine = connect_engine(url, autocommit=True)
    if engine.dialect.name == "sqlite":
        _take_any_text(engine)
    return engine


def _take_any_text(engine: AsyncEngine) -> None:
    """Read texts that are no UTF-8, too: somebody may have put them there, and the walk must not stop at them."""

    def prepare(connection: Any, _record: object) -> None:
        connection.driver_connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")

    event.listen(engine.sync_engine, "connect", prepare)


async def pages(
    connection: AsyncConnection, wanted: Wanted | None = None, size: int = PAGE
) -> AsyncIterator[Sequence[Link]]:
    """Yield the links in order of their numbers, `size` at a time."""
    chosen = _chosen(wanted or Wanted()).order_by(audit.c.seq).limit(size)
    query = chosen
    while True:
        rows = (await connection.execute(query)).all()
        if rows:
            yield [_link(row) for row in rows]
        if len(rows) < size:
            return
        query = chosen.where(audit.c.seq > rows[-1][0])


async def newest(connection: AsyncConnection, wanted: Wanted, limit: int) -> list[Link]:
    """Return the newest of the entries wanted, the oldest of them first."""
    rows = (await connection.execute(_chosen(wanted).order_by(audit.c.seq.desc()).limit(limit))).all()
    return [_link(row) for row in reversed(rows)]


def _chosen(wanted: Wanted) -> Select[Any]:
    query = select(audit)
    if wanted.since is not None:
        query = query.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.at < wanted.until)
    if wanted.user is not None:
        query = query.where((audit.c.user_name == wanted.user) | (audit.c.actor == wanted.user))
    if wanted.actor is not None:
        query = query.where(audit.c.actor == wanted.actor)
    if wanted.kind is not None:
        query = query.where((audit.c.kind == wanted.kind) | audit.c.kind.startswith(f"{wanted.kind}.", autoescape=True))
    if wanted.after is not None:
        query = query.where(audit.c.seq > wanted.after)
    if wanted.before is not None:
        query = query.where(audit.c.seq < wanted.before)
    return query


def _link(row: Sequence[Any]) -> Link:
    """Return a row's link; what is of another type, as SQLite allows, becomes a text that no hash fits."""
    if tuple(map(type, row)) == _TYPES:
        return Link(*row)
    at = row[2] if type(row[2]) is int else -1
    texts = [value if type(value) is str else f"\udcff{value!r}" for value in (row[1], *row[3:])]
    return Link(row[0], texts[0], at, *texts[1:])
