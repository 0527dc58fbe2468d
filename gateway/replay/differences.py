"""What is different for a statement under two policy sets, in kinds that people can act on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from catalog.objects import Table, TableName
from gateway.models import NotPlanned, Plan, Planned
from gateway.received import Received
from gateway.replay.observing import shown_of
from policies.decisions import Action
from policies.showing import Shown, Sight

if TYPE_CHECKING:
    from policies.index import PolicySet

Kind = Literal[
    "newly_denied",
    "newly_allowed",
    "newly_exposed",
    "newly_hidden",
    "changed_mask",
    "changed_filter",
    "changed_group_size",
    "changed_query",
]
KINDS: dict[Kind, str] = {
    "newly_denied": "it ran, and would be refused",
    "newly_allowed": "it was refused, and would run",
    "newly_exposed": "a column that was withheld or masked would be seen, or be masked less",
    "newly_hidden": "a column that was seen would be withheld or masked, or be masked more",
    "changed_mask": "a column would be masked otherwise; which of the two shows more is not known",
    "changed_filter": "other rows would be seen",
    "changed_group_size": "groups would need another least size",
    "changed_query": "it would be governed otherwise in some other way",
}
Outcome = Planned | NotPlanned
Access = tuple[TableName, str, tuple[str, ...]]
"""A table, an action on it, and the columns that it reads."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference for one table; none where the whole statement is meant."""

    kind: Kind
    table: str
    columns: tuple[str, ...] = ()
    reason: str = ""
    """For everybody who may see the table's policies at all: no policy text."""
    before: str = field(default="", repr=False)
    """Policy text, for stewards and for the table's owners."""
    after: str = field(default="", repr=False)


class Side(NamedTuple):
    """A statement under one of the two sets."""

    policies: PolicySet
    received: Received | None
    """None where the caller could not even act for the user."""
    outcome: Outcome

    @property
    def plan(self) -> Plan | None:
        """Return the plan; None for a refusal."""
        return self.outcome.plan if isinstance(self.outcome, Planned) else None

    def shows(self, table: Table, action: Action = Action.SELECT) -> Shown:
        """Return what the caller is shown of a table."""
        if self.received is None:
            return Shown(False)
        return shown_of(self.policies.decide(self.received.subject, action, table))


def differences(before: Side, after: Side, tables: Mapping[TableName, Table]) -> tuple[Difference, ...]:
    """Return what is different; `tables` are those that either side looked up."""
    was, now = before.plan, after.plan
    if was is None and now is None:
        return ()
    if was is not None and now is not None and _same(was, now):
        return ()
    accesses = [
        (each.name, each.action, each.columns) for plan in (was, now) if plan is not None for each in plan.tables
    ]
    changed = changes(before, after, accesses, tables)
    if now is None:
        return tuple(_turned("newly_denied", after, changed))
    found = tuple(each for change in changed for each in change.differences())
    if was is None:
        exposed = tuple(each for each in found if each.kind == "newly_exposed")
        return (*_turned("newly_allowed", before, changed), *exposed)
    if found or (changed and was.columns == now.columns and was.answer == now.answer):
        return found  # what else is written otherwise of these tables, the statement does not read
    return (Difference("changed_query", ""),)


def decided(
    before: Side, after: Side, accesses: Iterable[Access], tables: Mapping[TableName, Table]
) -> tuple[Difference, ...]:
    """Return what is different for what a statement is known to read, where it cannot be planned as it was asked."""
    changed = changes(before, after, accesses, tables)
    denied = [each for each in changed if each.was.allowed and not each.now.allowed]
    if denied:
        return tuple(_turned("newly_denied", after, denied))
    return tuple(each for change in changed if change.was.allowed for each in change.differences())


def changes(before: Side, after: Side, accesses: Iterable[Access], tables: Mapping[TableName, Table]) -> list[Changed]:
    """Return the tables that the two sides show otherwise, each with the columns that are read of it."""
    read: dict[tuple[TableName, Action], dict[str, None]] = {(name, Action.SELECT): {} for name in tables}
    for name, action, columns in accesses:
        if name in tables and action in _ACTIONS:
            read.setdefault((name, _ACTIONS[action]), {}).update(dict.fromkeys(columns))
    found = []
    for (name, kind), its in read.items():
        one, other = before.shows(tables[name], kind), after.shows(tables[name], kind)
        if one != other:
            found.append(Changed(str(name), kind, one, other, tuple(its)))
    return found


def _same(was: Plan, now: Plan) -> bool:
    """Tell whether two plans do the same. What EXPLAIN tells of policies, their names and versions, does not count."""
    told = was.kind.startswith("EXPLAIN") or was.answer == now.answer
    return told and all(getattr(was, part) == getattr(now, part) for part in _PARTS)


_PARTS = ("kind", "engine", "sql", "governed_sql", "write", "columns", "prepared", "exportable", "headers", "reveal")
_ACTIONS = {action.value: action for action in Action}


def _turned(kind: Kind, refused: Side, changed: Sequence[Changed]) -> Iterator[Difference]:
    """Yield the difference between running and being refused, for each table that has a part in it."""
    reason = refused.outcome.refusal.code.name if isinstance(refused.outcome, NotPlanned) else ""
    blamed = [each for each in changed if each.was.allowed != each.now.allowed] or changed
    found = dict.fromkeys(Difference(kind, each.table, each.unlike, reason) for each in blamed)
    yield from found or (Difference(kind, "", (), reason),)


class Changed(NamedTuple):
    """A table that the two sets show otherwise, and the columns that the statement reads of it."""

    table: str
    action: Action
    was: Shown
    now: Shown
    columns: tuple[str, ...]

    @property
    def unlike(self) -> tuple[str, ...]:
        """Return the columns that are shown otherwise; all of them where that is not what is different."""
        found = tuple(each for each in self.columns if self.was.sight(each) != self.now.sight(each))
        return found or self.columns

    def differences(self) -> Iterator[Difference]:
        """Yield what is different for these columns, and for the table's rows."""
        was, now = self.was, self.now
        if self.action is not Action.SELECT:
            return
        for column in self.columns:
            seen, sees = was.sight(column), now.sight(column)
            texts = (was.mask(column), now.mask(column))
            reason = f"{_WORDS[seen]} -> {_WORDS[sees]}"
            if seen != sees:
                kind: Kind = "newly_exposed" if sees > seen else "newly_hidden"
                yield Difference(kind, self.table, (column,), reason, *texts)
            elif not was.same_mask(now, column):
                yield Difference("changed_mask", self.table, (column,), reason, *texts)
        if not was.allowed or not now.allowed:
            return
        if was.row_filter != now.row_filter:
            reason = f"{_rows(was)} -> {_rows(now)}"
            yield Difference("changed_filter", self.table, (), reason, was.row_filter, now.row_filter)
        if was.min_group != now.min_group:
            yield Difference("changed_group_size", self.table, (), f"{was.min_group} -> {now.min_group}")


_WORDS = {
    Sight.WITHHELD: "withheld",
    Sight.CONSTANT: "masked by a constant",
    Sight.ONE_WAY: "masked one way",
    Sight.PARTIAL: "masked in part",
    Sight.CLEAR: "clear",
}


def _rows(shown: Shown) -> str:
    return "filtered rows" if shown.row_filter else "all rows"
