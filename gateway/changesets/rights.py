"""Who may change what: a steward everything, an owner single tables that he manages, and never his own rights."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.objects import Table, TableName
from gateway.admin.api.callers import Caller
from gateway.admin.api.problems import Fault, Problem
from gateway.changesets.looking import known_in
from gateway.changesets.model import GOVERNED, DeleteDocument, Edit, PutDocument, PutEntry
from gateway.changesets.naming import table_named
from gateway.changesets.proposing import in_files
from gateway.house import House
from gateway.policy_store.store import Version
from policies.bounds import Bounds, turning_points
from policies.clock import Clock
from policies.decisions import Action, Subject, TableDecision
from policies.index import PolicySet
from policies.reload import Files
from policies.sections import SECTIONS

OWNED = frozenset({"row_filters", "column_masks", "tags", "protected", "aggregate_only"})
"""The sections that an owner may edit, for single tables that he manages."""
_MOST_MOMENTS = 200
_FIX = "Have a steward do it, or propose it in a changeset of his."


@dataclass(frozen=True, slots=True)
class Ground:
    """What rights are judged against: the policies in force, the documents behind them, and the files."""

    policies: PolicySet
    live: Mapping[str, Version]
    files: Files


def ground_of(house: House) -> Ground:
    """Return what is in force now."""
    files = house.policies
    return Ground(files.current(), {each.name: each for each in files.live}, files.files)


def is_steward(caller: Caller, policies: PolicySet) -> bool:
    """Tell whether the policies make a caller a steward, whatever they did when his request came."""
    return "steward" in policies.admin_roles_of(caller.principal.subject)


def check_rights(caller: Caller, edits: Sequence[Edit], ground: Ground) -> None:
    """Refuse edits of what a caller may not change. Raises Problem 403 with every such edit."""
    policies = ground.policies
    if is_steward(caller, policies):
        return
    if "owner" not in policies.admin_roles_of(caller.principal.subject):
        raise Problem(403, "forbidden", f"{caller.name} is neither owner nor steward any more.")
    faults = [fault for number, edit in enumerate(edits) for fault in _beyond(caller, edit, number, ground)]
    if faults:
        raise Problem(403, "forbidden", f"{faults[0].field}: {faults[0].reason}", errors=faults)


def _beyond(caller: Caller, edit: Edit, number: int, ground: Ground) -> Iterator[Fault]:
    """Yield why an owner may not make an edit."""
    field = f"edits.{number}"
    if isinstance(edit, PutDocument | DeleteDocument):
        yield Fault(field=field, reason="only a steward changes whole documents", fix=_FIX)
    elif edit.section not in OWNED:
        yield Fault(field=f"{field}.section", reason=f"only a steward changes {edit.section}", fix=_FIX)
    elif edit.document != GOVERNED:
        reason = f"only a steward changes the document {edit.document}"
        yield Fault(field=f"{field}.document", reason=reason, fix=f"Put it into `{GOVERNED}`.")
    else:
        for written in touched(edit, ground):
            table = table_named(written)
            if table is None or not ground.policies.may_manage(caller.principal.subject, table):
                # The same for a table of others and for one that is not there.
                reason = f"you do not manage the policies of {written or 'every table that it is about'}"
                yield Fault(field=field, reason=reason, fix=_FIX)


def touched(edit: Edit, ground: Ground) -> set[object]:
    """Return what an edit is about as it is written: in the entry, and in all that it takes the place of."""
    if isinstance(edit, PutDocument | DeleteDocument):
        return {None}
    found: set[object] = {edit.key} if SECTIONS[edit.section].key == "table" else set()
    if isinstance(edit, PutEntry):
        found.add(edit.entry.get("table") if isinstance(edit.entry, dict) else None)
    version = ground.live.get(edit.document)
    if version is not None:
        found |= {each.get("table") for each in known_in(version.document).get((edit.section, edit.key), ())}
    found |= {getattr(each, "table", None) for each in in_files(edit, ground.files)}
    return found


async def check_no_raise(house: House, caller: Caller, edits: Sequence[Edit], ground: Ground, after: PolicySet) -> None:
    """Refuse what would show its author more than before, now or at any time to come. Raises Problem 403.

    Who manages a table's policies lets others see it; for himself he asks a steward.
    """
    if is_steward(caller, ground.policies):
        return
    faults = []
    for name in sorted(tables_touched(edits, ground)):
        table = await house.catalog.fetch(name) if name.catalog in house.catalog.catalogs else None
        if table is None:
            reason = f"{name} is not known, so that nobody can tell what it would show you"
            faults.append(Fault(field="edits", reason=reason, fix=_FIX))
        else:
            more = await asyncio.to_thread(raised, caller, ground.policies, after, table)
            faults += [Fault(field="edits", reason=f"it would raise your own rights: {more}", fix=_FIX)] if more else []
    if faults:
        raise Problem(403, "raises_own_rights", faults[0].reason, errors=faults)


def tables_touched(edits: Iterable[Edit], ground: Ground) -> set[TableName]:
    """Return the single tables that edits are about."""
    named = (table_named(written) for edit in edits for written in touched(edit, ground))
    return {name for name in named if name is not None}


def raised(caller: Caller, before: PolicySet, after: PolicySet, table: Table) -> str:
    """Return in what a caller would get more of a table; empty if in nothing, at no time."""
    moments = _moments(before, after, table.name)
    if len(moments) > _MOST_MOMENTS:
        return f"{table.name} has rules that begin or end at more than {_MOST_MOMENTS} times to come"
    for subject in _subjects(caller, before):
        for moment in moments:
            was, then = _at(before, moment), _at(after, moment)
            for action in Action:
                more = _more(was.decide(subject, action, table), then.decide(subject, action, table))
                if more:
                    return f"{action.value} on {table.name}: {more}"
    return ""


def _moments(before: PolicySet, after: PolicySet, table: TableName) -> list[float]:
    """Return now, and when any rule that is about a table begins or ends."""
    now = before.clock.moment().latest
    points = turning_points(bounds for each in (before, after) for bounds in _bounds(each, table))
    return [now, *(point for point in points if point > now)]


def _bounds(policies: PolicySet, table: TableName) -> Iterator[Bounds]:
    """Yield the bounds of all rules that a decision about a table may ask."""
    path = tuple(table)
    yield from (rule.bounds for rule in policies.rules if path[: len(rule.asset)] == rule.asset[: len(path)])
    for filters in policies.filters.get(table, {}).values():
        yield from (rule.bounds for rule in filters)
    for by_column in (policies.masks.get(table, {}), policies.tag_masks):
        for by_principal in by_column.values():
            yield from (rule.bounds for rules in by_principal.values() for rule in rules)


def _at(policies: PolicySet, moment: float) -> PolicySet:
    return replace(policies, clock=Clock(lambda: moment), _decisions={})


def _subjects(caller: Caller, policies: PolicySet) -> list[Subject]:
    """Return the caller as his token has him, and with all that policies know of him besides."""
    shown = caller.principal.subject
    whole = replace(
        shown,
        roles=shown.roles | policies.roles_of(shown.user),
        groups=shown.groups | policies.groups_of(shown.user),
    )
    return [shown] if whole == shown else [shown, whole]


def _more(before: TableDecision, after: TableDecision) -> str:
    """Return what a decision shows that another did not."""
    if not after.allowed:
        return ""
    if not before.allowed:
        return "it is refused now"
    if not set(after.columns) <= set(before.columns):
        return f"columns {', '.join(sorted(set(after.columns) - set(before.columns)))}"
    if not _conditions(before.row_filter) <= _conditions(after.row_filter):
        return "rows that a filter hides now"
    for column in after.columns:
        mask, then = before.masks.get(column), after.masks.get(column)
        if mask is not None and mask != then:
            return f"{column}, which is masked otherwise now"
    if after.min_group < before.min_group:
        return "smaller groups"
    return "copies of it" if after.exportable and not before.exportable else ""


def _conditions(condition: exp.Expr | None) -> frozenset[str]:
    """Return the conditions that must all hold, as text."""
    if condition is None:
        return frozenset()
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    return frozenset(part.unnest().sql("trino") for part in parts)
