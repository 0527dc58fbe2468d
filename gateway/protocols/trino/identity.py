"""Who is asking, and whether a page is theirs."""

from __future__ import annotations

from typing import Protocol

from gateway.auth.credentials import Credentials, Forbidden, Unauthorized
from gateway.events import AuthenticationFailed
from gateway.protocols.http import Request
from gateway.protocols.trino.addresses import shows_proof
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NotHere
from gateway.received import Principal


async def authenticate(door: Door, shown: Credentials) -> Principal:
    """Return the principal. Raises Unauthorized or Forbidden, after telling the event bus."""
    try:
        return await door.ports.authenticate(shown)
    except (Unauthorized, Forbidden) as refused:
        door.ports.publish(AuthenticationFailed(_method(shown), refused.reason, shown.remote_address))
        raise


class Owned(Protocol):
    """What somebody owns."""

    @property
    def user(self) -> str:
        """Return the session's user."""
        ...

    @property
    def authenticated(self) -> str:
        """Return who proved to be the sender."""
        ...


async def check_owner(door: Door, request: Request, place: Owned) -> None:
    """Let only the owner at a page: who holds its token, and is nobody else by name or by proof.

    Polls may carry an empty user or none, and no proof (Go, JDBC, CLI); what they do carry must fit.
    Raises NotHere, as for a page that does not exist; Unauthorized for a proof that is none.
    """
    shown = door.addresses.credentials(request)
    if shown.user is not None and shown.user != place.user:
        raise NotHere
    if not shows_proof(shown):
        return
    try:
        principal = await authenticate(door, shown)
    except Forbidden:
        raise NotHere from None
    if principal.authenticated != place.authenticated:
        raise NotHere


def _method(shown: Credentials) -> str:
    if shown.authorization is not None:
        scheme = shown.authorization.partition(" ")[0].lower()
        return {"bearer": "jwt", "basic": "password"}.get(scheme, "none")
    if shown.api_key is not None:
        return "api_key"
    if shown.certificate_subject is not None:
        return "certificate"
    return "insecure" if shown.user is not None else "none"
