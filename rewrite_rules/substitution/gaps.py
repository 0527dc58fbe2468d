"""Gaps: rows that the query asks for and the view does not hold as they are; the base answers for them.

A row belongs to the view's part if it passes all that is asked of the view's columns, and to the base's part if it lies
in one of the gaps. Of each row exactly one is so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.materialized_views import Change, Region
from catalog.objects import TableName
from rewrite_rules.substitution.blocks import Condition
from rewrite_rules.substitution.buckets import Bucket
from rewrite_rules.substitution.comparisons import domain_of
from rewrite_rules.substitution.frames import Frame
from rewrite_rules.substitution.implication import assume, unsatisfiable
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.making import untrue
from rewrite_rules.substitution.misses import Lack, Unmatched, columns_of
from rewrite_rules.substitution.ragged import split_edges
from rewrite_rules.substitution.regions import touches, widen
from rewrite_rules.substitution.spelling import copied


@dataclass(slots=True)
class Gaps:
    """What is left to the base."""

    base: list[exp.Expr] = field(default_factory=list)
    """Over base columns: a row of the base's part meets one of them at least."""
    view: list[exp.Expr] = field(default_factory=list)
    """Over the view's columns: a row of the view's part meets all of them."""
    policed: list[exp.Expr] = field(default_factory=list)
    """Those of them that a row filter of policy asks."""
    excluded: list[tuple[TableName, Region]] = field(default_factory=list)
    split: list[Condition] = field(default_factory=list)
    """Conditions of the query that are met in part by the view and in part by the base."""
    evidence: list[str] = field(default_factory=list)


def changed(frame: Frame, gaps: Gaps) -> None:
    """Leave to the base what changed since the view was made, as far as the query sees it. Raises Unmatched."""
    for change in frame.changes:
        if any(each.join == "full" for each in frame.asked.block.occurrences):
            raise _stale(change)  # a row may find its partner in what changed, and no condition on it tells
        own = {each.table for each in (*frame.embedding.dropped, *(b.occurrence for b in frame.embedding.back))}
        aliases = [each.alias for each in frame.asked.block.occurrences if each.table == change.table]
        mapped = [alias for alias in aliases if alias in frame.embedding.mapping.values()]
        if change.unknown is not None or change.table in own or _counts(frame, change.table) != len(mapped):
            raise _stale(change)
        for alias in mapped:
            _leave(frame, gaps, change, alias)


def _counts(frame: Frame, table: TableName) -> int:
    """Return how often a view names a table in its joins; -1 if it asks it in a subquery, which concerns all rows."""
    if table in frame.viewed.prepared.elsewhere:
        return -1
    named = sum(each.table == table for each in frame.viewed.prepared.block.occurrences)
    return named if named else -1


def _leave(frame: Frame, gaps: Gaps, change: Change, alias: str) -> None:
    occurrence = next(each for each in frame.asked.block.occurrences if each.alias == alias)
    types = {each.name: each.type for each in frame.asked.ground.tables[change.table].columns}
    seen = [
        region
        for region in change.regions
        if touches(region, frame.asked.conditions, alias, types, not_null=frame.asked.not_null, zone=frame.zone)
    ]
    extended = {each.alias for each in frame.embedding.extended}
    if occurrence.join != "inner" or alias in extended:
        raise _stale(change)
    if not seen:
        gaps.evidence.append(f"what changed in {change.table.table} lies outside of what is asked for")
        return
    keys = [(each.value, each.column) for each in frame.viewed.shown]
    parts = widen(seen, alias, types, keys, zone=frame.zone)
    if parts is None:
        raise _stale(change)
    gaps.base.append(parts.base)
    gaps.view.append(parts.unchanged)
    gaps.excluded += [(change.table, region) for region in seen]
    gaps.evidence.append(f"what changed in {change.table.table} comes from the base, and from the view what did not")


def _stale(change: Change) -> Unmatched:
    text = f"{change.table.table} changed since it was built, and its rows do not tell where"
    return Unmatched(Lack(11, "freshness", text, "build the view again"))


def narrow(frame: Frame, gaps: Gaps, filters: Sequence[exp.Expr]) -> bool:
    """Leave to the base the rows that a view's own filters keep out: those for which they are not TRUE.

    Return whether that is worth it: ranges of one column that the view has in part.
    """
    if not all(_is_range(each, frame) for each in filters):
        return False
    together = [*frame.asked.conditions, *filters]
    if filters and unsatisfiable(assume(together, not_null=frame.asked.not_null, zone=frame.zone)) is not None:
        return False
    gaps.base += [untrue(copied(each)) for each in filters]
    gaps.evidence += ["rows that the view's filter keeps out come from the base"] if filters else []
    return True


def _is_range(value: exp.Expr, frame: Frame) -> bool:
    columns = columns_of([value])
    return len(columns) == 1 and domain_of(columns[0], [value], frame.zone) is not None


def ragged(frame: Frame, gaps: Gaps, conditions: list[Condition]) -> list[Condition]:
    """Split ranges of moments into whole buckets and edges; return the conditions that are not such ranges."""
    left = list(conditions)
    for found in frame.buckets:
        own = [each for each in left if _is_about(each.value, found)]
        split = split_edges([each.value for each in own], found, zone=frame.zone) if own else None
        if split is None:
            continue
        (gaps.policed if any(each.policed for each in own) else gaps.view).append(split.whole)
        if split.edges is not None:
            gaps.base.append(split.edges)
        gaps.split += own
        gaps.evidence.append(split.evidence)
        left = [each for each in left if all(each is not other for other in own)]
    return left


def _is_about(value: exp.Expr, found: Bucket) -> bool:
    columns = columns_of([value])
    return len(columns) == 1 and key(columns[0]) == key(found.column)


def reachable(frame: Frame, gaps: Gaps) -> list[exp.Expr]:
    """Return the gaps in which the query could see a row at all."""
    conditions = frame.asked.conditions
    return [
        each
        for each in gaps.base
        if unsatisfiable(assume([*conditions, each], not_null=frame.asked.not_null, zone=frame.zone)) is None
    ]
