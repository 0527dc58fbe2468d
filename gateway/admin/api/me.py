"""`/api/v1/me`: who the gateway takes the caller for."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.admin.api.callers import Reader
from policies.directory import AdminRole

router = APIRouter(tags=["identity"])


class Me(BaseModel):
    """The caller as policies know him, and his roles in this API."""

    user: str
    roles: list[str]
    attributes: dict[str, str]
    admin_roles: list[AdminRole]


@router.get("/me")
async def me(caller: Reader) -> Me:
    """Tell who the gateway takes the caller for."""
    who = caller.principal
    return Me(
        user=who.user,
        roles=sorted(who.roles),
        attributes=dict(who.attributes),
        admin_roles=sorted(caller.roles),
    )
