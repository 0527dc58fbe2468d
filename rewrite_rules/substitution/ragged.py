"""Ragged edges: a range of moments that cuts buckets, as its whole buckets and what is left over.

`ts >= 10:30` over hours: hours from 11:00 on are whole, the half hour before them is an edge, which the base answers.
The two are disjoint, and together the very range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from rewrite_rules.substitution.bucket_keys import Bucket
from rewrite_rules.substitution.comparisons import condition_of, domain_of
from rewrite_rules.substitution.preimages import UTC, type_of
from rewrite_rules.substitution.ranges import Cut, Domain, Point, less
from rewrite_rules.substitution.values import written


@dataclass(frozen=True, slots=True)
class Split:
    """A range in two parts."""

    whole: exp.Expr
    """Over the view's column: whole buckets."""
    edges: exp.Expr | None
    """Over the base column: the rest; None where nothing is left over."""
    evidence: str


def split_edges(conditions: Sequence[exp.Expr], found: Bucket, *, zone: str = UTC) -> Split | None:
    """Split conditions on a base column into whole buckets and edges.

    None where they speak of other columns too, where no bucket is whole, or where a part cannot be written.
    """
    asked = domain_of(found.column, conditions, zone)
    inner = whole_buckets(asked, found) if asked is not None else None
    if asked is None or inner is None or not inner.spans:
        return None
    whole = condition_of(inner, found.shown, found.literal, strict=not inner.null)
    rest = less(asked, inner)
    edges = None if rest.empty else base_condition(rest, found)
    if whole is None or (edges is None and not rest.empty):
        return None
    return Split(whole, edges, f"whole {found.unit}s from the view, what is left of the range from the base")


def whole_buckets(domain: Domain, found: Bucket) -> Domain | None:
    """Return the buckets that lie wholly in a set of moments; None where that is not known."""
    spans: list[tuple[Cut, Cut]] = []
    for low, high in domain.spans:
        start, end = found.cells.up(low, found.line), found.cells.down(high, found.line)
        if start is None or end is None:
            return None
        if start < end:
            spans.append((start, end))
    return Domain(tuple(spans), domain.null)


def base_condition(domain: Domain, found: Bucket, *, strict: bool = True) -> exp.Expr | None:
    """Write that the base column is in a set."""
    kind = type_of(found.column)

    def literal(point: Point) -> exp.Expr | None:
        return written(point, kind) if kind is not None else None

    return condition_of(domain, found.column, literal, strict=strict and not domain.null)
