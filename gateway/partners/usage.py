"""What a partner used: the rows that statements left, added up by the store, by day and by dataset.

The rows are those for which the audit has an entry `sharing.access`, put there in the same transaction; both tell of
the same rows and bytes. What they cost is what their bills say, and the entries that corrected these in the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from gateway.partners.database import Database
from gateway.recording.tables import usage
from gateway.usage_tables.queries import WORDS, Words

_DAY_MS = 86_400_000


@dataclass(slots=True)
class Sum:
    """What some statements came to."""

    statements: int = 0
    rows: int = 0
    bytes: int = 0
    scanned_bytes: int = 0
    billed_bytes: int = 0
    """Those that bills are for."""
    nano: int = 0
    """What bills come to, in nanodollars, and what corrected them."""

    def add(self, statements: int, part: Sum) -> None:
        """Add what others came to, as so many statements."""
        self.statements += statements
        self.rows += part.rows
        self.bytes += part.bytes
        self.scanned_bytes += part.scanned_bytes
        self.billed_bytes += part.billed_bytes
        self.nano += part.nano

    def shares(self, count: int) -> list[Sum]:
        """Split all but the money into equal parts that add up: what is left over goes to the first ones."""
        return [
            Sum(
                self.statements,
                *(
                    value // count + (number < value % count)
                    for value in (self.rows, self.bytes, self.scanned_bytes, self.billed_bytes)
                ),
            )
            for number in range(count)
        ]


@dataclass(slots=True)
class Used:
    """A partner's use of a period."""

    total: Sum = field(default_factory=Sum)
    by_day: dict[str, Sum] = field(default_factory=dict)
    by_dataset: dict[str, Sum] = field(default_factory=dict)
    """By full name; empty for what touched no table. A statement over several counts with each, its size is split."""
    by_outcome: dict[str, int] = field(default_factory=dict)


async def used(store: Database, partner_id: str, begin: float, end: float) -> Used:
    """Return what a partner used from `begin` to before `end` (Unix seconds), by when statements ended."""
    query = _query(partner_id, begin, end, postgres=store.dialect == "postgresql")
    words, values = WORDS[store.dialect], {"partner": partner_id, "first": begin * 1000, "last": end * 1000}

    async def work(connection: AsyncConnection) -> tuple[list[Any], list[Any], list[Any]]:
        groups = list((await connection.execute(query)).mappings())
        shares = list(await connection.execute(text(_shares(words)), values))
        return groups, shares, list(await connection.execute(text(_entries(words)), values))

    groups, shares, entries = await store.read(work)
    found = add_up(groups)
    for name, nano in shares:
        found.by_dataset.setdefault(name or "", Sum()).nano += int(nano)
    for day, name, size, nano in entries:
        correction = Sum(billed_bytes=int(size), nano=int(nano))
        found.total.add(0, correction)
        found.by_day.setdefault(_day(day), Sum()).add(0, correction)
        found.by_dataset.setdefault(name or "", Sum()).billed_bytes += int(size)
    return found


def add_up(groups: Iterable[Mapping[str, Any]]) -> Used:
    """Add up groups of rows that are alike in day, tables and outcome."""
    found = Used()
    for group in groups:
        part = Sum(*(int(group[name]) for name in _SUMS))
        found.total.add(part.statements, part)
        found.by_day.setdefault(_day(group["day"]), Sum()).add(part.statements, part)
        outcome = str(group["outcome"]).lower()
        found.by_outcome[outcome] = found.by_outcome.get(outcome, 0) + part.statements
        names = sorted({str(table[0]) for table in group["tables"]}) or [""]
        for name, share in zip(names, part.shares(len(names)), strict=True):
            found.by_dataset.setdefault(name, Sum()).add(part.statements, share)
    return found


_SUMS = ("statements", "row_sum", "byte_sum", "scanned_sum", "billed_sum", "nano_sum")


def _day(number: int) -> str:
    return datetime.fromtimestamp(int(number) * _DAY_MS // 1000, UTC).strftime("%Y-%m-%d")


def _query(partner_id: str, begin: float, end: float, *, postgres: bool) -> Select[Any]:
    billed = func.coalesce(cast(usage.c.bill["bytes"].as_string(), BigInteger), 0)
    day = _day_number(postgres=postgres)
    return (
        select(
            day.label("day"),
            usage.c.tables,
            usage.c.outcome,
            func.count().label("statements"),
            _sum(usage.c.row_count).label("row_sum"),
            _sum(usage.c.byte_count).label("byte_sum"),
            _sum(func.coalesce(usage.c.scanned_bytes, 0)).label("scanned_sum"),
            _sum(billed).label("billed_sum"),
            _sum(func.coalesce(usage.c.cost_nano, 0)).label("nano_sum"),
        )
        .where(usage.c.partner == partner_id, usage.c.finished_at >= begin, usage.c.finished_at < end)
        .group_by(day, usage.c.tables, usage.c.outcome)
    )


def _shares(words: Words) -> str:
    """Return the question for what each dataset bore: of the bills of the period, and of what corrected bills in it."""
    name, nano = words.share(0), words.share(1)
    parts = [
        f"SELECT {name} AS k, {nano} AS m FROM {table} u CROSS JOIN {words.shares(column, member)}"  # noqa: S608  (our own text and quoted names)
        f" WHERE u.partner = :partner AND {moment} >= {words.moment('first')} AND {moment} < {words.moment('last')}"
        for table, column, member, moment in (
            ("penstock_usage", "u.bill", "shares", "u.finished_at"),
            ("penstock_adjustments", "u.shares", "", "u.at"),
        )
    ]
    return f"SELECT k, sum(m) FROM ({' UNION ALL '.join(parts)}) AS parts GROUP BY k"  # noqa: S608  (words are ours)


def _entries(words: Words) -> str:
    """Return the question for what corrected bills: by day, the bytes under the first dataset that it named."""
    day = f"({words.millis('u.at')} / {_DAY_MS})"
    first = words.text("u.shares", "0.0")
    return (
        f"SELECT {day} AS d, {first} AS k, sum(u.bytes), sum(u.nano) FROM penstock_adjustments u"  # noqa: S608  (our own text and quoted names)
        f" WHERE u.partner = :partner AND u.at >= {words.moment('first')} AND u.at < {words.moment('last')}"
        " GROUP BY d, k"
    )


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


def _day_number(*, postgres: bool) -> ColumnElement[Any]:
    """Return the number of the day in UTC since 1970 on which a statement ended."""
    if postgres:
        return literal_column("floor(extract(epoch FROM penstock_usage.finished_at) / 86400)", BigInteger())
    return literal_column(f"penstock_usage.finished_at / {_DAY_MS}", BigInteger())
