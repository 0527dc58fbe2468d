"""Buckets: may a value computed from a moment be computed from the start of the bucket that the moment lies in?

So it is where the value is the same for all moments of each bucket. Hours make up the days of a zone only if the
zone's clocks never cut one (see `zones`): rewriting.md, section 4, condition 8.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.functions import lookup
from rewrite_rules.substitution.bucket_keys import Bucket, bucket, representative
from rewrite_rules.substitution.bucket_readings import Made, read
from rewrite_rules.substitution.comparisons import condition_of
from rewrite_rules.substitution.formulas import Inside
from rewrite_rules.substitution.implication import nothing_known
from rewrite_rules.substitution.keys import is_volatile, key
from rewrite_rules.substitution.logic import reader_of
from rewrite_rules.substitution.preimages import UTC, type_of
from rewrite_rules.substitution.ranges import Domain, everything, union
from rewrite_rules.substitution.readings import reading
from rewrite_rules.substitution.spelling import copied

__all__ = ["Bucket", "bucket", "on_bucket", "representative"]


def on_bucket(node: exp.Expr, found: Bucket, *, zone: str = UTC) -> tuple[exp.Expr, str] | None:
    """Return an expression over the base column as one over the view's column, and why that gives the same.

    None where the value may differ within a bucket, or where that is not known. NULL stays NULL.
    """
    made = _express(node, found, zone)
    if made is None:
        return None
    value, evidence = made
    return value, "; ".join(dict.fromkeys(evidence))


def _express(node: exp.Expr, found: Bucket, zone: str) -> Made | None:
    if key(node) == found.name:
        return copied(found.shown), ("it is the view's own key",)
    if is_volatile(node):
        return None
    seen = reading(node)
    if seen is not None and seen.unit is not None and key(seen.column) == found.of:
        direct = read(node, seen, found)
        if direct is not None:
            return direct
    kind = type_of(node)
    if kind is None or kind.base != "boolean":
        return _parts(node, found, zone)
    if _names_zone(node):  # what the query says of a zone's clock stays as it says it, where that can be
        return _parts(node, found, zone) or _condition(node, found, zone)
    return _condition(node, found, zone) or _parts(node, found, zone)


def _names_zone(node: exp.Expr) -> bool:
    return node.find(exp.AtTimeZone) is not None


def _parts(node: exp.Expr, found: Bucket, zone: str) -> Made | None:
    """Express what an expression is computed from, all of it."""
    if not _is_of_one_row(node):
        return None
    twin = node.__class__()
    twin.meta.update(node.meta)
    evidence: list[str] = []
    for name, value in node.args.items():
        if isinstance(value, exp.DataType) or not isinstance(value, exp.Expr | list):
            twin.set(name, value.copy() if isinstance(value, exp.Expr) else value)
            continue
        made = [_part(each, found, zone) for each in (value if isinstance(value, list) else [value])]
        kept = [each for each in made if each is not None]
        if len(kept) < len(made):
            return None
        evidence.extend(text for _, texts in kept for text in texts)
        twin.set(name, [each for each, _ in kept] if isinstance(value, list) else kept[0][0])
    return twin, tuple(evidence)


def _is_of_one_row(node: exp.Expr) -> bool:
    """Tell whether an expression is computed from its parts, row by row."""
    if isinstance(node, exp.Anonymous):
        function = lookup(node.name)
        return function is not None and function.kind in ("scalar", "special")
    return not isinstance(
        node, (exp.Column, exp.Query, exp.AggFunc, exp.Lambda, exp.Window, exp.Identifier, exp.Filter)
    )


def _part(node: exp.Expr, found: Bucket, zone: str) -> Made | None:
    if node.find(exp.Column) is None:
        return None if any(is_volatile(part) for part in node.walk()) else (copied(node), ())
    return _express(node, found, zone)


def _condition(node: exp.Expr, found: Bucket, zone: str) -> Made | None:
    """Express a condition on the moment itself whose ends are ends of buckets."""
    if any(key(column) != found.of for column in node.find_all(exp.Column)):
        return None
    reader = reader_of(nothing_known, zone)
    met = reader.formula(node)
    if not isinstance(met, Inside) or met.term != found.of or not _on_ends(met.domain, found):
        return None
    denied = reader.formula(node, False)
    if not isinstance(denied, Inside) or denied.term != found.of or not _on_ends(denied.domain, found):
        return None
    whole = everything(found.line)
    unknown = union([met.domain, denied.domain])
    if unknown.spans != whole.spans:
        return None
    made = condition_of(met.domain, found.shown, found.literal, strict=not unknown.null)
    return (made, (f"its ends are starts of {found.unit}s",)) if made is not None else None


def _on_ends(domain: Domain, found: Bucket) -> bool:
    """Tell whether a set of moments consists of whole buckets."""
    return all(
        cut.rank or (not cut.side and isinstance(cut.value, int) and found.cells.is_start(cut.value))
        for span in domain.spans
        for cut in span
    )
