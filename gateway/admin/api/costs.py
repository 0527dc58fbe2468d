"""`/api/v1/usage`: what statements cost in a period, by user, dataset, team, day, engine or source.

A steward or auditor sees everybody's; all others their own.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gateway.admin.api.callers import Anyone
from gateway.admin.api.moments import Moment
from gateway.admin.api.registry import read
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.admin.api.usage import Completeness, completeness, period
from gateway.billing.report import Amounts, By, report
from gateway.received import Principal
from policies.cost.money import dollars

router = APIRouter(prefix="/usage", tags=["usage"])

TEAM_ATTRIBUTES = ("team", "desk")
"""The attributes that say which team somebody is of; the first that he has counts."""

SignedUsd = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]{1,9})?$",
        description="Exact: the groups and `others` add up to the total. Below zero where entries took more off.",
        examples=["0.012500000"],
    ),
]


class Spent(BaseModel):
    """What some statements came to."""

    statements: int
    billed_bytes: int = Field(description="0 for datasets, among which bytes are not split.")
    cost_usd: SignedUsd
    usd_per_tb: SignedUsd | None = Field(description="On the average; null where nothing was read.")
    usd_per_statement: SignedUsd | None

    @classmethod
    def of(cls, found: Amounts) -> Spent:
        """Return amounts as JSON shows them."""
        per_tb, per_statement = found.usd_per_tb, found.usd_per_statement
        return cls(
            statements=found.statements,
            billed_bytes=found.bytes,
            cost_usd=f"{dollars(found.nano):.9f}",
            usd_per_tb=None if per_tb is None else f"{per_tb:f}",
            usd_per_statement=None if per_statement is None else f"{per_statement:f}",
        )


class Group(Spent):
    """What one group came to."""

    key: str | None = Field(description="null: without a source, team or engine, or read from no table.")


class Costs(BaseModel):
    """What a period cost."""

    by: By
    user: str | None = Field(description="Whose statements these are; null for everybody's.")
    begin: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to", description="Not itself in the period.")
    total: Spent
    groups: list[Group] = Field(description="The dearest first.")
    others: Spent | None = Field(description="All groups beyond `top` together.")
    completeness: Completeness


@router.get("", operation_id="get_costs")
async def get_costs(
    caller: Anyone,
    rooms: WithRooms,
    by: Annotated[By, Query(description="What to group by; days are those of UTC.")] = "user",
    begin: Annotated[Moment | None, Query(alias="from", description="This month's beginning by default.")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="The next month's beginning by default.")] = None,
    top: Annotated[int, Query(ge=1, le=1000, description="How many groups to name.")] = 100,
) -> Costs:
    """Tell what statements cost in a period; to who is no steward or auditor what his own did."""
    first, last = period(begin, end)
    asked_at, flushed = time.time(), await rooms.house.recorder.flush()
    user = None if caller.roles & {"steward", "auditor"} else caller.name
    found = await read(
        report(
            rooms.house.partners,
            by,
            first.timestamp(),
            last.timestamp(),
            user=user,
            team_of=lambda name: _team(rooms, name, caller.principal),
        )
    )
    groups, others = found.first(top)
    return Costs(
        by=by,
        user=user,
        begin=first,
        end=last,
        total=Spent.of(found.total),
        groups=[Group(key=key, **Spent.of(each).model_dump()) for key, each in groups],
        others=None if others is None else Spent.of(others),
        completeness=completeness(rooms, asked_at, flushed=flushed),
    )


def _team(rooms: Rooms, user: str, caller: Principal) -> str | None:
    """Return the team of a user as policies know it; of the caller himself also as his credential says it."""
    known = dict(rooms.house.policies.current().attributes_of(user))
    if user == caller.user:
        known = {**dict(caller.attributes), **known}
    return next((known[name] for name in TEAM_ATTRIBUTES if known.get(name)), None)
