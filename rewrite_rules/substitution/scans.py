"""Scans: queries over one view's table alone, and what they show under private names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.errors import Refusal
from catalog.objects import Column, Table, TableName
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.early_failures import may_fail
from rewrite_rules.substitution.making import (
    aliased,
    call,
    case,
    column,
    conjunction,
    select,
    subquery,
    table,
    whole,
)
from rewrite_rules.substitution.misses import Lack, Unmatched
from rewrite_rules.substitution.model import Scan

CATALOG, SCHEMA = "$views", "scan"
VIEW = "v"
"""What a scan calls its view's table."""


@dataclass(slots=True)
class Draft:
    """A scan that is being written: columns over `v`, the view's table."""

    items: list[exp.Expr] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    group: list[exp.Expr] | None = None
    """None: rows as they are; (): one group."""
    policed: list[exp.Expr] = field(default_factory=list)
    """Row filters: no condition of the caller is asked of a row that they hide."""
    conditions: list[exp.Expr] = field(default_factory=list)
    existing: exp.Expr | None = None
    """What must be true of a group for it to be there, where its keys are constants."""

    def show(self, prefix: str, value: exp.Expr) -> str:
        """Show one more column and return its private name."""
        name = f"{prefix}{len(self.names)}"
        self.names.append(name)
        self.items.append(value)
        return name


def scan_name(number: int) -> TableName:
    """Return the name by which a rewritten tree speaks of a scan."""
    return TableName(CATALOG, SCHEMA, f"s{number}")


def built(draft: Draft, view: Table, name: TableName, time_zone: str) -> Scan:
    """Write a scan out and type it. Raises Unmatched where that is not possible."""
    tree = _tree(draft, view)
    try:
        analysis = analyze(tree, AnalysisContext(tables={view.name: view}, strict=True, time_zone=time_zone))
    except Refusal as refusal:
        raise Unmatched(Lack(13, "type", f"the view's columns are of other types: {refusal.text}")) from None
    columns = tuple(Column(each.name, each.type) for each in analysis.columns if each.type is not None)
    return Scan(name, view.name, tree, columns)


def _tree(draft: Draft, view: Table) -> exp.Select:
    items: list[exp.Expr] = [aliased(value, name) for value, name in zip(draft.items, draft.names, strict=True)]
    if not items:
        items = [aliased(whole(1), "c0")]
    source, where = _source(draft, view)
    keys = [each for each in draft.group or () if each.find(exp.Column) is not None]
    having = None
    if draft.group and not keys:
        having = draft.existing or exp.GT(this=call("count", exp.Star()), expression=whole(0))
    return select(items, source, where=where, group=keys, having=having)


def _source(draft: Draft, view: Table) -> tuple[exp.Expr, exp.Expr | None]:
    """Return what is read, and under which condition: row filters come before conditions of the caller."""
    policy, own = conjunction(draft.policed), conjunction(draft.conditions)
    if policy is None or own is None:
        return table(view.name, VIEW), policy if own is None else own
    if _reads_states(draft.items):
        return table(view.name, VIEW), case(policy, own, exp.Boolean(this=False)) if may_fail(own) else conjunction(
            (policy, own)
        )
    needed = _columns(view, [*draft.items, *(draft.group or ()), own, *([draft.existing] if draft.existing else [])])
    inner = select([aliased(column(VIEW, name), name) for name in needed], table(view.name, VIEW), where=policy)
    return subquery(inner, VIEW), own


def _reads_states(items: Sequence[exp.Expr]) -> bool:
    return any(node.name == "$merge" for item in items for node in item.find_all(exp.Anonymous))


def _columns(view: Table, values: Sequence[exp.Expr]) -> list[str]:
    """Return the columns of a view that values name, in the view's order; one at least."""
    named = {node.name for value in values for node in value.find_all(exp.Column)}
    return [each.name for each in view.columns if each.name in named] or [view.columns[0].name]
