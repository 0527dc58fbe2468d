"""What an export works with: the people and tables it is for, and what could not be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.objects import SchemaName, Table
from policies.decisions import Subject
from policies.index import PolicySet


@dataclass(frozen=True, slots=True)
class Unexpressed:
    """A rule that the other system cannot hold, and what was done instead: never less than the rule asks for."""

    about: str
    """A table, a column, a person, or the kind of rule."""
    reason: str
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extent:
    """For whom and for what policies are exported: the people named in policy files, the tables of some catalogs."""

    policies: PolicySet
    tables: Sequence[Table]
    schemas: Sequence[SchemaName]
    evaluator: str | None = None
    """A user as whom nobody can sign in, with whose rights filters and masks over withheld columns are computed."""

    @property
    def users(self) -> list[str]:
        """Return everybody whom the policy files know, sorted."""
        return sorted(self.policies.directory.people)

    def subject(self, user: str) -> Subject:
        """Return a person as the policy files know him, without any token."""
        known = self.policies
        return Subject(user, known.roles_of(user), known.attributes_of(user), groups=known.groups_of(user))
