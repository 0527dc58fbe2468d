"""`/partners/`: who may be entitled to anything. A partner is never forgotten, only suspended."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from gateway.admin.api.callers import Auditor, Steward
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.preconditions import STALE, Version, etag
from gateway.admin.api.problems import Fault, Problem, unfit
from gateway.admin.api.registry import Body, PartnerId, PartnerPath, Rate, Unset, change, missing, read, settings_of
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.partners.changes import amend_partner, register
from gateway.partners.model import PartnerRecord, PartnerState
from policies.decisions import Subject

router = APIRouter(tags=["partners"])

Words = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["ACME Trading"])]


class NewPartner(Body):
    """A company to register."""

    partner_id: PartnerId
    organization: Words
    contact: Words | None = None
    rate: Rate | None = None


class PartnerChange(Body):
    """What is to be different; what is left out stays."""

    organization: Words | SkipJsonSchema[None] = Unset
    contact: Words | None = None
    rate: Rate | None = None
    state: PartnerState | SkipJsonSchema[None] = Unset


class Partner(BaseModel):
    """A registered partner."""

    partner_id: str
    organization: str
    contact: str | None
    rate: float | None = Field(description="Statements a minute; null means the configured default.")
    state: PartnerState
    created_at: datetime
    created_by: str
    changed_at: datetime
    version: int = Field(description="Also the ETag.")

    @classmethod
    def of(cls, record: PartnerRecord) -> Partner:
        """Return a record as it is shown."""
        return cls(
            partner_id=record.partner_id,
            organization=record.organization,
            contact=record.contact,
            rate=record.rate,
            state=record.state,
            created_at=moment_of(record.created_at),
            created_by=record.created_by,
            changed_at=moment_of(record.changed_at),
            version=record.version,
        )


class Partners(BaseModel):
    """A page of partners, by name."""

    items: list[Partner]
    next: str | None


@router.post("/partners/", status_code=201, operation_id="register_partner")
@router.post("/partners", status_code=201, include_in_schema=False)
async def register_partner(body: NewPartner, caller: Steward, rooms: WithRooms, response: Response) -> Partner:
    """Register a partner. The name must be nobody's that policies know as more than a partner."""
    _check_name(rooms, body.partner_id)
    now = time.time()
    made = PartnerRecord(
        partner_id=body.partner_id,
        organization=body.organization,
        contact=body.contact,
        rate=body.rate,
        state="active",
        created_at=now,
        created_by=caller.name,
        changed_at=now,
        version=1,
    )
    return _shown(await change(rooms, register(made)), response)


def _check_name(rooms: Rooms, name: str) -> None:
    """Refuse a name of somebody else's: he would lose what he may, or what is his would look like the partner's."""
    policies = rooms.house.policies.current()
    more = policies.roles_of(name) - {settings_of(rooms).role}
    if more:
        what = f"policies give {name} the roles {', '.join(sorted(more))}"
    elif policies.groups_of(name):
        what = f"policies put {name} into groups"
    elif policies.admin_roles_of(Subject(name, frozenset(), policies.attributes_of(name))):
        what = f"{name} has a role in this API"
    else:
        return
    reason = f"{what}: the name is a person's or a service's"
    fault = Fault(field="partner_id", reason=reason, fix="Choose another name.")
    raise Problem(409, "name_taken", f"partner_id: {reason}", errors=[fault])


@router.get("/partners/", operation_id="list_partners")
@router.get("/partners", include_in_schema=False)
async def list_partners(_: Auditor, rooms: WithRooms, after: After, limit: Limit = 100) -> Partners:
    """List partners by name."""
    found = await read(rooms.house.partners.partners(after=after, limit=limit + 1))
    items = [Partner.of(each) for each in found[:limit]]
    return Partners(items=items, next=next_of(found, limit, lambda each: each.partner_id))


@router.get("/partners/{partner_id}", operation_id="get_partner")
async def get_partner(partner_id: PartnerPath, _: Auditor, rooms: WithRooms, response: Response) -> Partner:
    """Show a partner."""
    found = await read(rooms.house.partners.partner(partner_id))
    if found is None:
        raise missing(f"partner {partner_id}")
    return _shown(found, response)


@router.patch("/partners/{partner_id}", operation_id="change_partner", responses=STALE)
async def change_partner(
    partner_id: PartnerPath,
    body: PartnerChange,
    caller: Steward,
    rooms: WithRooms,
    response: Response,
    version: Version,
) -> Partner:
    """Change a partner, suspend him or let him in again. If-Match names the version that was read."""
    changes: dict[str, Any] = {name: getattr(body, name) for name in sorted(body.model_fields_set)}
    for name in ("organization", "state"):
        if name in changes and changes[name] is None:
            raise unfit(name, "it cannot be null", "Leave it out, and it stays.")
    return _shown(await change(rooms, amend_partner(partner_id, changes, caller.name, version)), response)


@router.post("/partners/{partner_id}/suspend", status_code=204, operation_id="suspend_partner")
async def suspend_partner(partner_id: PartnerPath, caller: Steward, rooms: WithRooms) -> None:
    """Suspend a partner whatever was changed of him: nothing of his is let in any more. PATCH lets him back in."""
    await change(rooms, amend_partner(partner_id, {"state": "suspended"}, caller.name))


def _shown(record: PartnerRecord, response: Response) -> Partner:
    response.headers["ETag"] = etag(record.version)
    return Partner.of(record)
