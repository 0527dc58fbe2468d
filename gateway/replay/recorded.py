"""Read the statements of the last days out of the usage rows: each text, user and session once, the youngest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.asked import Asked
from gateway.recording.tables import usage
from gateway.replay.statements import Statement

MAX_ROWS, MAX_DISTINCT = 500_000, 50_000
"""What one comparison takes; rows beyond are counted as left out, the oldest first."""
_PAGE = 1_000
COLUMNS = (
    usage.c.query_id,
    usage.c.received_at,
    usage.c.user_name,
    usage.c.authenticated,
    usage.c.auth_method,
    usage.c.roles,
    usage.c.source,
    usage.c.sql_text,
    usage.c.kind,
    usage.c.tables,
    usage.c.decision,
    usage.c.asked,
)
"""What a statement is made of: see `statement_of`."""


@dataclass(slots=True)
class Recorded:
    """Distinct statements, and the rows that there was no room for."""

    statements: list[Statement] = field(default_factory=list)
    left_out: int = 0


async def recorded(engine: AsyncEngine, since: float, until: float, *, most: int = MAX_DISTINCT) -> Recorded:
    """Return the statements that were planned or refused in a time. Raises what the database raises."""
    found: dict[bytes, Statement] = {}
    counts: dict[bytes, int] = {}
    left_out = read = 0
    async for row in _rows(engine, since, until):
        read += 1
        key = _key(row)
        if key in found:
            counts[key] += 1
        elif len(found) < most and read <= MAX_ROWS:
            found[key], counts[key] = statement_of(row), 1
        else:
            left_out += 1
    return Recorded([replace(each, times=counts[key]) for key, each in found.items()], left_out)


async def count_recorded(connection: AsyncConnection, since: float, until: float) -> int:
    """Return how many rows there are to read."""
    return int((await connection.execute(select(func.count()).where(_inside(since, until)))).scalar_one())


def _inside(since: float, until: float) -> ColumnElement[bool]:
    return and_(usage.c.received_at >= since, usage.c.received_at < until, usage.c.decision != "none")


async def _rows(engine: AsyncEngine, since: float, until: float) -> AsyncIterator[Mapping[str, Any]]:
    """Yield rows in pages, the youngest first, so that no page is read twice while new ones come."""
    inside = _inside(since, until)
    last: Mapping[str, Any] | None = None
    while True:
        query: Select[Any] = select(*COLUMNS).where(inside)
        if last is not None:
            at, name = last["received_at"], last["query_id"]
            earlier = and_(usage.c.received_at == at, usage.c.query_id < name)
            query = query.where(or_(usage.c.received_at < at, earlier))
        query = query.order_by(usage.c.received_at.desc(), usage.c.query_id.desc()).limit(_PAGE)
        async with engine.connect() as connection:
            page = (await connection.execute(query)).mappings().all()
        for row in page:
            yield row
        if len(page) < _PAGE:
            return
        last = page[-1]


def _key(row: Mapping[str, Any]) -> bytes:
    names = ("sql_text", "user_name", "authenticated", "auth_method", "source", "asked")
    parts = [row[name] for name in names]
    return msgspec.json.encode([*parts, row["roles"] if row["asked"] is None else None], order="sorted")


def statement_of(row: Mapping[str, Any] | RowMapping) -> Statement:
    """Return the statement that a row of `COLUMNS` holds."""
    return Statement(
        row["query_id"],
        row["sql_text"],
        row["user_name"],
        row["authenticated"],
        row["auth_method"],
        row["source"],
        msgspec.convert(row["asked"], Asked | None),
        tuple(row["roles"]),
        row["kind"],
        row["decision"] == "allow",
        tuple((name, action, tuple(columns)) for name, action, columns in row["tables"]),
    )
