"""The store's adjusting entries: each written once, whoever finds it first, with its charges and the audit's entry."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import Appended, Chain
from gateway.audit.entries import Entry, entry
from gateway.billing.adjusting import Correction, Known
from gateway.budgets.settling import adjust
from gateway.recording.billing_tables import adjustments
from gateway.recording.bounded import BoundedStore
from gateway.recording.tables import from_row, usage
from gateway.usage_record import Bill, UsageRecord

Correcting = Callable[[UsageRecord, bool, Known], Correction | None]
"""Say what a statement's books lack, from its row, whether its user was a partner then, and what they have."""

_MOST_CUT_OFF = 1000


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An entry that was written, and whose statement it corrects."""

    record: UsageRecord
    correction: Correction
    total: tuple[int, int]
    """Nanodollars and bytes that the books have of it now."""


class Adjustments(BoundedStore):
    """Write adjusting entries; methods raise StoreAway."""

    def __init__(
        self,
        url: str,
        *,
        chain: Chain | None = None,
        appended: Callable[[Appended], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Name the store, the audit's chain, and who hears of what it took."""
        super().__init__(url)
        self._chain = chain or Chain()
        self._appended = appended
        self._clock = clock

    async def adjust(
        self, query_id: str, correcting: Correcting, leases: Mapping[str, str] | None = None
    ) -> Adjusted | bool:
        """Correct a statement's books; True where nothing was left to correct, False where it has no row yet.

        Its budgets come to what the books say, whatever they were charged at its end. `leases` keep for it, by
        account, what it may have taken beyond that.
        """
        told: list[Appended] = []

        async def work(connection: AsyncConnection) -> Adjusted | bool:
            found = (await connection.execute(_row_of(query_id))).mappings().one_or_none()
            if found is None:
                return False
            record, partner = from_row(found), found["partner"]
            known = await _known(connection, record)
            correction = correcting(record, partner is not None, known)
            if correction is None:
                await _charge(connection, query_id, f"{query_id}#0", known, leases)
                return True
            if not await self._insert(connection, record, partner, correction):
                return True
            name = f"{query_id}#{correction.number}"
            total = await _charge(connection, query_id, name, known, leases, correction)
            told.append(await self._chain.append(connection, [_entry(record, correction, name)]))
            return Adjusted(record, correction, total)

        done = await self.within(work)
        for each in told:
            self._appended(each)
        return done

    async def cut_off(self, since: float) -> list[UsageRecord]:
        """Return statements that a crash cut off, that ended since, and of which nothing more is known yet."""
        settled = select(adjustments.c.query_id).where(adjustments.c.query_id == usage.c.query_id).exists()
        query = select(usage).where(usage.c.finished_at >= since, usage.c.outcome == "CUT_OFF", ~settled)
        return [from_row(each) for each in await self._rows(query.limit(_MOST_CUT_OFF))]

    async def outdated(self, since: float) -> list[str]:
        """Return the statements whose bill was replaced after an entry corrected it."""
        last = (
            select(adjustments.c.query_id, func.max(adjustments.c.number).label("number"))
            .where(adjustments.c.at >= since)
            .group_by(adjustments.c.query_id)
            .subquery()
        )
        query = (
            select(adjustments.c.query_id)
            .join(last, (adjustments.c.query_id == last.c.query_id) & (adjustments.c.number == last.c.number))
            .join(usage, usage.c.query_id == adjustments.c.query_id)
            .where(func.coalesce(usage.c.cost_nano, 0) != adjustments.c.billed)
        )
        return [str(each["query_id"]) for each in await self._rows(query.limit(_MOST_CUT_OFF))]

    async def _rows(self, query: Select[Any]) -> list[Any]:
        async def work(connection: AsyncConnection) -> list[Any]:
            return list((await connection.execute(query)).mappings())

        return await self.read(work)

    async def _insert(
        self, connection: AsyncConnection, record: UsageRecord, partner: str | None, correction: Correction
    ) -> bool:
        """Write the entry; False where one of its number is there."""
        insert = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        values = {
            "query_id": record.query_id,
            "at": self._clock(),
            "user_name": record.user,
            "partner": partner,
            "engine": record.engine or "",
            **msgspec.to_builtins(correction),
        }
        done = await connection.execute(insert(adjustments).values(values).on_conflict_do_nothing())
        return bool(done.rowcount)


def _row_of(query_id: str) -> Select[Any]:
    return select(usage).where(usage.c.query_id == query_id)


async def _known(connection: AsyncConnection, record: UsageRecord) -> Known:
    """Read what the books have of a statement."""
    query = select(adjustments).where(adjustments.c.query_id == record.query_id)
    rows = list((await connection.execute(query)).mappings())
    shares: dict[str, int] = {}
    for row in rows:
        for name, nano in row["shares"]:
            shares[name] = shares.get(name, 0) + nano
    number = max((int(row["number"]) for row in rows), default=0)
    nano, size = (sum(int(row[name]) for row in rows) for name in ("nano", "bytes"))
    each = tuple(f"{record.query_id}#{row['number']}" for row in rows)
    return Known(record.bill, _tables(record), number, nano, size, shares, each)


async def _charge(
    connection: AsyncConnection,
    query_id: str,
    name: str,
    known: Known,
    leases: Mapping[str, str] | None,
    correction: Correction | None = None,
) -> tuple[int, int]:
    """Bring budgets to what the books say after a correction, or without one; return that."""
    nano, size = (correction.nano, correction.bytes) if correction is not None else (0, 0)
    total = Bill(known.billed + known.nano + nano, known.read + known.bytes + size, "measured")
    await adjust(connection, query_id, name, total, entries=[f"{query_id}#0", *known.each], leases=leases)
    return total.nano, total.bytes


def _tables(record: UsageRecord) -> tuple[tuple[str, float], ...]:
    weights: dict[str, float] = {}
    for name, size in record.priced.scans if record.priced is not None else ():
        weights[name] = weights.get(name, 0.0) + size
    if weights:
        return tuple(weights.items())
    billed = [name for name, _ in record.bill.shares if name] if record.bill is not None else []
    return tuple((name, 1.0) for name in billed or dict.fromkeys(name for name, _, _ in record.tables))


def _entry(record: UsageRecord, correction: Correction, name: str) -> Entry:
    return entry(
        "bill.adjust",
        actor=record.user,
        subject=record.query_id,
        detail={
            "number": correction.number,
            "nano": correction.nano,
            "bytes": correction.bytes,
            "billed": correction.billed,
            "reason": correction.reason,
        },
        entry_id=f"bill.adjust:{name}",
    )
