"""A store of budgets, and workers that spend from it: each with a ledger and a journal's name of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Select, func, select

from gateway.budgets.ledger import Ledger
from gateway.budgets.lending import LendingSettings
from gateway.budgets.model import Reservation, Short, Want, Word
from gateway.budgets.settling import adjust
from gateway.budgets.store import LedgerStore
from gateway.recording.bounded import BoundedStore
from gateway.recording.budget_tables import budget_accounts, budget_charges, budget_leases
from gateway.recording.store import UsageStore
from gateway.usage_record import Bill, Charge, UsageRecord
from policies.budgets.model import Account, Budget, Unit, Whose, account_id
from tests.gateway.recording.usage_records import finished

_ids = itertools.count(1)
PATIENCE = 300.0
"""Seconds that a store may take: on a busy machine that is no fault of the ledger, and tests have an end of their own."""
Store = TypeVar("Store", bound=BoundedStore)


def account(
    limit: int, *, unit: Unit = "usd", start: float | None = None, days: float = 1.0, name: str = "b"
) -> Account:
    """Return an account whose period is now, or begins at `start`."""
    budget = Budget(name, Whose(), "all", unit, "day", "UTC", limit)
    begin = time.time() - 3600 if start is None else start
    return Account(account_id(budget, "all", f"{begin:.0f}"), budget, "all", begin, begin + days * 86_400, limit)


def want(of: Account, low: int, high: int | None = None) -> Want:
    """Return what a statement wants of an account."""
    return Want(of, low, low, low if high is None else high)


def record(query_id: str, bill: Bill | None, outcome: str = "FINISHED", **changes: Any) -> UsageRecord:
    """Return a statement's usage row."""
    return finished(query_id, outcome, bill=bill, **changes)


@dataclass
class Worker:
    """One worker: what it settled waits, as in its journal, until it is shipped."""

    name: str
    ledger: Ledger
    store: LedgerStore
    waiting: list[UsageRecord] = field(default_factory=list)

    async def reserve(self, query_id: str, *wants: Want) -> Reservation | Short:
        """Reserve, from the leases here or else from the store."""
        return self.ledger.reserve(query_id, wants) or await self.ledger.reserve_slowly(query_id, wants)

    def settle(self, query_id: str, nano: int, size: int = 0, word: Word = "last") -> tuple[Charge, ...]:
        """End a statement: its row waits to be shipped."""
        charges = self.ledger.settle(query_id, nano, size, word)
        self.waiting.append(record(query_id, Bill(nano, size, "measured", charges=charges)))
        return charges


@dataclass
class World:
    """A store, its usage rows, and the workers that are alive."""

    url: str
    usage: UsageStore
    workers: dict[str, Worker] = field(default_factory=dict)
    settings: LendingSettings = field(default_factory=LendingSettings)
    monotonic: Callable[[], float] = time.monotonic
    reached: bool = True
    """Workers hear one another's calls."""

    def worker(self, name: str) -> Worker:
        """Return a worker, starting it where it is not alive."""
        if name not in self.workers:
            journal = f"{name}-{next(_ids)}"
            store = prepared(LedgerStore(self.url, timeout=PATIENCE))
            ledger = Ledger(
                store,
                journal,
                self.settings,
                workers=lambda: len(self.workers),
                recall=lambda accounts: self._recall(name, accounts),
                monotonic=self.monotonic,
            )
            self.workers[name] = Worker(journal, ledger, store)
        return self.workers[name]

    async def _recall(self, asking: str, accounts: Sequence[str]) -> bool:
        if not self.reached:
            return len(self.workers) == 1
        for name, each in tuple(self.workers.items()):
            if name != asking:
                await each.ledger.give_back(accounts)
        return True

    async def ship(self, name: str) -> None:
        """Send what a worker settled to the store."""
        worker = self.workers[name]
        batch, worker.waiting = worker.waiting, []
        if batch:
            await self.usage.insert(batch)

    async def correct(self, name: str, query_id: str, total: int) -> None:
        """Let an engine say its last word of a statement whose row is there: to the books first, then to its worker."""
        ledger = self.workers[name].ledger
        store = prepared(BoundedStore(self.url, timeout=PATIENCE))
        bill, leases = Bill(total, total, "measured"), ledger.leases_of(query_id)
        await store.within(lambda connection: adjust(connection, query_id, f"{query_id}#1", bill, leases=leases))
        await store.close()
        ledger.last_word(query_id, total, total)

    async def kill(self, name: str) -> Worker:
        """Let a worker die: what it had in memory is gone, its journal stays."""
        dead = self.workers.pop(name)
        await dead.store.close()
        return dead

    async def recover(self, dead: Worker, *, charged: Callable[[Charge], int] = lambda _: 0) -> None:
        """Read a dead worker's journal as another one does: rows, then those cut off, then what it held goes back."""
        rows = list(dead.waiting)
        for query_id in dead.ledger.reservations:
            charges = tuple(replace_charge(each, charged(each)) for each in dead.ledger.holds(query_id))
            nano = next((each.charged for each in charges), 0)
            rows.append(record(query_id, Bill(nano, nano, "measured", charges=charges), "CUT_OFF"))
        if rows:
            await self.usage.insert(rows)
        await self.usage.emptied(dead.name)

    async def close(self) -> None:
        """Let all workers leave as they do when they drain."""
        for name in tuple(self.workers):
            worker = self.workers[name]
            await worker.ledger.close()
            await self.ship(name)
            await self.usage.emptied(worker.name)
            await worker.store.close()
            del self.workers[name]
        await self.usage.close()

    async def books(self, of: Account) -> Books:
        """Return what the store says of an account."""
        leases = func.coalesce(func.sum(budget_leases.c.amount), 0)
        charges = func.coalesce(func.sum(budget_charges.c.charged), 0)
        store = prepared(LedgerStore(self.url, timeout=PATIENCE))
        spent, leased = await _one(
            store, select(budget_accounts.c.spent, budget_accounts.c.leased).where(budget_accounts.c.id == of.id)
        )
        (held,) = await _one(store, select(leases).where(budget_leases.c.account == of.id))
        (charged,) = await _one(store, select(charges).where(budget_charges.c.account == of.id))
        await store.close()
        return Books(spent, leased, int(held), int(charged))


@dataclass(frozen=True)
class Books:
    """An account in the store: its own sums, and those of its leases and charges."""

    spent: int
    leased: int
    held: int
    charged: int

    @property
    def balanced(self) -> bool:
        """Tell whether the sums are what they say they are."""
        return self.leased == self.held and self.spent == self.charged and self.held >= 0


def replace_charge(charge: Charge, charged: int) -> Charge:
    """Return a charge of another amount."""
    return Charge(charge.account, charge.reserved, charged, charge.lease)


def with_limit(of: Account, limit: int) -> Account:
    """Return an account whose budget was changed."""
    return replace(of, limit=limit, budget=replace(of.budget, hard=limit))


def prepared(store: Store) -> Store:
    """Return a store whose tables are there: looking for migrations takes longer than most tests."""
    store._prepared = True
    return store


@asynccontextmanager
async def ledger_world(url: str) -> AsyncIterator[World]:
    """Open a world over a store whose tables are there; at the end its workers leave."""
    world = World(url, UsageStore(url, run_migrations=False, timeout=PATIENCE))
    yield world
    await world.close()


async def _one(store: LedgerStore, query: Select[Any]) -> tuple[Any, ...]:
    async def work(connection: Any) -> tuple[Any, ...]:
        found = (await connection.execute(query)).one_or_none()
        return tuple(found) if found is not None else (0, 0)

    return await store.read(work)
