"""`/api/v1/policies/lint`: what a steward should know about policies before they go live."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict

from catalog.objects import TableName
from gateway.admin.api.callers import Caller, Reader
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.changesets.compiling import candidate
from gateway.linting import Linted, lint_in_house, linted
from policies.faults import Origin
from policies.index import PolicySet
from policies.lint.findings import Finding

router = APIRouter(prefix="/policies", tags=["lint"])


class Asked(BaseModel):
    """What to lint: the policies in force, or what a changeset would make of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    changeset: UUID | None = None


@router.post("/lint")
async def lint_policies(asked: Annotated[Asked, Body()], caller: Reader, rooms: WithRooms) -> Linted:
    """Lint the policies in force, or a changeset, against the tables that there are.

    An owner is told of row filters and masks of tables that he manages, a steward or auditor of everything.
    """
    policies = rooms.house.policies.governing()
    if asked.changeset is not None:
        _, policies = await candidate(rooms, str(asked.changeset))
    return linted(_seen_by(caller, rooms, policies, await lint_in_house(rooms.house, policies)))


def _seen_by(caller: Caller, rooms: Rooms, policies: PolicySet, findings: tuple[Finding, ...]) -> Iterable[Finding]:
    """Return what a caller may be told: findings quote policies, so an owner gets those about his tables' rules."""
    if caller.roles & {"steward", "auditor"}:
        return findings
    mine = _managed(caller, rooms, policies)
    return [each for each in findings if each.origin in mine]


def _managed(caller: Caller, rooms: Rooms, policies: PolicySet) -> frozenset[Origin]:
    """Return where the row filters and masks of tables stand that a caller manages."""
    live, subject = rooms.house.policies.current(), caller.principal.subject
    by_table: dict[TableName, set[Origin]] = defaultdict(set)
    for table, by_principal in policies.filters.items():
        by_table[table].update(rule.origin for rules in by_principal.values() for rule in rules)
    for table, by_column in policies.masks.items():
        by_table[table].update(r.origin for by_p in by_column.values() for rules in by_p.values() for r in rules)
    return frozenset().union(*(places for table, places in by_table.items() if live.may_manage(subject, table)))
