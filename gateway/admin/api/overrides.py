"""`/api/v1/budgets/overrides`: more than a budget or cap allows, approved by somebody else than who asks."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gateway.admin.api.budgets import LIMIT_ID, Figure, figure, sees, visible
from gateway.admin.api.callers import Anyone, Caller
from gateway.admin.api.moments import Moment, moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.problems import Problem, unfit
from gateway.admin.api.registry import Body, missing, problem_of, read
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.budgets.overrides import Override, OverrideKind, approve, end
from gateway.partners.database import Change, Refused, RegistryError
from policies.budgets.amounts import check_size, check_usd, nano, size
from policies.budgets.model import EVERYONE, Budget, Cap, Unit
from policies.clock import PROCESS_CLOCK

router = APIRouter(prefix="/budgets/overrides", tags=["budgets"])

UNLIMITED_WORD = "unlimited"
_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Reason = Annotated[
    str, Field(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["quarter's close"])
]


class NewOverride(Body):
    """An override to approve."""

    budget: Annotated[str, Field(pattern=LIMIT_ID, description="The id of a budget, or of a cap.")]
    holder: _Name | None = Field(
        default=None, description="Whose account; of a cap, which user. Not needed where all share one account."
    )
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{8,128}$")] | None = Field(
        default=None, description="Only statements of this shape, as the usage row of one has it."
    )
    amount: Annotated[str, Field(min_length=1, max_length=40, examples=["25.00", "10 TB", "unlimited"])] = Field(
        description="Dollars, or a size, as the budget counts; `unlimited`, which is all that a cap takes."
    )
    reason: _Reason
    expires_at: Moment


class OverrideShown(BaseModel):
    """An override, and what became of it."""

    id: str
    budget: str
    kind: OverrideKind
    holder: str | None
    fingerprint: str | None
    unit: Unit
    amount: Figure | None = Field(description="null: unlimited.")
    reason: str
    approver: str
    created_at: datetime
    expires_at: datetime
    live: bool
    ended_at: datetime | None
    ended_by: str | None

    @classmethod
    def of(cls, found: Override) -> OverrideShown:
        """Return an override as it is shown now."""
        return cls(
            id=found.id,
            budget=found.limit_id,
            kind=found.kind,
            holder=found.holder,
            fingerprint=found.fingerprint,
            unit=found.unit,
            amount=None if found.amount is None else figure(found.amount, found.unit),
            reason=found.reason,
            approver=found.approver,
            created_at=moment_of(found.created_at),
            expires_at=moment_of(found.expires_at),
            live=found.live(PROCESS_CLOCK.moment()),
            ended_at=None if found.ended_at is None else moment_of(found.ended_at),
            ended_by=found.ended_by,
        )


class Overrides(BaseModel):
    """A page of overrides."""

    items: list[OverrideShown]
    next: str | None


@router.post("", status_code=201, operation_id="approve_override")
async def approve_override(body: NewOverride, caller: Anyone, rooms: WithRooms) -> OverrideShown:
    """Approve an override: a steward, or the owner of the budget or cap, and never for oneself."""
    limit = visible(caller, rooms, body.budget)
    _check_approver(caller, limit)
    holder = _holder(body, limit, caller)
    now = time.time()
    longest = rooms.house.config.budgets.max_override_hours
    if not now < body.expires_at.timestamp() <= now + longest * 3600 + 60:
        fix = "Name a moment within that time; a longer need is a change of the budget."
        raise unfit("expires_at", f"an override ends between now and {longest:g} hours from now", fix)
    made = Override(
        id=str(uuid.uuid4()),
        limit_id=limit.id,
        kind="budget" if isinstance(limit, Budget) else "cap",
        unit=limit.unit if isinstance(limit, Budget) else "usd",
        holder=holder,
        fingerprint=body.fingerprint,
        amount=_amount(body.amount, limit),
        reason=body.reason,
        approver=caller.name,
        created_at=round(now, 3),
        expires_at=body.expires_at.timestamp(),
    )
    return OverrideShown.of(await _change(rooms, approve(made)))


@router.get("", operation_id="list_overrides")
async def list_overrides(
    caller: Anyone,
    rooms: WithRooms,
    after: After,
    budget: Annotated[str | None, Query(pattern=LIMIT_ID, description="Of this budget or cap only.")] = None,
    limit: Limit = 100,
) -> Overrides:
    """List overrides, those that have ended too: to stewards and auditors all, to owners those of what they own."""
    mine = {each.id for each in rooms.house.policies.current().budgets.every if sees(caller, each)}
    limits = None if caller.roles & {"steward", "auditor"} else mine
    if budget is not None:
        limits = {budget} if limits is None else limits & {budget}
    found = await read(rooms.spending.budgets.overrides.store.overrides(limits, after=after, limit=limit + 1))
    items = [OverrideShown.of(each) for each in found[:limit]]
    return Overrides(items=items, next=next_of(found, limit, lambda each: each.id))


@router.delete("/{override_id}", status_code=204, operation_id="end_override")
async def end_override(override_id: uuid.UUID, caller: Anyone, rooms: WithRooms) -> None:
    """End an override before its time; statements that run on it go on to their end."""
    found = await read(rooms.spending.budgets.overrides.store.override(str(override_id)))
    if found is None or not _may_know(caller, rooms, found):
        raise missing(f"override {override_id} that you may see")
    if "steward" not in caller.roles:
        _check_approver(caller, visible(caller, rooms, found.limit_id))
    await _change(rooms, end(str(override_id), caller.name))


def _may_know(caller: Caller, rooms: Rooms, found: Override) -> bool:
    if caller.roles & {"steward", "auditor"}:
        return True
    known = rooms.house.policies.current().budgets.every
    return any(each.id == found.limit_id and sees(caller, each) for each in known)


def _check_approver(caller: Caller, limit: Budget | Cap) -> None:
    if "steward" not in caller.roles and limit.owner != caller.name:
        reason = f"{caller.name} is neither a steward nor the owner of {limit.id}"
        raise Problem(403, "forbidden", f"{reason}: it takes one of them to override it.")


def _holder(body: NewOverride, limit: Budget | Cap, caller: Caller) -> str | None:
    """Return whose account an override is for. Raises Problem 403 and 422."""
    if isinstance(limit, Budget) and limit.each == EVERYONE:
        if body.holder not in (None, EVERYONE):
            raise unfit("holder", f"all share the account of {limit.id}", "Leave it out.")
        return EVERYONE
    if body.holder is None and body.fingerprint is None:
        raise unfit("holder", "say for whom it is", "Name a `holder`, or the `fingerprint` of a statement.")
    people = isinstance(limit, Cap) or limit.each in ("user", "partner")
    if people and body.holder in (caller.principal.user, caller.principal.authenticated):
        raise Problem(403, "four_eyes", "Nobody overrides a budget for himself: ask another steward, or its owner.")
    return body.holder


def _amount(written: str, limit: Budget | Cap) -> int | None:
    """Return an amount in the budget's unit; None for unlimited. Raises Problem 422."""
    if written == UNLIMITED_WORD:
        return None
    if isinstance(limit, Cap):
        raise unfit("amount", f"{limit.id} is a cap, which is lifted as a whole", f"Write {UNLIMITED_WORD}.")
    try:
        amount = nano(check_usd(written)) if limit.unit == "usd" else size(check_size(written))
    except ValueError as error:
        raise unfit(
            "amount", str(error), f"{limit.id} counts {'dollars' if limit.unit == 'usd' else 'bytes'}."
        ) from None
    if amount == 0:
        raise unfit("amount", "nothing would be allowed by it", "Name more than zero.")
    return amount


async def _change(rooms: Rooms, work: Change[Override]) -> Override:
    """Make a change, and have this worker, the others and all replicas act on it. Raises Problem."""
    overrides = rooms.spending.budgets.overrides
    try:
        result = await overrides.store.change(work)
    except (Refused, RegistryError) as error:
        raise problem_of(error) from None
    with suppress(RegistryError, TimeoutError):  # it is written: who does not hear of it now reads it soon
        await overrides.refresh()
    await rooms.announce()
    return result
