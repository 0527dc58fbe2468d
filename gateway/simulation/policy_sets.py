"""Policy sets for questions: one with another clock, one that allows everything and notes what it was asked for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from catalog.objects import SchemaName, Table, TableName
from policies.clock import Clock
from policies.decisions import Action, Subject, TableDecision
from policies.index import PolicySet


def at_moment(policies: PolicySet, seconds: float | None) -> PolicySet:
    """Return policies that take another moment for the present; the same where none is named."""
    if seconds is None:
        return policies
    return anew(replace(policies, clock=Clock(lambda: seconds)), f"at {seconds}")


def anew(policies: PolicySet, mark: str) -> PolicySet:
    """Return policies that share no decision with those that they were made of, under a version of their own."""
    return replace(policies, version=f"{policies.version} {mark}", _decisions={}, _faults={})


@dataclass(slots=True)
class Asked:
    """What planning a statement asks of policies."""

    tables: dict[tuple[Subject, Action, TableName], Table] = field(default_factory=dict)
    schemas: set[tuple[Subject, Action, SchemaName]] = field(default_factory=set)
    managed: set[tuple[Subject, TableName]] = field(default_factory=set)
    properties: set[tuple[Subject, str]] = field(default_factory=set)
    actors: set[tuple[str, str]] = field(default_factory=set)
    """Who would act for whom."""
    named: set[TableName] = field(default_factory=set)
    """Tables of which it was asked whether policies name their columns."""


@dataclass(frozen=True, slots=True)
class Noting(PolicySet):
    """Decide as ever, and note what was asked; not what listings ask, which look at every table."""

    asked: Asked = field(default_factory=Asked, repr=False, compare=False)

    def decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        """Decide one action on one table."""
        self.asked.tables[subject, action, table.name] = table
        return PolicySet.decide(self, subject, action, table)

    def visible_columns(self, subject: Subject, table: Table) -> tuple[str, ...]:
        """Return the columns that a caller may know."""
        decision = PolicySet.decide(self, subject, Action.SELECT, table)
        return decision.columns if decision.allowed else ()

    def may_see_table(self, subject: Subject, table: Table) -> bool:
        """Tell whether a caller may know that a table exists."""
        return PolicySet.decide(self, subject, Action.SELECT, table).allowed

    def decide_schema(self, subject: Subject, action: Action, schema: SchemaName) -> bool:
        """Decide whether a schema may be made or dropped."""
        self.asked.schemas.add((subject, action, schema))
        return PolicySet.decide_schema(self, subject, action, schema)

    def may_manage(self, subject: Subject, table: TableName) -> bool:
        """Tell whether a caller may manage the policies of a table."""
        self.asked.managed.add((subject, table))
        return PolicySet.may_manage(self, subject, table)


def noting(policies: PolicySet) -> Noting:
    """Return policies that note what they are asked."""
    return Noting(**{each.name: getattr(policies, each.name) for each in fields(PolicySet)})


@dataclass(frozen=True, slots=True)
class AllOpen(PolicySet):
    """Allow everything, and note what was asked: so a plan tells all that its statement needs."""

    asked: Asked = field(default_factory=Asked, repr=False, compare=False)

    def decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        """Allow an action on all of a table."""
        self.asked.tables[subject, action, table.name] = table
        return TableDecision(table.name, action, allowed=True, columns=tuple(column.name for column in table.columns))

    def cache_key(self, subject: Subject) -> Hashable:
        """Return what keeps this sight apart from every other."""
        return ("open", id(self.asked))

    def visible_columns(self, subject: Subject, table: Table) -> tuple[str, ...]:
        """Show all columns; listings ask for every table, so that nothing is noted."""
        return tuple(column.name for column in table.columns)

    def may_see_table(self, subject: Subject, table: Table) -> bool:
        """Show every table."""
        return True

    def may_see_catalog(self, subject: Subject, catalog: str) -> bool:
        """Show every catalog."""
        return True

    def may_see_schema(self, subject: Subject, catalog: str, schema: str) -> bool:
        """Show every schema."""
        return True

    def decide_schema(self, subject: Subject, action: Action, schema: SchemaName) -> bool:
        """Let schemas be made and dropped."""
        self.asked.schemas.add((subject, action, schema))
        return True

    def may_manage(self, subject: Subject, table: TableName) -> bool:
        """Let policies be managed."""
        self.asked.managed.add((subject, table))
        return True

    def names_columns(self, table: TableName) -> bool:
        """Let what policies name be renamed."""
        self.asked.named.add(table)
        return False

    def may_impersonate(self, principal: str, user: str) -> bool:
        """Let everybody act for everybody."""
        if principal != user:
            self.asked.actors.add((principal, user))
        return True

    def may_handle_queries(self, subject: Subject, way: Literal["view", "kill"]) -> bool:
        """Let everybody see and end all queries."""
        return True

    def session_property_allowed(self, subject: Subject, name: str) -> bool:
        """Let every property be set."""
        self.asked.properties.add((subject, name))
        return True


def all_open(policies: PolicySet) -> AllOpen:
    """Return a set that allows everything, with the directory, tags and names of policies."""
    return AllOpen(**{each.name: getattr(policies, each.name) for each in fields(PolicySet)})
