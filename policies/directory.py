"""The directory: what policies know about people, and what people may do apart from reading tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from policies.rules import EVERYBODY, Roles, group_key, role_key, user_key

AdminRole = Literal["owner", "steward", "auditor"]
"""An owner changes the policies of the tables he manages, a steward everything, an auditor reads everything."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user named in a policy file."""

    roles: frozenset[str]
    attributes: tuple[tuple[str, str], ...]
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom a principal may act."""

    everybody: bool
    users: frozenset[str]
    roles: frozenset[str]
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Directory:
    """People, who may act for whom, session properties and other people's queries, by principal."""

    people: Mapping[str, Person] = field(default_factory=dict)
    acting: Mapping[str, tuple[Acting, ...]] = field(default_factory=dict)
    properties: Mapping[str, frozenset[str]] = field(default_factory=dict)
    queries: Mapping[str, frozenset[str]] = field(default_factory=dict)
    administration: Mapping[str, frozenset[AdminRole]] = field(default_factory=dict)

    def roles_of(self, user: str) -> frozenset[str]:
        """Return the roles written for a user."""
        person = self.people.get(user)
        return person.roles if person is not None else frozenset()

    def groups_of(self, user: str) -> frozenset[str]:
        """Return the groups written for a user."""
        person = self.people.get(user)
        return person.groups if person is not None else frozenset()

    def attributes_of(self, user: str) -> tuple[tuple[str, str], ...]:
        """Return the attributes written for a user, sorted by name."""
        person = self.people.get(user)
        return person.attributes if person is not None else ()

    def may_impersonate(self, principal: str, user: str, roles: Roles) -> bool:
        """Tell whether a rule lets a principal act for a user. Only what the files say of both counts, no claim."""
        held = {r for role in self.roles_of(principal) for r in roles.closure.get(role, ())}
        theirs = {r for role in self.roles_of(user) for r in roles.closure.get(role, ())}
        groups = (group_key(group) for group in self.groups_of(principal))
        keys = (EVERYBODY, user_key(principal), *groups, *(role_key(role) for role in held))
        return any(
            rule.everybody
            or user in rule.users
            or bool(theirs & rule.roles)
            or bool(self.groups_of(user) & rule.groups)
            for key in keys
            for rule in self.acting.get(key, ())
        )

    def session_property_allowed(self, principals: frozenset[str], name: str) -> bool:
        """Tell whether any of the principals may set a property, by its name or by its catalog's wildcard."""
        wanted = {name.lower(), f"{name.lower().rpartition('.')[0]}.*"}
        return any(wanted & self.properties.get(principal, frozenset()) for principal in principals)

    def may_handle_queries(self, principals: frozenset[str], way: Literal["view", "kill"]) -> bool:
        """Tell whether any of the principals may see or cancel the queries of others."""
        return any(way in self.queries.get(principal, frozenset()) for principal in principals)

    def admin_roles(self, principals: frozenset[str]) -> frozenset[AdminRole]:
        """Return what any of the principals is in the admin API."""
        return frozenset().union(*(self.administration.get(principal, ()) for principal in principals))
