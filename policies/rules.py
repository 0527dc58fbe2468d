"""Grants as flat rules: the form that casbin's model reads and that the index is compiled from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.names import fold_trino
from policies.bounds import ALWAYS, Bounds
from policies.decisions import Action, Subject
from policies.document import Grant, actions_of
from policies.whom import bounds_of

EVERYBODY = "*"
Asset = tuple[str, ...]
"""A path from catalog to column; the empty path is everything."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One grant for one principal on one asset. `columns` None means the whole asset."""

    id: str
    principal: str
    asset: Asset
    actions: frozenset[Action]
    effect: Literal["allow", "deny"]
    columns: frozenset[str] | None = None
    tag: str | None = None
    """The rule is about what carries this tag, or one below it, within the asset."""
    bounds: Bounds = ALWAYS


def role_key(role: str) -> str:
    """Return the principal that stands for a role."""
    return f"role:{role}"


def user_key(user: str) -> str:
    """Return the principal that stands for a single user."""
    return f"user:{user}"


def group_key(group: str) -> str:
    """Return the principal that stands for a group."""
    return f"group:{group}"


def keys_of(roles: Iterable[str] | Literal["all"], users: Iterable[str], groups: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the principals that a rule names."""
    named = (EVERYBODY,) if roles == "all" else tuple(role_key(role) for role in roles)
    return (*named, *(group_key(group) for group in groups), *(user_key(user) for user in users))


def asset_of(pattern: str) -> Asset:
    """Return the path of a checked pattern: `*` is empty, `catalog.*` has one part."""
    return tuple(fold_trino(part) for part in pattern.split(".") if part != "*")


def rules_of(grant: Grant, identifier: str) -> list[Rule]:
    """Return the flat rules that one grant of a document stands for."""
    columns = None if grant.columns is None else frozenset(fold_trino(c) for c in grant.columns)
    bounds = bounds_of(grant, grant.when)
    return [
        Rule(
            identifier,
            principal,
            asset_of(pattern),
            actions_of(grant.allow or grant.deny),
            "allow" if grant.allow else "deny",
            columns,
            grant.tag,
            bounds,
        )
        for pattern in grant.assets or ("*",)
        for principal in keys_of(grant.roles, grant.users, grant.groups)
    ]


@dataclass(frozen=True, slots=True)
class Roles:
    """The role graph: what each role inherits, all the way down, itself included."""

    closure: Mapping[str, frozenset[str]]

    def principals(self, subject: Subject) -> frozenset[str]:
        """Return every principal whose rules hold for a caller; roles that no policy knows count for nothing."""
        held = {r for role in subject.roles for r in self.closure.get(role, ())}
        groups = (group_key(group) for group in subject.groups)
        return frozenset({EVERYBODY, user_key(subject.user), *groups, *(role_key(role) for role in held)})

    def outranks(self, one: str, other: str) -> bool:
        """Tell whether a rule for one principal is more particular: user over role or group, heir over inherited."""
        if one == other:
            return False
        if other == EVERYBODY or one.startswith("user:"):
            return True
        if one == EVERYBODY or other.startswith("user:"):
            return False
        if one.startswith("group:") or other.startswith("group:"):
            return False
        return other.removeprefix("role:") in self.closure.get(one.removeprefix("role:"), ())


def close_roles(inherits: Mapping[str, tuple[str, ...]]) -> Roles:
    """Compute the closure of a role graph. Raises ValueError that names a circle; unknown roles are skipped."""
    closure: dict[str, frozenset[str]] = {}

    def visit(role: str, above: tuple[str, ...]) -> frozenset[str]:
        if role in above:
            raise ValueError(" inherits ".join((*above[above.index(role) :], role)))
        if role not in closure:
            below = [visit(r, (*above, role)) for r in inherits[role] if r in inherits]
            closure[role] = frozenset({role}).union(*below)
        return closure[role]

    for role in inherits:
        visit(role, ())
    return Roles(closure)
