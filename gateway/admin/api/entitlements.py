"""`/entitlements/`: what partners are granted. Deleting one revokes it; it stays listed, as what was once granted."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from catalog.objects import Table
from gateway.admin.api.callers import Auditor, Steward
from gateway.admin.api.moments import Moment, moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.preconditions import STALE, Version, VersionIfGiven, etag
from gateway.admin.api.problems import Fault, Problem, unfit
from gateway.admin.api.registry import (
    PARTNER_NAME,
    Body,
    DatasetName,
    PartnerId,
    Rate,
    Unset,
    change,
    gone,
    missing,
    read,
    settings_of,
)
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.partners.changes import amend, grant, revoke
from gateway.partners.model import EntitlementRecord, Standing
from gateway.partners.names import Unread, Unresolved, resolve
from gateway.partners.terms import Terms, faults_of
from policies.clock import PROCESS_CLOCK
from policies.entitlements import EntitlementScope

router = APIRouter(tags=["partners"])

Columns = Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=2000)]
Filter = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        description="A condition over the table's own columns: no subqueries, and policies' functions only.",
        examples=["iso = 'CAISO'"],
    ),
]


class NewEntitlement(Body):
    """A table to grant."""

    partner_id: PartnerId
    dataset_name: DatasetName
    scope: Literal["read_only"] = Field(description="`read_only`: SELECT, and what clients need to read.")
    expires_at: Moment = Field(examples=["2099-01-31T18:00:00Z"])
    starts_at: Moment | None = Field(
        default=None, description="Now, where it is left out.", examples=["2026-01-31T18:00:00Z"]
    )
    row_filter: Filter | None = None
    allowed_columns: Columns | None = Field(default=None, description="All, where it is left out.")
    denied_columns: Columns | None = None
    rate: Rate | None = None


class EntitlementChange(Body):
    """What is to be different; what is left out stays, null takes a limit away."""

    expires_at: Moment | SkipJsonSchema[None] = Unset
    row_filter: Filter | None = None
    allowed_columns: Columns | None = None
    denied_columns: Columns | None = None
    rate: Rate | None = None


class Entitlement(BaseModel):
    """A table that was granted to a partner."""

    id: str
    partner_id: str
    dataset_name: str = Field(description="The table's full name.")
    scope: EntitlementScope
    state: Standing
    starts_at: datetime
    expires_at: datetime
    row_filter: str | None
    allowed_columns: list[str] | None = Field(description="null: all that the table has.")
    denied_columns: list[str]
    rate: float | None
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    version: int = Field(description="Also the ETag.")

    @classmethod
    def of(cls, record: EntitlementRecord) -> Entitlement:
        """Return a record as it is shown now."""
        return cls(
            id=record.id,
            partner_id=record.partner_id,
            dataset_name=str(record.table),
            scope=record.scope,
            state=record.standing(PROCESS_CLOCK.moment()),
            starts_at=moment_of(record.starts_at),
            expires_at=moment_of(record.expires_at),
            row_filter=record.row_filter,
            allowed_columns=None if record.allowed_columns is None else list(record.allowed_columns),
            denied_columns=list(record.denied_columns),
            rate=record.rate,
            created_at=moment_of(record.created_at),
            created_by=record.created_by,
            changed_at=moment_of(record.changed_at),
            changed_by=record.changed_by,
            version=record.version,
        )


class Entitlements(BaseModel):
    """A page of entitlements."""

    items: list[Entitlement]
    next: str | None


@router.post("/entitlements/", status_code=201, operation_id="grant_entitlement")
@router.post("/entitlements", status_code=201, include_in_schema=False)
async def grant_entitlement(body: NewEntitlement, caller: Steward, rooms: WithRooms, response: Response) -> Entitlement:
    """Grant a table to a partner until a moment."""
    now = time.time()
    # "Now" is so on every replica, although their clocks may lie a little apart.
    at_once = now - settings_of(rooms).leeway_seconds
    starts = max(body.starts_at.timestamp(), 0.0) if body.starts_at is not None else at_once
    _check_end(body.expires_at, starts)
    table = await _table(rooms, body.dataset_name)
    terms = Terms.of(body.row_filter, body.allowed_columns, body.denied_columns or ())
    _check_terms(rooms, terms, table)
    made = EntitlementRecord(
        id=str(uuid.uuid4()),
        partner_id=body.partner_id,
        table=table.name,
        scope=body.scope,
        row_filter=terms.row_filter,
        allowed_columns=terms.allowed_columns,
        denied_columns=terms.denied_columns,
        rate=body.rate,
        starts_at=starts,
        expires_at=body.expires_at.timestamp(),
        state="open",
        created_at=now,
        created_by=caller.name,
        changed_at=now,
        changed_by=caller.name,
        version=1,
    )
    return _shown(await change(rooms, grant(made)), response)


@router.get("/entitlements/", operation_id="list_entitlements")
@router.get("/entitlements", include_in_schema=False)
async def list_entitlements(
    _: Auditor,
    rooms: WithRooms,
    after: After,
    partner_id: Annotated[str | None, Query(pattern=PARTNER_NAME, description="Of this partner only.")] = None,
    all_states: Annotated[bool, Query(alias="all", description="Those revoked, too.")] = False,
    limit: Limit = 100,
) -> Entitlements:
    """List entitlements."""
    found = await read(
        rooms.house.partners.entitlements(partner_id=partner_id, only_open=not all_states, after=after, limit=limit + 1)
    )
    items = [Entitlement.of(each) for each in found[:limit]]
    return Entitlements(items=items, next=next_of(found, limit, lambda each: each.id))


@router.get("/entitlements/{entitlement_id}", operation_id="get_entitlement")
async def get_entitlement(entitlement_id: uuid.UUID, _: Auditor, rooms: WithRooms, response: Response) -> Entitlement:
    """Show an entitlement that was not revoked."""
    found = await _found(rooms, entitlement_id)
    if found.state == "revoked":
        raise gone(f"entitlement {entitlement_id}", "GET /entitlements/?all=true")
    return _shown(found, response)


@router.patch("/entitlements/{entitlement_id}", operation_id="change_entitlement", responses=STALE)
async def change_entitlement(
    entitlement_id: uuid.UUID,
    body: EntitlementChange,
    caller: Steward,
    rooms: WithRooms,
    response: Response,
    version: Version,
) -> Entitlement:
    """Change an entitlement's end, rows, columns or rate. If-Match names the version that was read."""
    before = await _found(rooms, entitlement_id)
    changes: dict[str, Any] = {}
    if "expires_at" in body.model_fields_set:
        if body.expires_at is None:
            raise unfit("expires_at", "every entitlement has an end", "Leave it out, and it stays.")
        _check_end(body.expires_at, before.starts_at)
        changes["expires_at"] = body.expires_at.timestamp()
    if "rate" in body.model_fields_set:
        changes["rate"] = body.rate
    if body.model_fields_set & {"row_filter", "allowed_columns", "denied_columns"}:
        changes |= await _changed_terms(rooms, before, body)
    return _shown(await change(rooms, amend(before.id, changes, caller.name, version)), response)


@router.delete("/entitlements/{entitlement_id}", status_code=204, operation_id="revoke_entitlement", responses=STALE)
async def revoke_entitlement(
    entitlement_id: uuid.UUID, caller: Steward, rooms: WithRooms, version: VersionIfGiven
) -> None:
    """Revoke an entitlement: every replica acts on it within seconds, tokens that carry it or not."""
    await change(rooms, revoke(str(entitlement_id), caller.name, version))


async def _found(rooms: Rooms, entitlement_id: uuid.UUID) -> EntitlementRecord:
    found = await read(rooms.house.partners.entitlement(str(entitlement_id)))
    if found is None:
        raise missing(f"entitlement {entitlement_id}")
    return found


async def _changed_terms(rooms: Rooms, before: EntitlementRecord, body: EntitlementChange) -> dict[str, Any]:
    given = body.model_fields_set
    terms = Terms.of(
        body.row_filter if "row_filter" in given else before.row_filter,
        body.allowed_columns if "allowed_columns" in given else before.allowed_columns,
        (body.denied_columns or ()) if "denied_columns" in given else before.denied_columns,
    )
    _check_terms(rooms, terms, await _table(rooms, str(before.table)))
    return {name: getattr(terms, name) for name in ("row_filter", "allowed_columns", "denied_columns") if name in given}


def _check_end(expires_at: datetime, starts: float) -> None:
    if expires_at.timestamp() <= PROCESS_CLOCK.moment().latest:
        raise unfit("expires_at", f"{expires_at:%Y-%m-%dT%H:%M:%SZ} is past", "Name a moment in the future.")
    if expires_at.timestamp() <= starts:
        raise unfit("starts_at", "it would end before it begins", "Let starts_at come before expires_at.")


async def _table(rooms: Rooms, name: str) -> Table:
    try:
        return await resolve(name, rooms.house.catalog)
    except Unresolved as unresolved:
        raise unfit("dataset_name", unresolved.text, unresolved.fix) from None
    except Unread as unread:
        raise Problem(503, "catalogs_unread", str(unread)) from None
    except Exception:  # noqa: BLE001  (engines raise their own kinds)
        raise Problem(503, "engine_unavailable", "The engine of that catalog does not answer: try again.") from None


def _check_terms(rooms: Rooms, terms: Terms, table: Table) -> None:
    faults = faults_of(terms, table, rooms.house.policies.type_of)
    found = [Fault(field=each.field, reason=each.reason, fix=each.fix) for each in faults]
    if found:
        told = "; ".join(f"{each.field}: {each.reason}" for each in found[:3])
        raise Problem(422, "invalid", told, errors=found)


def _shown(record: EntitlementRecord, response: Response) -> Entitlement:
    response.headers["ETag"] = etag(record.version)
    return Entitlement.of(record)
