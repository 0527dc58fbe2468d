"""A statement as it came through the door: who asks, in what session, and what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from catalog.errors import ErrorCode, Refusal
from policies.decisions import Subject
from policies.entitlements import Scope

SYSTEM_ROLES, ALL_ROLES, NO_ROLES = "system", "ALL", "NONE"
"""How a session names its choice among the roles that policy gives: by this catalog, as all, none or `ROLE{name}`."""


class Claimed(NamedTuple):
    """What a credential itself says of whom it speaks for; see `gateway.asked`."""

    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()


NOTHING_CLAIMED = Claimed()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as verified by an authenticator; never built from a bare client header outside `insecure`."""

    user: str
    """The session user: the identity policies apply to."""
    authenticated: str
    """The principal that proved itself; differs from `user` under impersonation."""
    roles: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()
    method: str = ""
    """`jwt`, `password`, `api_key`, `certificate` or `insecure`."""
    expires_at: float | None = None
    """Unix seconds after which the credential no longer holds."""
    original: str = ""
    """The session's user before SET SESSION AUTHORIZATION; empty where that is `user`."""
    groups: frozenset[str] = frozenset()
    claimed: Claimed = NOTHING_CLAIMED
    """What of all this the credential said; policy says the rest."""
    scope: Scope | None = None
    """What a partner's token is good for."""

    @property
    def subject(self) -> Subject:
        """Return what policy may see of the caller."""
        return self.asking_from("")

    def asking_from(self, source: str) -> Subject:
        """Return what policy may see of the caller, with the application as it calls itself."""
        return Subject(
            self.user,
            self.roles,
            self.attributes,
            groups=self.groups,
            source=source,
            authenticated=self.authenticated,
            scope=self.scope,
        )


@dataclass(frozen=True, slots=True)
class Session:
    """What the request's headers say, checked and decoded; carried by the client, so the gateway keeps none of it."""

    catalog: str | None = None
    schema: str | None = None
    path: str | None = None
    time_zone: str = "UTC"
    language: str | None = None
    source: str | None = None
    client_info: str | None = None
    client_tags: tuple[str, ...] = ()
    trace_token: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    prepared: Mapping[str, str] = field(default_factory=dict)
    """Prepared statements as the client sent them, decoded once."""
    roles: Mapping[str, str] = field(default_factory=dict)
    transaction: str | None = None
    """None: the client knows no transactions; `NONE`: it does and has none; else a sealed id, not opened yet."""
    capabilities: frozenset[str] = frozenset()
    resource_estimates: Mapping[str, str] = field(default_factory=dict)
    data_encodings: tuple[str, ...] = ()
    """The forms of results in segments that the client takes, in its order."""
    remote_address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """An explicit transaction: the engine that keeps it, and its id there, which the client never sees."""

    engine: str
    id: str


class Received(msgspec.Struct, frozen=True):
    """A statement as it came through the door."""

    query_id: str
    sql: str
    principal: Principal
    session: Session
    received_at: float
    """Unix seconds."""
    transaction: Transaction | None = None
    """The open transaction that the session names, if it is one of this caller's."""

    @property
    def subject(self) -> Subject:
        """Return what policy may see of the caller: with the role that the session chose, if it chose one."""
        whole = self.principal.asking_from(self.session.source or "")
        chosen = self.session.roles.get(SYSTEM_ROLES, ALL_ROLES)
        if chosen == ALL_ROLES:
            return whole
        roles = frozenset() if chosen == NO_ROLES else frozenset({chosen[len("ROLE{") : -1]})
        return replace(whole, roles=roles, held=whole.roles)


class TooOften(Refusal):
    """Refuse a statement for now: its caller has asked as often as he may."""

    def __init__(self, message: str, seconds: float) -> None:
        """Say after how many seconds another may succeed."""
        super().__init__(ErrorCode.QUERY_QUEUE_FULL, message)
        self.seconds = seconds
