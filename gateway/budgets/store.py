"""Accounts and leases in the store. Each step is one transaction that holds the account's row to its end.

So at any commit, `spent` plus the sum of an account's leases is at most its limit, but for what statements took beyond
what they held. The store's own clock says which period it is and how old a lease is: workers' clocks may step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import Double, cast, delete, extract, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.budgets.leases import Lease, Reading, Sums
from gateway.recording.bounded import BoundedStore
from gateway.recording.budget_tables import budget_accounts, budget_leases, budget_notes
from policies.budgets.model import Account

CLOCK_SECONDS = 60.0
"""By how much a worker's clock and the store's may differ about when a period begins and ends."""
_CALLED_SECONDS = 3.0
"""How long a call for what is not used counts: every worker looks more often."""
_ORPHANED = "the worker that held this was not heard of for {seconds:.0f} s; what its statements took is not known"


class WrongPeriod(Exception):  # noqa: N818  (an answer to the ledger)
    """An account's period is not now, by the store's clock: the clock of who asks must have stepped."""


class Moved(Exception):  # noqa: N818  (an answer to the ledger)
    """A lease's row is another than its worker knows; `reading` is what it says, None where it is gone."""

    def __init__(self, reading: Reading | None) -> None:
        """Keep the reading."""
        super().__init__("the lease has moved")
        self.reading = reading


class Taken(NamedTuple):
    """A lease and its account after something was taken, or not."""

    reading: Reading
    sums: Sums
    now: float
    """By the store's clock."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A lease that went back because its worker was not heard of."""

    worker: str
    account: str
    amount: int


class Renewed(NamedTuple):
    """What a round of renewal found: this worker's leases as they are, and the accounts that others call for."""

    readings: dict[str, Reading]
    called: frozenset[str]
    now: float


Sizing = Callable[[int], int]
"""How much a lease gets where so much is left."""


class LedgerStore(BoundedStore):
    """Move what is left of accounts into leases and back. Methods raise StoreAway."""

    answers: ClassVar[tuple[type[Exception], ...]] = (WrongPeriod, Moved)

    async def take(self, worker: str, lease: Lease, account: Account, size: Sizing) -> Taken:
        """Give a lease `size` of what is left, opening the account where it is new. Raises WrongPeriod, Moved."""
        moves = lease.moves

        async def work(connection: AsyncConnection) -> Taken:
            row = await self._lock(connection, account)
            granted = max(0, size(max(0, account.limit - row.spent - row.leased)))
            reading = await self._grow(connection, worker, lease, granted, moves)
            if granted:
                await connection.execute(
                    update(budget_accounts)
                    .where(budget_accounts.c.id == account.id)
                    .values(leased=budget_accounts.c.leased + granted)
                )
            return Taken(reading, Sums(row.spent, row.leased + granted), row.now)

        return await self.within(work)

    async def give_back(self, lease: Lease, amount: int) -> Reading:
        """Return a part of a lease to its account. Raises Moved."""
        moves, account = lease.moves, lease.account.id

        async def work(connection: AsyncConnection) -> Reading:
            await connection.execute(  # takes the row, as every step does
                update(budget_accounts)
                .where(budget_accounts.c.id == account)
                .values(leased=budget_accounts.c.leased - amount)
            )
            return await _change(connection, lease.id, moves, amount=budget_leases.c.amount - amount)

        return await self.within(work)

    async def call(self, account: str) -> None:
        """Ask all who hold a part of an account, and do not use it, to give it back."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(budget_accounts).where(budget_accounts.c.id == account).values(called_at=self._now)
            )

        await self.within(work)

    async def renew(self, worker: str, reserved: dict[str, int], accounts: Sequence[str]) -> Renewed:
        """Say that a worker lives, and what it has reserved where that changed; read its leases."""

        async def work(connection: AsyncConnection) -> Renewed:
            mine = budget_leases.c.worker == worker
            await connection.execute(select(budget_leases.c.id).where(mine).order_by("id").with_for_update())
            columns = (budget_leases.c.id, budget_leases.c.amount, budget_leases.c.settled, budget_leases.c.moves)
            found = await connection.execute(
                update(budget_leases)
                .where(mine)
                .values(renewed_at=self._now, moves=budget_leases.c.moves + 1)
                .returning(*columns)
            )
            readings = {row.id: Reading(row.amount, row.settled, row.moves) for row in found}
            for lease, amount in sorted(reserved.items()):
                change = update(budget_leases).where(budget_leases.c.id == lease)
                await connection.execute(change.values(reserved=amount))
            recent = budget_accounts.c.called_at > self._now - _CALLED_SECONDS
            called = select(budget_accounts.c.id).where(budget_accounts.c.id.in_(accounts), recent)
            ids = frozenset((await connection.execute(called)).scalars())
            return Renewed(readings, ids, await self._time(connection))

        return await self.within(work)

    async def forget(self, lease: Lease) -> None:
        """Take away the row of a lease in which nothing is left."""

        async def work(connection: AsyncConnection) -> None:
            row = budget_leases.c
            await connection.execute(
                delete(budget_leases).where(row.id == lease.id, row.amount == 0, row.moves == lease.moves)
            )

        await self.within(work)

    async def release_orphans(self, seconds: float) -> list[Orphan]:
        """Return to their accounts the leases of workers that were not heard of for so long, and note it."""

        async def work(connection: AsyncConnection) -> list[Orphan]:
            row = budget_leases.c
            old = row.renewed_at < self._now - seconds
            found = (
                await connection.execute(select(row.account).where(old).distinct().order_by(row.account))
            ).scalars()
            gone: list[Orphan] = []
            for account in list(found):
                gone += await _return(connection, account, old)
            gone = [each for each in gone if each.amount]
            now = await self._time(connection)
            note = _ORPHANED.format(seconds=seconds)
            for number, each in enumerate(gone):
                values = {"id": f"{each.worker}/{each.account}/{now:.3f}/{number}", "at": now, "note": note}
                await connection.execute(
                    insert(budget_notes).values(account=each.account, amount=each.amount, **values)
                )
            return gone

        return await self.within(work)

    @property
    def _now(self) -> Any:
        """Return what the store reads as Unix seconds."""
        if self.dialect == "sqlite":
            return (func.julianday("now") - 2440587.5) * 86400.0
        return cast(extract("epoch", func.clock_timestamp()), Double)

    async def _time(self, connection: AsyncConnection) -> float:
        return float((await connection.execute(select(self._now))).scalar_one())

    async def _lock(self, connection: AsyncConnection, account: Account) -> Any:
        """Return an account's sums, its row held until the transaction ends. Raises WrongPeriod."""
        add = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        bounds = {"starts_at": account.period_start, "ends_at": account.period_end, "most": account.limit}
        names = {"budget": account.budget.id, "holder": account.holder, "unit": account.budget.unit}
        new = {"spent": 0, "leased": 0, "called_at": 0.0}
        opened = (
            add(budget_accounts)
            .values(id=account.id, **names, **bounds, **new)
            .on_conflict_do_update(index_elements=[budget_accounts.c.id], set_=bounds)
            .returning(budget_accounts.c.spent, budget_accounts.c.leased, self._now.label("now"))
        )
        row = (await connection.execute(opened)).one()
        if not account.period_start - CLOCK_SECONDS <= row.now < account.period_end + CLOCK_SECONDS:
            raise WrongPeriod
        return row

    async def _grow(self, connection: AsyncConnection, worker: str, lease: Lease, granted: int, moves: int) -> Reading:
        if moves:
            return await _change(connection, lease.id, moves, amount=budget_leases.c.amount + granted)
        found = await _read(connection, lease.id)
        if found is not None:  # made by a transaction whose answer was lost
            raise Moved(found)
        values = {"id": lease.id, "worker": worker, "account": lease.account.id, "amount": granted, "moves": 1}
        await connection.execute(insert(budget_leases).values(settled=0, reserved=0, renewed_at=self._now, **values))
        return Reading(granted, 0, 1)


async def _change(connection: AsyncConnection, lease: str, moves: int, *, amount: Any) -> Reading:
    """Change a lease's amount, if nobody moved it since it was read. Raises Moved."""
    row = budget_leases.c
    change = update(budget_leases).where(row.id == lease, row.moves == moves).values(amount=amount, moves=moves + 1)
    found = (await connection.execute(change.returning(row.amount, row.settled, row.moves))).one_or_none()
    if found is None:
        raise Moved(await _read(connection, lease))
    return Reading(found.amount, found.settled, found.moves)


async def _read(connection: AsyncConnection, lease: str) -> Reading | None:
    row = budget_leases.c
    found = (await connection.execute(select(row.amount, row.settled, row.moves).where(row.id == lease))).one_or_none()
    return None if found is None else Reading(found.amount, found.settled, found.moves)


async def _return(connection: AsyncConnection, account: str, which: Any) -> list[Orphan]:
    """Delete leases of an account and give back what they held."""
    own = budget_accounts.c.id == account
    await connection.execute(update(budget_accounts).where(own).values(called_at=budget_accounts.c.called_at))
    row = budget_leases.c
    of_it = row.account == account
    await connection.execute(select(row.id).where(of_it, which).order_by(row.id).with_for_update())
    found = await connection.execute(delete(budget_leases).where(of_it, which).returning(row.worker, row.amount))
    gone = [Orphan(each.worker, account, each.amount) for each in found]
    amount = sum(each.amount for each in gone)
    await connection.execute(update(budget_accounts).where(own).values(leased=budget_accounts.c.leased - amount))
    return gone


async def release_worker(connection: AsyncConnection, worker: str) -> list[Orphan]:
    """Return the leases of a worker all of whose usage rows are in the store."""
    row = budget_leases.c
    mine = row.worker == worker
    accounts = (await connection.execute(select(row.account).where(mine).distinct().order_by(row.account))).scalars()
    return [each for account in list(accounts) for each in await _return(connection, account, mine)]
