"""What a simulation is asked: who would say what, where, when."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.received import SYSTEM_ROLES, Principal, Received, Session
from policies.index import PolicySet

_CAPABILITIES = frozenset({"PATH", "PARAMETRIC_DATETIME", "SESSION_AUTHORIZATION"})
"""What clients of today can do."""


@dataclass(frozen=True, slots=True)
class Question:
    """A statement as somebody would send it. What policies know of him is added to what is said here."""

    user: str
    sql: str
    catalog: str | None = None
    schema: str | None = None
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"
    role: str | None = None
    """The role that the session has chosen among his."""
    source: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    prepared: Mapping[str, str] = field(default_factory=dict)
    at: float | None = None
    """Unix seconds; now where it is None."""


def received(question: Question, policies: PolicySet) -> Received:
    """Return the statement as it would come through the door, from somebody who proved to be the user."""
    user = question.user
    attributes = {*policies.attributes_of(user), *question.attributes.items()}
    principal = Principal(
        user,
        user,
        policies.roles_of(user) | question.roles,
        tuple(sorted(attributes)),
        "simulation",
        groups=policies.groups_of(user) | question.groups,
    )
    session = Session(
        catalog=question.catalog,
        schema=question.schema,
        time_zone=question.time_zone,
        source=question.source,
        properties=question.properties,
        capabilities=_CAPABILITIES,
        prepared=question.prepared,
        roles={SYSTEM_ROLES: f"ROLE{{{question.role}}}"} if question.role is not None else {},
    )
    now = question.at if question.at is not None else time.time()
    return Received(f"simulation_{uuid.uuid4().hex}", question.sql, principal, session, now)
