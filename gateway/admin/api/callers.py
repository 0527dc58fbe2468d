"""Who calls the admin API, and with which of its roles. A header alone is never enough here, not even in the demo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from gateway.admin.api.problems import Problem
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.auth.credentials import Credentials, Forbidden, Unauthorized
from gateway.events import AuthenticationFailed
from gateway.received import Principal
from policies.directory import AdminRole

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Penstock"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller and what he may do here."""

    principal: Principal
    roles: frozenset[AdminRole]

    @property
    def name(self) -> str:
        """Return what the audit calls him."""
        return self.principal.user


async def caller_of(rooms: Rooms, authorization: str | None, address: str | None, *, secure: bool) -> Caller:
    """Return who proved to be somebody. Raises Problem 401 or 403."""
    if not authorization:
        raise Problem(401, "unauthenticated", "Send a bearer token: Authorization: Bearer ...", headers=_CHALLENGE)
    shown = Credentials(None, authorization=authorization, remote_address=address, secure=secure)
    try:
        principal = await rooms.house.authenticator.authenticate(shown)
    except Unauthorized as refused:
        rooms.house.bus.publish(AuthenticationFailed("jwt", refused.reason, address))
        headers = {"WWW-Authenticate": ", ".join(refused.challenges)} if refused.challenges else {}
        raise Problem(401, "unauthenticated", refused.text, headers=headers) from None
    except Forbidden as refused:
        rooms.house.bus.publish(AuthenticationFailed("jwt", refused.reason, address))
        raise Problem(403, "forbidden", refused.text) from None
    if principal.method == "insecure":
        raise Problem(401, "unauthenticated", "A name without a proof is not enough here.", headers=_CHALLENGE)
    return Caller(principal, rooms.house.policies.current().admin_roles_of(principal.subject))


def needs(*roles: AdminRole) -> Callable[..., Awaitable[Caller]]:
    """Return the dependency that hands an operation its caller if he has one of the roles, or if it names none."""

    async def caller(
        request: Request, rooms: WithRooms, _: Annotated[object, Security(HTTPBearer(auto_error=False))]
    ) -> Caller:
        address = request.client.host if request.client else None
        found = await caller_of(
            rooms, request.headers.get("authorization"), address, secure=request.url.scheme == "https"
        )
        if roles and not found.roles & set(roles):
            wanted = " or ".join(roles)
            raise Problem(403, "forbidden", f"{found.name} has no role for this here: it takes {wanted}.")
        return found

    return caller


Anyone = Annotated[Caller, Depends(needs())]
"""Whoever proved to be somebody: the operation shows him what is his."""
Reader = Annotated[Caller, Depends(needs("owner", "steward", "auditor"))]
"""Whoever has any role of the admin API."""
Author = Annotated[Caller, Depends(needs("owner", "steward"))]
"""Who may change policies: an owner those of his tables only, which the operation itself checks."""
Steward = Annotated[Caller, Depends(needs("steward"))]
Auditor = Annotated[Caller, Depends(needs("auditor", "steward"))]
