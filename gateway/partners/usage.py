"""What a partner used: the rows that statements left, added up by the store, by day and by dataset.

The rows are those for which the audit has an entry `sharing.access`, put there in the same transaction; both tell of
the same rows and bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal_column, select
from sqlalchemy.types import BigInteger

from gateway.partners.database import Database
from gateway.recording.tables import usage

TERABYTE = 10**12
_DAY_MS = 86_400_000


@dataclass(slots=True)
class Sum:
    """What some statements came to."""

    statements: int = 0
    rows: int = 0
    bytes: int = 0
    scanned_bytes: int = 0
    billed_bytes: int = 0
    """Scanned bytes where the engine says them, else those of the result."""

    def add(self, statements: int, part: Sum) -> None:
        """Add what others came to, as so many statements."""
        self.statements += statements
        self.rows += part.rows
        self.bytes += part.bytes
        self.scanned_bytes += part.scanned_bytes
        self.billed_bytes += part.billed_bytes

    def cost(self, usd_per_tb: Decimal) -> Decimal:
        """Return what it costs, exactly: so parts add up to their whole."""
        return Decimal(self.billed_bytes) * usd_per_tb / TERABYTE

    def shares(self, count: int) -> list[Sum]:
        """Split into equal parts that add up to the whole: what is left over goes to the first ones."""
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
    return add_up((await store.rows(query))[0])


def add_up(groups: Iterable[Mapping[str, Any]]) -> Used:
    """Add up groups of rows that are alike in day, tables and outcome."""
    found = Used()
    for group in groups:
        part = Sum(*(int(group[name]) for name in ("statements", "row_sum", "byte_sum", "scanned_sum", "billed_sum")))
        found.total.add(part.statements, part)
        found.by_day.setdefault(_day(group["day"]), Sum()).add(part.statements, part)
        outcome = str(group["outcome"]).lower()
        found.by_outcome[outcome] = found.by_outcome.get(outcome, 0) + part.statements
        names = sorted({str(table[0]) for table in group["tables"]}) or [""]
        for name, share in zip(names, part.shares(len(names)), strict=True):
            found.by_dataset.setdefault(name, Sum()).add(part.statements, share)
    return found


def _day(number: int) -> str:
    return datetime.fromtimestamp(int(number) * _DAY_MS // 1000, UTC).strftime("%Y-%m-%d")


def _query(partner_id: str, begin: float, end: float, *, postgres: bool) -> Select[Any]:
    billed = case((usage.c.scanned_bytes.is_(None), usage.c.byte_count), else_=usage.c.scanned_bytes)
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
        )
        .where(usage.c.partner == partner_id, usage.c.finished_at >= begin, usage.c.finished_at < end)
        .group_by(day, usage.c.tables, usage.c.outcome)
    )


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


def _day_number(*, postgres: bool) -> ColumnElement[Any]:
    """Return the number of the day in UTC since 1970 on which a statement ended."""
    if postgres:
        return literal_column("floor(extract(epoch FROM penstock_usage.finished_at) / 86400)", BigInteger())
    return literal_column(f"penstock_usage.finished_at / {_DAY_MS}", BigInteger())
