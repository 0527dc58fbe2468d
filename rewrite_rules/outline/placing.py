"""Placing conditions: each as near to the scans as it may be checked there, or where its relations meet."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.statistics import NO_ROWS
from rewrite_rules.outline.drafts import Cluster, Expanded, Other, Outer, ScanDraft, path
from rewrite_rules.outline.predicates import (
    NEVER,
    Equal,
    Is,
    Pred,
    conjuncts,
    has_subquery,
    is_about,
    onto,
    refs_in,
    rejects_null,
    values_in,
    variants,
)
from rewrite_rules.outline.values import Either, Ref, refs_of

_MOST_VARIANTS = 2_000
"""Comparisons in branches of a UNION, of all conditions together, beyond which conditions stay above it: a text of a
few kilobytes may have a hundred conditions over a hundred branches, and planning has to go on.
"""


def place(pred: Pred, cluster: Cluster, scans: Sequence[ScanDraft], loose: list[Pred]) -> None:
    """Let a condition hold for the rows of a cluster; what looks at columns from outside goes to `loose`."""
    for part in conjuncts(pred):
        refs = refs_in(part)
        for ref in refs:
            if ref.scan >= 0:
                scans[ref.scan].needed.add(ref.column)
        if part == NEVER:
            never(cluster, scans)
            continue
        if not {ref.scan for ref in refs} <= cluster.scans:
            loose.append(part)
            continue
        cluster.variants += sum(len(value.branches) for value in values_in(part) if isinstance(value, Either))
        if cluster.variants > _MOST_VARIANTS:
            _keep(part, cluster)
            continue
        moved = [push(variant, cluster, scans) for variant in variants(part)]
        if not all(moved):
            _keep(part, cluster)


def never(cluster: Cluster, scans: Sequence[ScanDraft]) -> None:
    """Let no row come out of a cluster, and so none be read for it."""
    cluster.others.append(Other((), never=True))
    for number in cluster.scans:
        if number >= 0:
            scans[number].conditions.append(NO_ROWS)


def push(pred: Pred, cluster: Cluster, scans: Sequence[ScanDraft]) -> bool:
    """Move what a condition says of each scan to it; tell whether nothing is left of the condition then."""
    numbers = dict.fromkeys(ref.scan for ref in refs_in(pred) if not ref.held)
    moved = False
    for number in numbers:
        joins = [each for each in path(cluster, number) if _fills(*each)]
        if joins and not rejects_null(pred, number):
            continue
        for join, side in joins:
            _turn(join, side)
            scans[number].turning = True
            if join.full:  # engines that leave it full see nothing of what is below, either
                break
        condition = onto(pred, number)
        if condition is None:
            continue
        scans[number].conditions.append(condition)
        moved = is_about(pred, number) or moved
    if moved and isinstance(pred, Is):
        cluster.tests.append(pred)
    return moved


def _fills(join: Outer, side: str) -> bool:
    """Tell whether a join fills that side's columns up with NULL."""
    return join.kind == "full" or (join.kind in ("left", "right") and join.kind != side)


def _turn(join: Outer, side: str) -> None:
    """Note that rows filled up on that side are not wanted."""
    if join.kind == "full":
        join.kind = "left" if side == "left" else "right"
    else:
        join.kind = "inner"


def _keep(pred: Pred, cluster: Cluster) -> None:
    """Leave a condition where all that it looks at is first seen together."""
    refs = refs_in(pred)
    home = _home(cluster, refs)
    if isinstance(pred, Equal) and refs_of(pred.left) and refs_of(pred.right):
        home.pairs.append((pred.left, pred.right))
    else:
        home.others.append(Other(refs, subquery=has_subquery(pred)))


def _home(cluster: Cluster, refs: Sequence[Ref]) -> Cluster:
    """Go down to the innermost cluster in which a condition may be checked."""
    numbers = {ref.scan for ref in refs}
    if not numbers or any(ref.held for ref in refs):
        return cluster
    part = next((part for part in cluster.parts if numbers <= part.scans), None)
    if isinstance(part, Expanded):
        return _home(part.input, refs)
    if isinstance(part, Outer) and part.kind == "left" and numbers <= part.left.scans:
        return _home(part.left, refs)
    if isinstance(part, Outer) and part.kind == "right" and numbers <= part.right.scans:
        return _home(part.right, refs)
    return cluster


def equalise(cluster: Cluster, scans: Sequence[ScanDraft]) -> None:
    """Let what is known of a column hold for the columns that it equals, too."""
    if not cluster.tests or not cluster.pairs:
        return
    same: dict[Ref, set[Ref]] = {}
    for left, right in cluster.pairs:
        if isinstance(left, Ref) and isinstance(right, Ref) and left.type.base == right.type.base:
            joined = same.get(left, {left}) | same.get(right, {right})
            same.update(dict.fromkeys(joined, joined))
    for test in list(cluster.tests):
        if isinstance(test.value, Ref) and test.operator != "is null":
            for twin in same.get(test.value, set()) - {test.value}:
                if not twin.held:
                    push(Is(twin, test.operator, test.values), cluster, scans)
