"""The owners of views: what a definer's view reads is seen as its owner may see it, the caller's policies on top.

Source: policy-semantics section 5. An owner whom no policy file names, such as the one that an engine's own tools made
views as, has no policies to apply: the caller's alone hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from gateway.planning.context import Planning
from policies.decisions import Action, Subject, TableDecision
from policies.narrowing import narrower
from rewrite_rules.resolve import Resolved


def narrowed_by_owners(
    decision: TableDecision, table: Table, resolved: Resolved, tables: Mapping[TableName, Table], planning: Planning
) -> TableDecision:
    """Return what is left of a caller's decision behind the owners of the views that reach a table.

    Raises Refusal NOT_SUPPORTED where the statement reads the table by another way as well, and sees more there.
    """
    ways = [_owners(leaf.via, tables) for leaf in resolved.leaves if leaf.table == table.name and leaf.role == "read"]
    seen = decision
    for owner in sorted(set().union(*ways)):
        subject = _subject(owner, planning)
        if subject is not None and subject.user != planning.subject.user:
            seen = narrower(table, seen, planning.policies.decide(subject, Action.SELECT, table))
    if len(set(ways)) > 1 and _shown(seen) != _shown(decision):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            "A table cannot be read both by itself and through a view whose owner sees less of it",
            hint="Read one of them in a statement of its own.",
        )
    return seen


def _owners(via: tuple[TableName, ...], tables: Mapping[TableName, Table]) -> frozenset[str]:
    views = (tables[name].view for name in via if name in tables)
    return frozenset(v.owner for v in views if v is not None and v.security == "DEFINER" and v.owner)


def _subject(owner: str, planning: Planning) -> Subject | None:
    """Return an owner as policy sees him; None where no policy names him."""
    policies = planning.policies
    roles = policies.roles_of(owner)
    return Subject(owner, roles, policies.attributes_of(owner)) if roles else None


def _shown(decision: TableDecision) -> tuple[object, ...]:
    return decision.allowed, decision.columns, decision.row_filter, decision.masks
