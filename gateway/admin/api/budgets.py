"""`/api/v1/budgets`: what may be spent, what was, and what is left; see docs/budgets.md."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from gateway.admin.api.callers import Anyone, Caller
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.problems import Problem
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.budgets.balances import Balance, read_balances
from gateway.recording.bounded import StoreAway
from policies.bounds import FOREVER
from policies.budgets.model import UNLIMITED, Account, Budget, Cap, Mode, Unit, accounts
from policies.budgets.periods import Period
from policies.cost.money import dollars

router = APIRouter(prefix="/budgets", tags=["budgets"])

LIMIT_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
LimitPath = Annotated[str, Path(pattern=LIMIT_ID, description="The id of a budget or cap.")]
Figure = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(\.[0-9]+)?$",
        description="Dollars with 9 decimals at most, or whole bytes, by `unit`.",
        examples=["12.5"],
    ),
]


class LimitShown(BaseModel):
    """A budget or a cap as the policies in force have it."""

    kind: Literal["budget", "cap"]
    id: str
    principals: list[str] = Field(description="role:NAME, group:NAME, user:NAME, partner:NAME, * for everybody.")
    sources: list[str]
    mode: Mode
    owner: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    each: str | None = Field(description="Who holds an account; null for caps, as all down to `soft`.")
    period: Period | None
    zone: str | None
    unit: Unit | None
    limit: Figure | None
    soft: Figure | None
    usd: Figure | None = Field(description="For one statement; null for budgets, as all below.")
    bytes: int | None
    rows: int | None
    seconds: float | None

    @classmethod
    def of(cls, limit: Budget | Cap) -> LimitShown:
        """Return a limit as it is shown."""
        budget = limit if isinstance(limit, Budget) else None
        cap = limit if isinstance(limit, Cap) else None
        partners = ["all"] if limit.scope.partners == "all" else sorted(limit.scope.partners)
        return cls(
            kind="budget" if budget else "cap",
            id=limit.id,
            principals=[*sorted(limit.scope.principals), *(f"partner:{name}" for name in partners)],
            sources=list(limit.scope.sources),
            mode=limit.mode,
            owner=limit.owner,
            valid_from=_edge(limit.scope.bounds.start),
            valid_until=_edge(limit.scope.bounds.end),
            each=budget.each if budget else None,
            period=budget.period if budget else None,
            zone=budget.zone if budget else None,
            unit=budget.unit if budget else None,
            limit=figure(budget.hard, budget.unit) if budget else None,
            soft=figure(budget.soft, budget.unit) if budget and budget.soft is not None else None,
            usd=figure(cap.nano, "usd") if cap and cap.nano is not None else None,
            bytes=cap.bytes if cap else None,
            rows=cap.rows if cap else None,
            seconds=cap.seconds if cap else None,
        )


class AccountShown(BaseModel):
    """What one holder has of a budget over a period."""

    id: str
    budget: str
    holder: str = Field(description="Empty for those who name no source, or have no such attribute.")
    unit: Unit
    begins_at: datetime
    resets_at: datetime = Field(description="When the next period begins, or the override ends.")
    limit: Figure | None = Field(description="null: nothing stops it.")
    used: Figure
    reserved: Figure = Field(description="By running statements, the caller's and others', a moment ago.")
    left: Figure | None
    override: str | None = Field(description="The override whose account it is.")


class Limits(BaseModel):
    """A page of budgets and caps, by id."""

    items: list[LimitShown]
    next: str | None


class Accounts(BaseModel):
    """A page of accounts."""

    items: list[AccountShown]
    next: str | None


class Mine(BaseModel):
    """What limits the caller's own statements now."""

    accounts: list[AccountShown]
    caps: list[LimitShown]


@router.get("", operation_id="list_budgets")
async def list_budgets(caller: Anyone, rooms: WithRooms, after: After, limit: Limit = 100) -> Limits:
    """List the budgets and caps in force: to stewards and auditors all, to others those that they own."""
    found = sorted((each for each in _limits(rooms) if sees(caller, each)), key=lambda each: each.id)
    page = [each for each in found if each.id > after][: limit + 1]
    return Limits(items=[LimitShown.of(each) for each in page[:limit]], next=next_of(page, limit, lambda one: one.id))


@router.get("/mine", operation_id="list_own_budgets")
async def mine(
    caller: Anyone,
    rooms: WithRooms,
    source: Annotated[str, Query(max_length=200, description="As whichever client (`X-Trino-Source`).")] = "",
) -> Mine:
    """Tell what the caller's own statements may still take, by all that limits him now."""
    policies = rooms.house.policies.current()
    subject = caller.principal.asking_from(source)
    budgets, caps = policies.limits_for(subject)
    held = accounts(budgets, subject, policies.clock.moment().now)
    known = {each.id: each for each in await _balances(rooms, ids=tuple(each.id for each in held))} if held else {}
    return Mine(
        accounts=[_own(each, known.get(each.id)) for each in held],
        caps=[LimitShown.of(each) for each in caps],
    )


@router.get("/{budget_id}/accounts", operation_id="list_budget_accounts")
async def list_accounts(
    budget_id: LimitPath,
    caller: Anyone,
    rooms: WithRooms,
    after: After,
    limit: Limit = 100,
    past: Annotated[bool, Query(alias="all", description="Those of periods that are over, too.")] = False,
) -> Accounts:
    """List the accounts of a budget that were used, to its owner, stewards and auditors."""
    budget = visible(caller, rooms, budget_id)
    if isinstance(budget, Cap):
        raise Problem(404, "not_found", f"{budget_id} is a cap: caps have no accounts.")
    ends_after = None if past else time.time()
    found = await _balances(rooms, budget=budget_id, ends_after=ends_after, after=after, limit=limit + 1)
    items = [_shown(each, budget) for each in found[:limit]]
    return Accounts(items=items, next=next_of(found, limit, lambda each: each.id))


def sees(caller: Caller, limit: Budget | Cap) -> bool:
    """Tell whether a caller may know of a limit and what was spent of it."""
    return bool(caller.roles & {"steward", "auditor"}) or limit.owner == caller.name


def visible(caller: Caller, rooms: Rooms, limit_id: str) -> Budget | Cap:
    """Return a limit that a caller may know of. Raises Problem 404: the same for those of others and for none."""
    for each in _limits(rooms):
        if each.id == limit_id and sees(caller, each):
            return each
    raise Problem(404, "not_found", f"there is no budget or cap {limit_id} that you may see")


def figure(amount: int, unit: str) -> str:
    """Write an amount: dollars without zeros behind, or bytes."""
    if unit != "usd":
        return str(amount)
    text = f"{dollars(amount):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _limits(rooms: Rooms) -> Iterable[Budget | Cap]:
    return rooms.house.policies.current().budgets.every


async def _balances(
    rooms: Rooms,
    *,
    ids: tuple[str, ...] | None = None,
    budget: str | None = None,
    ends_after: float | None = None,
    after: str = "",
    limit: int = 1000,
) -> list[Balance]:
    try:
        return await read_balances(
            rooms.spending.budgets.store, ids=ids, budget=budget, ends_after=ends_after, after=after, limit=limit
        )
    except StoreAway as away:
        raise Problem(503, "store_unavailable", f"The store does not answer: {away}") from None


def _own(account: Account, balance: Balance | None) -> AccountShown:
    """Return an account of the caller's, opened yet or not."""
    spent, reserved = (balance.spent, balance.reserved) if balance is not None else (0, 0)
    opened = Balance(
        account.id,
        account.budget.id,
        account.holder,
        account.budget.unit,
        account.period_start,
        account.period_end,
        account.limit,
        spent,
        reserved,
    )
    return _shown(opened, account.budget)


def _shown(found: Balance, budget: Budget) -> AccountShown:
    """Return an account; its limit is the budget's as it is now, but for an override's, which has its own."""
    label = found.id.rpartition("/")[2]
    override = label.removeprefix("override-") if label.startswith("override-") else None
    limit = found.limit if override else budget.hard
    left = None if limit >= UNLIMITED else max(0, limit - found.spent - found.reserved)
    return AccountShown(
        id=found.id,
        budget=found.budget,
        holder=found.holder,
        unit=budget.unit,
        begins_at=moment_of(found.period_start),
        resets_at=moment_of(found.period_end),
        limit=None if limit >= UNLIMITED else figure(limit, budget.unit),
        used=figure(max(0, found.spent), budget.unit),
        reserved=figure(max(0, found.reserved), budget.unit),
        left=None if left is None else figure(left, budget.unit),
        override=override,
    )


def _edge(at: float) -> datetime | None:
    return None if at in (FOREVER, -FOREVER) else moment_of(at)
