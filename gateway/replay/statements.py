"""A statement as it was recorded, and as it would come through the door today under a set of policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.errors import ErrorCode, Refusal
from gateway.asked import Asked, asked_once, scope_of
from gateway.models import TableAccess
from gateway.received import SYSTEM_ROLES, Claimed, Principal, Received, Session

if TYPE_CHECKING:
    from policies.index import PolicySet

Read = tuple[tuple[str, str, tuple[str, ...]], ...]
"""(dotted table, action, columns), as a usage row has it."""
_CUT = " characters]"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one caller in one session, with what became of it."""

    query_id: str
    sql: str
    user: str
    authenticated: str
    method: str
    source: str | None
    asked: Asked | None
    roles: tuple[str, ...] = ()
    """All that the caller had, by credential and by policy."""
    kind: str = ""
    allowed: bool = False
    tables: Read = ()
    times: int = 1
    """How often it was asked."""

    @property
    def approximate(self) -> bool:
        """Tell whether it is not known how it was asked, so that today's policies speak for the caller alone."""
        return self.asked is None or self.asked.cut

    @property
    def cut(self) -> bool:
        """Tell whether the text was too long to be kept whole: it cannot be planned again."""
        return self.sql.endswith(_CUT) and " ... [" in self.sql[-40:]


def of_received(received: Received, kind: str, accesses: Sequence[TableAccess], *, allowed: bool) -> Statement:
    """Return a statement that has just been planned."""
    principal, session = received.principal, received.session
    return Statement(
        received.query_id,
        received.sql,
        principal.user,
        principal.authenticated,
        principal.method,
        session.source,
        asked_once(principal, session),
        tuple(sorted(principal.roles)),
        kind,
        allowed,
        tuple((str(each.name), each.action, each.columns) for each in accesses),
    )


def as_received(statement: Statement, policies: PolicySet, now: float) -> Received:
    """Return the statement as it would come today. Raises Refusal where the caller may not act for the user now."""
    asked = statement.asked or Asked()
    original = asked.original or statement.user
    for actor, other in ((statement.authenticated, original), (original, statement.user)):
        if not policies.may_impersonate(actor, other):
            message = f"Access Denied: User {actor} cannot impersonate user {other}"
            raise Refusal(ErrorCode.PERMISSION_DENIED, message)
    claimed = _claimed(statement, policies)
    attributes = {**dict(policies.attributes_of(statement.user)), **dict(claimed.attributes)}
    principal = Principal(
        statement.user,
        statement.authenticated,
        policies.roles_of(statement.user) | claimed.roles,
        tuple(sorted(attributes.items())),
        statement.method,
        None,
        asked.original,
        policies.groups_of(statement.user) | claimed.groups,
        claimed,
        scope_of(asked),
    )
    session = Session(
        catalog=asked.catalog,
        schema=asked.schema,
        path=asked.path,
        time_zone=asked.time_zone,
        source=statement.source,
        properties=dict(asked.properties),
        prepared=dict(asked.prepared),
        roles={SYSTEM_ROLES: asked.role} if asked.role is not None else {},
    )
    return Received(statement.query_id, statement.sql, principal, session, now)


def _claimed(statement: Statement, policies: PolicySet) -> Claimed:
    """Return what the credential said; of rows that do not tell, the roles that policy does not give."""
    if statement.asked is None:
        return Claimed(frozenset(statement.roles) & frozenset(policies.roles.closure))
    asked = statement.asked
    return Claimed(frozenset(asked.roles), frozenset(asked.groups), asked.attributes)
