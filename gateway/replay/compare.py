"""Compare what two policy sets make of a statement: decide cheaply first, plan only what may differ."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from gateway.metadata.layouts import is_system, system_table
from gateway.models import NotPlanned, Plan, Planned
from gateway.received import SYSTEM_ROLES, Received
from gateway.replay.differences import Access, Difference, Outcome, Side, decided, differences
from gateway.replay.observing import Observed, shown_of
from gateway.replay.statements import Statement, as_received
from policies.clock import Clock, Moment
from policies.decisions import Action

if TYPE_CHECKING:
    from catalog.cache import CatalogCache
    from gateway.pipeline import Pipeline
    from gateway.planning.context import Policies
    from policies.index import PolicySet

_MOST_RECORDED = 20
"""Tables that a row surely keeps; a longer list may have been cut."""


class HeldClock(Clock):
    """A clock that shows the time it was set to: both sets decide at the same moment."""

    def __init__(self, at: float) -> None:
        """Start at a time in Unix seconds."""
        self.at = at

    def moment(self) -> Moment:
        """Return the time it was set to."""
        return Moment(self.at, self.at)


def at_one_moment(before: PolicySet, after: PolicySet, now: float | None = None) -> tuple[PolicySet, PolicySet]:
    """Return two sets that decide by one clock over the same partners, and that remember nothing yet."""
    clock = HeldClock(time.time() if now is None else now)
    fresh: dict[str, Any] = {"clock": clock, "_decisions": {}, "_faults": {}}
    return replace(before, **fresh), replace(
        after, **{**fresh, "_decisions": {}, "_faults": {}, "partners": before.partners}
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found for one statement."""

    differences: tuple[Difference, ...] = ()
    planned: int = 0
    """How often it was planned: 0, 1 or 2 times."""
    before: Plan | None = None
    after: Plan | None = None
    received: Received | None = None
    error: str = ""
    """Why nothing can be said of it; empty where it was compared."""


class Comparison:
    """Two policy sets over one catalog."""

    def __init__(self, pipeline: Pipeline, catalog: CatalogCache, before: PolicySet, after: PolicySet) -> None:
        """Compare `after` with `before`; give both by `at_one_moment`."""
        self._pipeline = pipeline
        self._catalog = catalog
        self.before = before
        self.after = after

    async def compare(self, statement: Statement, now: float) -> Compared:
        """Return what is different for a statement that is asked now. Never raises for what the statement says."""
        if statement.cut:
            return Compared(error="its text was too long to be kept")
        for policies in (self.before, self.after):
            if isinstance(policies.clock, HeldClock):
                policies.clock.at = now
        was, now_ = (_received(statement, policies, now) for policies in (self.before, self.after))
        alike = was is not None and now_ is not None and was.principal == now_.principal
        if alike and was is not None and self._decided_alike(statement, was):
            return Compared()
        try:
            return await self._planned(statement, was, now_, alike=alike)
        except Exception as error:  # noqa: BLE001  (one statement must not end the comparison of all)
            return Compared(error=error.code.name if isinstance(error, Refusal) else type(error).__name__)

    def _decided_alike(self, statement: Statement, received: Received) -> bool:
        """Tell whether both sets surely make the same of a plain query, by what it was recorded to read."""
        if not (statement.allowed and statement.kind == "SELECT" and 0 < len(statement.tables) < _MOST_RECORDED):
            return False
        return self._session_alike(received) and all(
            action == Action.SELECT.value and self._table_alike(name, received) for name, action, _ in statement.tables
        )

    def _session_alike(self, received: Received) -> bool:
        """Tell whether both sides let the caller have the session's role and properties, or both do not."""
        subject, session = received.subject, received.session
        taken = subject.roles if session.roles.get(SYSTEM_ROLES, "").startswith("ROLE{") else ()
        return all(
            self.before.session_property_allowed(subject, name) == self.after.session_property_allowed(subject, name)
            for name in session.properties
        ) and all(self.before.may_take_role(subject, role) == self.after.may_take_role(subject, role) for role in taken)

    def _table_alike(self, name: str, received: Received) -> bool:
        found = self._known(name)
        if found is None or found.kind not in ("table", "system"):
            return False  # what is behind a view is asked as others
        subject = received.subject
        one, other = (shown_of(p.decide(subject, Action.SELECT, found)) for p in (self.before, self.after))
        if one != other:
            return False
        seen = (p.may_see_catalog(subject, found.name.catalog) for p in (self.before, self.after))
        return len(set(seen)) == 1

    def _recorded(self, statement: Statement) -> tuple[list[Access], dict[TableName, Table]]:
        """Return what a statement was recorded to read, of the tables that are still known."""
        found = [(each, table) for each in statement.tables if (table := self._known(each[0])) is not None]
        accesses = [(table.name, action, columns) for (_, action, columns), table in found]
        return accesses, {table.name: table for _, table in found}

    def _known(self, dotted: str) -> Table | None:
        parts = dotted.split(".")
        if len(parts) != 3:
            return None
        name = TableName(*parts)
        return system_table(name) if is_system(name) else self._catalog.get(name)

    async def _planned(
        self, statement: Statement, was: Received | None, now: Received | None, *, alike: bool
    ) -> Compared:
        observed = Observed(self.before)
        first = await self._outcome(was, cast("Policies", observed))
        if statement.approximate and statement.allowed and isinstance(first, NotPlanned):
            sides = Side(self.before, was, first), Side(self.after, now, first)
            return Compared(decided(*sides, *self._recorded(statement)), 1)
        if alike and observed.answered_alike(self.after):
            return Compared(planned=1)
        second = await self._outcome(now, self.after)
        before, after = Side(self.before, was, first), Side(self.after, now, second)
        found = differences(before, after, _tables(first, second))
        return Compared(found, 2, before.plan, after.plan, was or now)

    async def _outcome(self, received: Received | None, policies: Policies) -> Outcome:
        if received is None:
            return NotPlanned(Refusal(ErrorCode.PERMISSION_DENIED, "Access Denied: Cannot impersonate the user"))
        outcome = await self._pipeline.under(policies).plan(received)
        if isinstance(outcome, NotPlanned) and outcome.refusal.code in _OUTAGES:
            raise outcome.refusal
        return outcome


_OUTAGES = frozenset(
    {
        ErrorCode.NO_NODES_AVAILABLE,
        ErrorCode.GENERIC_EXTERNAL,
        ErrorCode.SERVER_STARTING_UP,
        ErrorCode.SERVER_SHUTTING_DOWN,
    }
)
"""Refusals that say nothing of policies: an engine that does not describe its tables."""


def _received(statement: Statement, policies: PolicySet, now: float) -> Received | None:
    try:
        return as_received(statement, policies, now)
    except Refusal:
        return None


def _tables(*outcomes: Outcome) -> dict[TableName, Table]:
    """Return the tables that planning looked up, and those that the gateway itself answers."""
    found: dict[TableName, Table] = {}
    for outcome in outcomes:
        looked_up = outcome.plan.depends_on if isinstance(outcome, Planned) else outcome.depends_on
        found.update({name: table for name, table in looked_up if table is not None})
        for access in outcome.plan.tables if isinstance(outcome, Planned) else ():
            table = system_table(access.name) if is_system(access.name) else None
            if table is not None:
                found[access.name] = table
    return found
