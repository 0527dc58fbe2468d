"""`/tokens/`: bearer tokens for partners' clients. A token is shown once, when it is made, and kept nowhere."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from gateway.admin.api.callers import Auditor, Steward
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.problems import Problem, unfit
from gateway.admin.api.registry import (
    PARTNER_NAME,
    Body,
    DatasetName,
    PartnerId,
    change,
    gone,
    missing,
    read,
    settings_of,
)
from gateway.admin.api.rooms import WithRooms
from gateway.partners.changes import revoke_token as revoking
from gateway.partners.model import Standing, TokenRecord
from gateway.partners.names import Unresolved, parts_of
from gateway.partners.tokens import Asked, Issued, issue
from gateway.partners.tokens import Limit as TokenLimit
from policies.clock import PROCESS_CLOCK

router = APIRouter(tags=["partners"])
_MOST_HOURS = 8784
"""A leap year's. What `partners.max_token_hours` allows is less or equal."""


class NewToken(Body):
    """A token to make."""

    partner_id: PartnerId
    datasets: list[DatasetName] = Field(
        min_length=1, max_length=1000, description="Each inside a live entitlement of the partner."
    )
    duration_hours: float = Field(default=24, gt=0, le=_MOST_HOURS, allow_inf_nan=False, strict=True)


class Token(BaseModel):
    """What is known of a token; never the token itself."""

    id: str = Field(description="The token's `jti`.")
    partner_id: str
    datasets: list[str]
    key_id: str = Field(description="The key that signed it, its header's `kid`.")
    state: Standing
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None

    @classmethod
    def of(cls, record: TokenRecord) -> Token:
        """Return a record as it is shown now."""
        return cls(
            id=record.id,
            partner_id=record.partner_id,
            datasets=[f"{each['catalog']}.{each['schema']}.{each['table']}" for each in record.scope],
            key_id=record.key_id,
            state=record.standing(PROCESS_CLOCK.moment()),
            issued_at=moment_of(record.issued_at),
            issued_by=record.issued_by,
            expires_at=moment_of(record.expires_at),
            revoked_at=None if record.revoked_at is None else moment_of(record.revoked_at),
            revoked_by=record.revoked_by,
        )


class MadeToken(Token):
    """A token that was just made."""

    token: str = Field(description="The bearer token: it is not shown again.")
    limited_by: TokenLimit = Field(
        description="What ends it: the duration asked for, its first entitlement's end, or `partners.max_token_hours`."
    )

    @classmethod
    def made(cls, issued: Issued) -> MadeToken:
        """Return what the caller is told."""
        return cls(**Token.of(issued.record).model_dump(), token=issued.token, limited_by=issued.limited_by)


class Tokens(BaseModel):
    """A page of tokens."""

    items: list[Token]
    next: str | None


@router.post("/tokens/", status_code=201, operation_id="issue_token")
@router.post("/tokens", status_code=201, include_in_schema=False)
async def issue_token(body: NewToken, caller: Steward, rooms: WithRooms, response: Response) -> MadeToken:
    """Make a token for some of a partner's live entitlements; it ends with the first of them, if not before."""
    config = settings_of(rooms)
    if not config.keys:
        raise Problem(409, "no_partner_keys", "partners.keys is empty in the configuration: nothing can sign tokens.")
    try:
        datasets = tuple(parts_of(name) for name in body.datasets)
    except Unresolved as unresolved:
        raise unfit("datasets", unresolved.text, unresolved.fix) from None
    asked = Asked(body.partner_id, datasets, body.duration_hours)
    issued = await change(rooms, issue(asked, caller.name, config))
    response.headers["Cache-Control"] = "no-store"
    return MadeToken.made(issued)


@router.get("/tokens/", operation_id="list_tokens")
@router.get("/tokens", include_in_schema=False)
async def list_tokens(
    _: Auditor,
    rooms: WithRooms,
    after: After,
    partner_id: Annotated[str | None, Query(pattern=PARTNER_NAME, description="Of this partner only.")] = None,
    limit: Limit = 100,
) -> Tokens:
    """List tokens, without the tokens."""
    found = await read(rooms.house.partners.tokens(partner_id=partner_id, after=after, limit=limit + 1))
    items = [Token.of(each) for each in found[:limit]]
    return Tokens(items=items, next=next_of(found, limit, lambda each: each.id))


@router.get("/tokens/{token_id}", operation_id="get_token")
async def get_token(token_id: uuid.UUID, _: Auditor, rooms: WithRooms) -> Token:
    """Show what is known of a token."""
    found = await read(rooms.house.partners.token(str(token_id)))
    if found is None:
        raise missing(f"token {token_id}")
    if found.state == "revoked":
        raise gone(f"token {token_id}", "GET /tokens/?partner_id=...")
    return Token.of(found)


@router.delete("/tokens/{token_id}", status_code=204, operation_id="revoke_token")
async def revoke_token(token_id: uuid.UUID, caller: Steward, rooms: WithRooms) -> None:
    """Revoke one token: every replica refuses it within seconds."""
    await change(rooms, revoking(str(token_id), caller.name))
