"""`/api/v1/policies/simulate` and `explain`: what would become of a statement, as anybody, and why."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.admin.api.callers import Caller, Reader
from gateway.admin.api.changesets import changeset_for
from gateway.admin.api.problems import PROBLEMS, Problem
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.audit.entries import entry
from gateway.changesets.compiling import candidate
from gateway.simulation.answers import Explanation, Simulation, explanation, simulation
from gateway.simulation.cases import Moment
from gateway.simulation.question import Question
from gateway.simulation.simulate import Simulated, simulate
from policies.index import PolicySet

router = APIRouter(prefix="/policies", tags=["simulation"], responses=PROBLEMS)

Name = Annotated[str, Field(min_length=1, max_length=256)]
MAX_SQL = 1 << 20


class Asked(BaseModel):
    """A statement as somebody would send it. What policies know of the user is added to what is said here."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"user": "trader1", "sql": "SELECT * FROM iceberg.trading.trades"}]},
    )

    user: Name = Field(description="As whom; nobody needs to have heard of him.")
    sql: str = Field(min_length=1, max_length=MAX_SQL)
    catalog: Name | None = None
    schema_: Name | None = Field(None, alias="schema")
    roles: list[Name] = Field(default_factory=list, max_length=100, description="Besides those that policies give him.")
    groups: list[Name] = Field(default_factory=list, max_length=100)
    attributes: dict[Name, Annotated[str, Field(max_length=1024)]] = Field(default_factory=dict, max_length=100)
    time_zone: Name = "UTC"
    role: Name | None = Field(None, description="The one role that the session has chosen (SET ROLE).")
    source: Name | None = Field(None, description="The application, as X-Trino-Source names it.")
    at: Moment | None = Field(None, description="The moment that counts as the present; now by default.")
    changeset: UUID | None = Field(None, description="Under the policies as this changeset would make them.")

    def question(self) -> Question:
        """Return what is asked of the simulation."""
        return Question(
            self.user,
            self.sql,
            self.catalog,
            self.schema_,
            frozenset(self.roles),
            frozenset(self.groups),
            self.attributes,
            self.time_zone,
            self.role,
            self.source,
            at=self.at.timestamp() if self.at is not None else None,
        )


@router.post("/simulate")
async def simulate_statement(asked: Asked, caller: Reader, rooms: WithRooms) -> Simulation:
    """Tell what a statement becomes as anybody: governed SQL with a reason for each change, or what is missing.

    Nothing is run. An owner may ask about statements over tables that he manages, a steward or auditor about all.
    """
    return simulation(await _simulated(asked, caller, rooms))


@router.post("/explain")
async def explain_statement(asked: Asked, caller: Reader, rooms: WithRooms) -> Explanation:
    """Tell the same as `simulate`, with the plan as data."""
    return explanation(await _simulated(asked, caller, rooms))


async def _simulated(asked: Asked, caller: Caller, rooms: Rooms) -> Simulated:
    policies = await policies_of(rooms, caller, asked.changeset)
    found = await simulate(rooms.house, asked.question(), policies)
    try:
        check_sight(caller, rooms, found)
    except Problem:
        note_simulation(rooms, caller, asked, "refused")
        raise
    note_simulation(rooms, caller, asked, "done")
    return found


async def policies_of(rooms: Rooms, caller: Caller, changeset: UUID | None) -> PolicySet:
    """Return the policies in force, or what a changeset that the caller may see would make of them.

    Raises Problem, Refusal, PolicyError.
    """
    if changeset is None:
        return rooms.house.policies.governing()
    await changeset_for(caller, rooms, changeset)
    _, found = await candidate(rooms, str(changeset))
    return found.with_partners(rooms.house.policies.governing().partners)


def check_sight(caller: Caller, rooms: Rooms, found: Simulated) -> None:
    """Refuse an owner what is about tables that he does not manage. Raises Problem 403, the same whether they exist."""
    if caller.roles & {"steward", "auditor"}:
        return
    if found.code == "SYNTAX_ERROR":
        return
    policies, subject = rooms.house.policies.current(), caller.principal.subject
    if not found.touched or not all(policies.may_manage(subject, name) for name in found.touched):
        message = "An owner may simulate statements over tables whose policies he manages, and over no others."
        raise Problem(403, "forbidden", message)


def note_simulation(rooms: Rooms, caller: Caller, asked: Asked, outcome: str) -> None:
    """Have the audit keep who simulated whom. Raises Refusal where it cannot: nothing is told then."""
    detail = {
        "sql_sha256": hashlib.sha256(asked.sql.encode()).hexdigest(),
        "changeset": str(asked.changeset) if asked.changeset is not None else None,
    }
    made = entry("policy.simulate", actor=caller.name, subject=asked.user, outcome=outcome, detail=detail)
    rooms.house.recorder.must_note(made)
