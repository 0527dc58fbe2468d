"""What a statement needs, and what of it policies do not give: as proposals that would give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.objects import Table, TableName
from gateway.models import Plan
from gateway.simulation import proposals as propose
from gateway.simulation.policy_sets import Asked
from gateway.simulation.proposals import Proposal
from gateway.usage_tables.sight import decide
from policies.account import Part, account
from policies.decisions import Action, Subject
from policies.index import PolicySet
from policies.joining import MUST_BE_CLEAR
from policies.mask_choice import ColumnRule
from policies.rules import user_key


@dataclass(frozen=True, slots=True)
class Need:
    """One action on one table that a statement asks for; `columns` are those that it reads."""

    subject: Subject
    action: Action
    table: Table
    columns: tuple[str, ...]
    writes: bool
    """The statement changes the table as well: then it must be seen whole, if it is seen at all."""


def needs_of(plan: Plan, asked: Asked) -> tuple[Need, ...]:
    """Return what a statement needs of tables, by its plan under policies that allow everything."""
    read: dict[TableName, set[str]] = {}
    for access in plan.tables:
        if access.action == Action.SELECT.value:
            read.setdefault(access.name, set()).update(access.columns)
    written = {name for _, action, name in asked.tables if action in MUST_BE_CLEAR}
    found = []
    for (subject, action, name), table in asked.tables.items():
        columns = tuple(c.name for c in table.columns if c.name in read.get(name, set()))
        found.append(Need(subject, action, table, columns, name in written))
    return tuple(found)


def gaps(policies: PolicySet, needs: tuple[Need, ...], asked: Asked, *, thorough: bool = False) -> Iterator[Proposal]:
    """Yield what these policies lack. `thorough` names all that restricts what is read, though it forbids nothing."""
    for need in needs:
        yield from _of_table(policies, need, thorough=thorough)
    for subject, action, schema in sorted(asked.schemas, key=str):
        if not policies.decide_schema(subject, action, schema):
            yield propose.grant(subject.user, action, schema)
    for subject, table in sorted(asked.managed, key=str):
        if not policies.may_manage(subject, table):
            yield propose.grant(subject.user, Action.MANAGE_POLICIES, table)
    for subject, name in sorted(asked.properties, key=str):
        if not policies.session_property_allowed(subject, name):
            yield propose.session_property(subject.user, name)
    for principal, user in sorted(asked.actors):
        if not policies.may_impersonate(principal, user):
            yield propose.impersonation(principal, user)


def _of_table(policies: PolicySet, need: Need, *, thorough: bool) -> Iterator[Proposal]:
    table, action = need.table, need.action
    if table.kind == "system" and table.name.schema in ("information_schema", "jdbc"):
        return
    decision = decide(policies, need.subject, action, table)
    reads = action is Action.SELECT
    whole = len(decision.columns) == len(table.columns) and not decision.policed
    clear = action in MUST_BE_CLEAR or (reads and need.writes)
    met = decision.allowed and (not reads or set(need.columns) <= set(decision.columns))
    if reads and need.writes and not need.columns:
        # Who sees nothing of it may write it, who sees a part may not; what shows how it was made must be read, too.
        met = whole if thorough else whole or not decision.allowed
    if met and not (thorough and decision.allowed):
        return
    parts = account(policies, need.subject, action, table)
    wanted = need.columns or (_any_column(policies, table, parts) if reads else ())
    if clear or thorough:
        wanted = tuple(c.name for c in table.columns)
    for part in parts:
        yield from _of_part(policies, need, part, wanted, clear=clear or thorough, thorough=thorough)


def _of_part(
    policies: PolicySet, need: Need, part: Part, wanted: tuple[str, ...], *, clear: bool, thorough: bool
) -> Iterator[Proposal]:
    user, name = need.subject.user, need.table.name
    columns = tuple(c for c in part.columns if c in wanted)
    if part.columns and not columns:
        return
    match part.kind, part.effect:
        case "grant", "lacks":
            yield propose.grant(user, need.action, name, columns or (wanted if need.action is Action.SELECT else ()))
        case "entitlement", "lacks" if need.action is Action.SELECT:
            yield propose.entitlement(user, name, columns or wanted)
        case "entitlement", _ if part.effect in ("bars", "lacks"):
            yield propose.in_the_way(user, part, name)
        case "row_filter", "lacks":
            known = {attribute for attribute, _ in need.subject.attributes}
            yield propose.row_filter(policies, user, name, known, clear=clear)
        case "row_filter", "bars" if part.attributes:
            yield from (propose.attribute(policies, user, each, part.rule) for each in part.attributes)
        case ("withheld", "lacks") | ("column_mask", "restricts") if part.kind == "withheld" or clear:
            for each in columns:
                theirs = policies.masks.get(name, {}).get(each, {}).get(user_key(user), ())
                own = [rule for rule in theirs if rule.origin.file != propose.FILE]
                yield from (_own_mask(user, name, each, rule) for rule in own)
                if not own:
                    yield propose.column_mask(policies, user, name, each, clear=clear)
        case (("deny" | "licence" | "row_filter"), "bars"):
            yield propose.in_the_way(user, part, name)
        case (("row_filter" | "licence" | "aggregate_only"), "restricts") if thorough or (
            clear and part.kind == "row_filter"
        ):
            yield propose.in_the_way(user, part, name)


def _own_mask(user: str, table: TableName, column: str, rule: ColumnRule) -> Proposal:
    """Name a mask that is for the user himself: a second one for him would contradict it."""
    text = f"The mask {rule.id} on {column} is for {user} himself."
    return propose.in_the_way(user, Part("column_mask", "restricts", text, rule.id, (column,)), table)


def _any_column(policies: PolicySet, table: Table, parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the column that gives least, for a statement that only counts rows: one that nothing hides or guards."""
    hidden = {c for part in parts if part.kind in ("deny", "withheld", "entitlement") for c in part.columns}
    guarded: Mapping[str, tuple[str, ...]] = policies.guarded(table)
    names = [column.name for column in table.columns]
    return tuple(sorted(names, key=lambda name: (name in hidden, name in guarded, names.index(name)))[:1])
