"""What the store says at the end: what was spent of each account, and what its statements' rows add up to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.billing_tables import adjustments
from gateway.recording.bounded import BoundedStore
from gateway.recording.budget_tables import budget_accounts, budget_charges, budget_leases
from gateway.recording.tables import usage
from policies.cost.money import CENT


@dataclass(frozen=True, slots=True)
class Books:
    """The figures of the last line."""

    overspend_cents: int
    settled_twice: int
    lost: int
    spent: dict[str, int]
    """By account."""

    def __add__(self, other: Books) -> Books:
        """Return the figures of both."""
        return Books(
            self.overspend_cents + other.overspend_cents,
            self.settled_twice + other.settled_twice,
            self.lost + other.lost,
            {**self.spent, **other.spent},
        )


def audited(url: str, answered: Iterable[str], limit: int) -> Books:
    """Read the store once nobody writes to it any more, and compare everything with everything."""
    return asyncio.run(_audited(url, set(answered), limit))


def held(url: str) -> bool:
    """Tell whether any worker holds anything of a budget."""

    async def look() -> bool:
        store = BoundedStore(url, timeout=30)
        query = select(budget_leases.c.id).limit(1)

        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(query)).first() is not None

        found = await store.read(work)
        await store.close()
        return found

    return asyncio.run(look())


async def _audited(url: str, answered: set[str], limit: int) -> Books:
    store = BoundedStore(url, timeout=30)
    rows, corrections, charges, accounts, leases = await store.read(_everything)
    await store.close()
    billed: dict[tuple[str, str], int] = {}
    for row in rows:
        for charge in (row.bill or {}).get("charges", ()):
            billed[row.query_id, charge["account"]] = charge["charged"]
    bills = {row.query_id: int((row.bill or {}).get("nano", 0)) for row in rows}
    later: dict[str, int] = {}
    for row in corrections:
        later[row.query_id] = later.get(row.query_id, bills[row.query_id]) + row.nano
    for query_id, account in billed:  # what an engine said last is what counts, whatever was charged until then
        billed[query_id, account] = later.get(query_id, billed[query_id, account])
    charged: dict[tuple[str, str], int] = {}
    for row in charges:  # a correction is charged under the statement's id and its number
        key = row.query_id.partition("#")[0], row.account
        charged[key] = charged.get(key, 0) + row.charged
    twice = sum(1 for key, amount in charged.items() if amount > billed.get(key, 0))
    twice += sum(1 for each in accounts if each.spent > _of(charged, each.id))
    lost = len(answered - {row.query_id for row in rows})
    lost += sum(1 for key, amount in billed.items() if charged.get(key, 0) < amount)
    lost += sum(1 for each in accounts if each.spent < _of(charged, each.id) or each.leased)
    lost += sum(1 for each in leases if each.amount)
    over = sum(_cents(max(each.spent, _of(billed, each.id)) - limit) for each in accounts)
    return Books(over, twice, lost, {each.id: each.spent for each in accounts})


async def _everything(connection: AsyncConnection) -> tuple[Any, ...]:
    queries = (
        select(usage.c.query_id, usage.c.bill),
        select(adjustments.c.query_id, adjustments.c.number, adjustments.c.nano),
        select(budget_charges),
        select(budget_accounts),
        select(budget_leases),
    )
    return tuple([list((await connection.execute(query)).all()) for query in queries])


def _of(amounts: dict[tuple[str, str], int], account: str) -> int:
    return sum(amount for (_, name), amount in amounts.items() if name == account)


def _cents(nano: int) -> int:
    return max(0, -(-nano // CENT))
