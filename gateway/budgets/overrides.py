"""Overrides: more than a budget or a cap allows, for a holder or a kind of statement, with reason, approver and end.

An override of a budget is money of its own, in an account of its own: it is spent only where the budget's is out, and
never goes back into it. An override of a cap lifts the cap.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.entries import Entry, Kind, entry
from gateway.partners.database import Change, Database, Done, Missing
from gateway.recording.override_tables import budget_overrides
from policies.budgets.model import UNLIMITED, Account, Budget, Cap, Unit, account_id
from policies.clock import Moment

OverrideKind = Literal["budget", "cap"]
_TABLE = budget_overrides.c


@dataclass(frozen=True, slots=True)
class Override:
    """What was approved, and what became of it."""

    id: str
    limit_id: str
    """The budget's or the cap's."""
    kind: OverrideKind
    unit: Unit
    holder: str | None
    """Whose account, or, of a cap, which user; None for whoever's statement has the fingerprint."""
    fingerprint: str | None
    """Only statements of this shape; None for all of the holder's."""
    amount: int | None
    """Nanodollars or bytes; None for unlimited."""
    reason: str
    approver: str
    created_at: float
    expires_at: float
    ended_at: float | None = None
    ended_by: str | None = None

    def live(self, moment: Moment) -> bool:
        """Tell whether it holds, by both readings of the clock: set back, it brings no override back."""
        return self.ended_at is None and moment.latest < self.expires_at

    def serves(self, limit: Budget | Cap, holder: str, fingerprint: str, askers: Iterable[str]) -> bool:
        """Tell whether it is for a statement of these askers. It never serves who approved it.

        Nor does it serve a budget that counts something else by now than when it was approved.
        """
        meant = ("budget", limit.unit) if isinstance(limit, Budget) else ("cap", self.unit)
        return (
            self.limit_id == limit.id
            and (self.kind, self.unit) == meant
            and self.holder in (None, holder)
            and self.fingerprint in (None, fingerprint)
            and self.approver not in askers
        )

    def account(self, budget: Budget) -> Account:
        """Return the account that it opens."""
        limit = UNLIMITED if self.amount is None else self.amount
        label = f"override-{self.id}"
        name = account_id(dataclasses.replace(budget, unit=self.unit), self.holder or "", label)
        return Account(name, budget, self.holder or "", self.created_at, self.expires_at, limit, override=self.id)


class OverrideStore(Database):
    """Read overrides; changes are the functions below, given to `change`."""

    async def unended(self, now: float) -> tuple[Override, ...]:
        """Return the overrides that may hold, the oldest first: so all replicas spend them in one order."""
        query = select(budget_overrides).where(_TABLE.ended_at.is_(None), _TABLE.expires_at > now)
        return tuple(_of(row) for row in (await self.rows(query.order_by(_TABLE.created_at, _TABLE.id)))[0])

    async def override(self, override_id: str) -> Override | None:
        """Return an override, whatever became of it; None where there is none of that id."""
        found = (await self.rows(select(budget_overrides).where(_TABLE.id == override_id)))[0]
        return _of(found[0]) if found else None

    async def overrides(
        self, limits: Iterable[str] | None = None, *, after: str = "", limit: int = 100
    ) -> list[Override]:
        """Return overrides by id, those behind `after`; only those of the budgets and caps named."""
        query = select(budget_overrides).where(_TABLE.id > after).order_by(_TABLE.id)
        if limits is not None:
            query = query.where(_TABLE.limit_id.in_(list(limits)))
        return [_of(row) for row in (await self.rows(query.limit(limit)))[0]]


def approve(made: Override) -> Change[Override]:
    """Add an override."""

    async def work(connection: AsyncConnection) -> Done[Override]:
        await connection.execute(insert(budget_overrides).values(dataclasses.asdict(made)))
        return Done(made, told("budget.override", made, made.approver), acts=False)

    return work


def end(override_id: str, by: str) -> Change[Override]:
    """End an override; one that has ended stays as it is. Raises Missing."""

    async def work(connection: AsyncConnection) -> Done[Override]:
        row = (await connection.execute(select(budget_overrides).where(_TABLE.id == override_id))).mappings().first()
        if row is None:
            raise Missing(f"there is no override {override_id}")
        before = _of(row)
        if before.ended_at is not None:
            return Done(before, None)
        after = dataclasses.replace(before, ended_at=time.time(), ended_by=by)
        change = update(budget_overrides).where(_TABLE.id == override_id)
        await connection.execute(change.values(ended_at=after.ended_at, ended_by=by))
        return Done(after, told("budget.override.ended", after, by), acts=False)

    return work


def told(kind: Kind, override: Override, actor: str, **more: object) -> Entry:
    """Return what the audit keeps of an override."""
    detail = {
        "limit": override.limit_id,
        "of": override.kind,
        "unit": override.unit,
        "holder": override.holder,
        "fingerprint": override.fingerprint,
        "amount": override.amount,
        "reason": override.reason,
        "approver": override.approver,
        "expires_at": override.expires_at,
        **more,
    }
    return entry(kind, actor=actor, subject=override.id, detail=detail)


def _of(row: Any) -> Override:
    return Override(**{each.name: row[each.name] for each in dataclasses.fields(Override)})
