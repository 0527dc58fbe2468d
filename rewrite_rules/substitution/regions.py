"""Regions: rows of a base table that changed, as conditions on the base and on what a view shows of it.

A view keeps no single rows, so a region is widened to what its keys can tell apart. Both conditions are TRUE or FALSE
of every row, never NULL: what is not inside is outside, and no row is lost or counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.materialized_views import Bound, Region
from catalog.types import BOOLEAN, TrinoType
from rewrite_rules.substitution.bucket_keys import Bucket, bucket
from rewrite_rules.substitution.comparisons import Literal, condition_of, given_text
from rewrite_rules.substitution.implication import assume, nothing_known, unsatisfiable
from rewrite_rules.substitution.making import atom, column, conjunction, disjunction, typed
from rewrite_rules.substitution.preimages import UTC
from rewrite_rules.substitution.ranges import NULLS, Domain, Point, everything, line_of, meet, ray, union
from rewrite_rules.substitution.reader import NotNull
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import written

_KEPT = frozenset({"number", "text", "boolean", "local", "instant"})
"""Families of types whose bounds are kept. A float may be NaN, which no bound tells of."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows inside some regions, told by the base's columns and by the view's: both speak of the same rows."""

    base: exp.Expr
    """TRUE for a row of the base table that lies inside."""
    view: exp.Expr
    """TRUE for a row of the view that holds only rows that lie inside, FALSE for one that holds none."""

    @property
    def unchanged(self) -> exp.Expr:
        """Return the condition on the view that leaves the rows outside; never NULL."""
        return typed(exp.Not(this=atom(copied(self.view))), BOOLEAN)


def widen(
    regions: Iterable[Region],
    alias: str,
    types: Mapping[str, TrinoType],
    keys: Sequence[tuple[exp.Expr, exp.Expr]],
    *,
    zone: str = UTC,
) -> Parts | None:
    """Widen regions of an occurrence of a base table to what a view's keys tell apart.

    `types` are those of the table's columns, `keys` pairs of the view's key over base columns and the column that
    shows it. None where a region may lie anywhere in the view, or cannot be written.
    """
    base: list[exp.Expr] = []
    view: list[exp.Expr] = []
    for region in regions:
        pairs = [pair for bound in region.bounds if (pair := _pair(bound, alias, types, keys, zone)) is not None]
        inside, shown = conjunction(pair[0] for pair in pairs), conjunction(pair[1] for pair in pairs)
        if inside is None or shown is None:
            return None
        base.append(typed(inside, BOOLEAN))
        view.append(typed(shown, BOOLEAN))
    on_base, on_view = disjunction(base), disjunction(view)
    if on_base is None or on_view is None:
        return None
    return Parts(typed(on_base, BOOLEAN), typed(on_view, BOOLEAN))


def _pair(
    bound: Bound, alias: str, types: Mapping[str, TrinoType], keys: Sequence[tuple[exp.Expr, exp.Expr]], zone: str
) -> tuple[exp.Expr, exp.Expr] | None:
    """Return a bound on the base and on the view; None where no key of the view tells of it."""
    kind = types.get(bound.column)
    found = _domain(bound, kind) if kind is not None else None
    if kind is None or found is None:
        return None
    for value, shown in keys:
        made = _by_key(bound.column, found, alias, kind, value, shown)
        if made is None:
            made = _by_bucket(bound.column, found, alias, bucket(value, shown, zone=zone))
        if made is not None:
            return made
    return None


def _domain(bound: Bound, kind: TrinoType) -> Domain | None:
    """Return the values within a bound; None where it is not understood, or bounds nothing."""
    line = line_of(kind)
    if line is None or line.family not in _KEPT:
        return None
    result = everything(line, null=False)
    for sign, text in ((">=", bound.low), ("<=", bound.high)):
        if text is None:
            continue
        end = given_text(text, kind)
        if end is None or end.point is None:
            continue  # without this end the region is only wider
        result = meet(result, ray(sign, end.point, line))
    result = union([result, NULLS]) if bound.nulls else result
    return None if result == everything(line) else result


def _is_column(node: exp.Expr, name: str, alias: str) -> bool:
    node = node.unnest()
    return isinstance(node, exp.Column) and node.name == name and node.table == alias


def _by_key(
    name: str, domain: Domain, alias: str, kind: TrinoType, value: exp.Expr, shown: exp.Expr
) -> tuple[exp.Expr, exp.Expr] | None:
    if not _is_column(value, name, alias):
        return None

    def literal(point: Point) -> exp.Expr | None:
        return written(point, kind)

    base = condition_of(domain, column(alias, name, kind), literal, strict=False)
    view = condition_of(domain, shown, literal, strict=False)
    return (base, view) if base is not None and view is not None else None


def _by_bucket(name: str, domain: Domain, alias: str, found: Bucket | None) -> tuple[exp.Expr, exp.Expr] | None:
    if found is None or not _is_column(found.column, name, alias):
        return None
    wide = _widened(domain, found)
    if wide is None or wide == everything(found.line):
        return None
    base = condition_of(wide, found.column, _writer(found), strict=False)
    view = condition_of(wide, found.shown, found.literal, strict=False)
    return (base, view) if base is not None and view is not None else None


def _writer(found: Bucket) -> Literal:
    kind = found.column.meta["type"]

    def literal(point: Point) -> exp.Expr | None:
        return written(point, kind)

    return literal


def _widened(domain: Domain, found: Bucket) -> Domain | None:
    """Return the buckets that some of a set of moments lies in."""
    spans: list[Domain] = []
    for low, high in domain.spans:
        start, end = found.cells.down(low, found.line), found.cells.up(high, found.line)
        if start is None or end is None:
            return None
        spans.append(Domain(((start, end),)))
    return Domain(union(spans).spans, domain.null)


def touches(
    region: Region,
    conditions: Sequence[exp.Expr],
    alias: str,
    types: Mapping[str, TrinoType],
    *,
    not_null: NotNull = nothing_known,
    zone: str = UTC,
) -> bool:
    """Tell whether a row of an occurrence that lies in a region may pass conditions: TRUE where that is not known."""
    inside = [each for bound in region.bounds if (each := _inside(bound, alias, types)) is not None]
    return unsatisfiable(assume([*conditions, *inside], not_null=not_null, zone=zone)) is None


def _inside(bound: Bound, alias: str, types: Mapping[str, TrinoType]) -> exp.Expr | None:
    kind = types.get(bound.column)
    domain = _domain(bound, kind) if kind is not None else None
    if kind is None or domain is None:
        return None
    node = column(alias, bound.column, kind)
    return condition_of(domain, node, lambda point: written(point, kind), strict=False)
