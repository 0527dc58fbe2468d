"""What accounts have spent, as the store had it a moment ago: for people and metrics, never for a decision."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.events import BudgetMeasured, Event
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.recording.budget_tables import budget_accounts, budget_leases
from policies.budgets.model import Account
from policies.cost.money import NANO

_log = logging.getLogger("penstock.budgets")
_LOOK_SECONDS = 2.0
_IN_USE_SECONDS = 300.0
_MOST = 1_000
"""Accounts looked at; those used longest ago are left out."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account's row says."""

    id: str
    budget: str
    holder: str
    unit: str
    period_start: float
    period_end: float
    limit: int
    """As the worker that used it last saw it."""
    spent: int
    reserved: int
    """By running statements, as their workers told it last."""


class Balances:
    """Look at the accounts in use, every two seconds."""

    def __init__(
        self,
        store: BoundedStore,
        publish: Callable[[Event], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Know of no account yet; `publish` hears of those in use whenever they were looked at."""
        self._store = store
        self._publish = publish
        self._clock = clock
        self._monotonic = monotonic
        self._used: dict[str, tuple[float, Account]] = {}
        self._found: Mapping[str, Balance] = {}
        self._task: asyncio.Task[None] | None = None

    def used(self, account: Account) -> None:
        """Note that an account is in use."""
        self._used[account.id] = (self._monotonic(), account)

    async def of(self, ids: Sequence[str]) -> Mapping[str, Balance]:
        """Return what the store says of accounts now; one that nobody used yet is not there. Raises StoreAway."""
        return {each.id: each for each in await read_balances(self._store, ids=tuple(ids))} if ids else {}

    def known(self) -> Iterable[tuple[Account, Balance]]:
        """Yield the accounts in use of which anything is known."""
        for name, (_, account) in tuple(self._used.items()):
            if (balance := self._found.get(name)) is not None:
                yield account, balance

    async def look(self) -> None:
        """Read the accounts in use. Raises StoreAway."""
        edge = self._monotonic() - _IN_USE_SECONDS
        kept = sorted(((at, each) for at, each in self._used.values() if at > edge), key=lambda one: -one[0])[:_MOST]
        self._used = {account.id: (at, account) for at, account in kept}
        if self._used:
            found = await read_balances(self._store, ids=tuple(self._used))
            self._found = {each.id: each for each in found}
            for account, balance in self.known():
                if account.period_start <= self._clock() < account.period_end and not account.override:
                    self._publish(_measured(account, balance))

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                with suppress(StoreAway):
                    await self.look()
            except Exception:  # noqa: BLE001  (whatever stands in the store: looking goes on)
                _log.exception("accounts of budgets could not be read")


def _measured(account: Account, balance: Balance) -> BudgetMeasured:
    budget = account.budget
    scale = NANO if budget.unit == "usd" else 1
    figures = (figure / scale for figure in (budget.hard, balance.spent, balance.reserved))
    return BudgetMeasured(budget.id, account.holder, budget.unit, *figures)


async def read_balances(
    store: BoundedStore,
    *,
    ids: Sequence[str] | None = None,
    budget: str | None = None,
    ends_after: float | None = None,
    after: str = "",
    limit: int = _MOST,
) -> list[Balance]:
    """Return accounts by id, those behind `after`: some, those of one budget, those whose period is not over."""
    row = budget_accounts.c
    reserved = (
        select(func.coalesce(func.sum(budget_leases.c.reserved), 0))
        .where(budget_leases.c.account == row.id)
        .scalar_subquery()
    )
    query = select(budget_accounts, reserved.label("reserved")).where(row.id > after).order_by(row.id).limit(limit)
    if ids is not None:
        query = query.where(row.id.in_(ids))
    if budget is not None:
        query = query.where(row.budget == budget)
    if ends_after is not None:
        query = query.where(row.ends_at > ends_after)

    async def work(connection: AsyncConnection) -> list[Balance]:
        return [_balance(found) for found in (await connection.execute(query)).mappings()]

    return await store.read(work)


def _balance(row: Any) -> Balance:
    return Balance(
        row["id"],
        row["budget"],
        row["holder"],
        row["unit"],
        row["starts_at"],
        row["ends_at"],
        int(row["most"]),
        int(row["spent"]),
        int(row["reserved"]),
    )
