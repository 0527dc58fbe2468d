"""Readings of a moment by its bucket: what sees no more of it than the bucket does, with the proof about zones."""

from __future__ import annotations

from typing import TypeAlias

from sqlglot import exp

from catalog.types import DATE, timestamp
from rewrite_rules.substitution.bucket_keys import FIXED, YEAR, Bucket, representative
from rewrite_rules.substitution.cells import SIZES, makes_up
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.preimages import UTC, ZONED, type_of
from rewrite_rules.substitution.ranges import DAY, PICOSECONDS
from rewrite_rules.substitution.readings import FIELDS, Reading
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import cast_to
from rewrite_rules.substitution.zones import Stretch, aligned, clear, is_utc, same_clocks

Made: TypeAlias = tuple[exp.Expr, tuple[str, ...]]
"""An expression over the view's column, and why it gives the same."""


def read(node: exp.Expr, seen: Reading, found: Bucket) -> Made | None:
    """Express what sees no more of a moment than its bucket."""
    if seen.unit is None or not makes_up(found.unit, seen.unit):
        return None
    if found.zone is None:
        return _read_local(node, seen, found)
    if found.unit in FIXED:
        proof = _aligned(seen, found)
        return (_replaced(node, found), proof) if proof is not None else None
    return _read_days(node, seen, found)


def _read_local(node: exp.Expr, seen: Reading, found: Bucket) -> Made | None:
    if not _may_move(seen, found):
        return None
    return _replaced(node, found), (f"each {found.unit} lies within one {seen.unit}",)


def _may_move(seen: Reading, found: Bucket) -> bool:
    """Tell whether the moves before a reading carry buckets to buckets."""
    if not seen.moved and not seen.months:
        return True
    size = SIZES.get(found.unit)
    return size is not None and size <= DAY and seen.step % size == 0


def _aligned(seen: Reading, found: Bucket) -> tuple[str, ...] | None:
    """Prove that the clocks of both zones keep to the buckets."""
    size = SIZES[found.unit]
    if not _may_move(seen, found):
        return None
    around = seen.moved // PICOSECONDS + 86_400
    stretch = _wider(found.stretch, around, around)
    proofs = [f"each {found.unit} lies within one {seen.unit}"]
    for zone in dict.fromkeys((found.zone or UTC, seen.zone or UTC)):
        if is_utc(zone):
            continue
        if found.unit == "millisecond":
            return None
        proof = aligned(zone, size // PICOSECONDS, stretch)
        if proof is None:
            return None
        proofs.append(proof)
    return tuple(proofs)


def _wider(stretch: Stretch, before: int, after: int) -> Stretch:
    return Stretch(
        stretch.low - before if stretch.low is not None else None,
        stretch.high + after if stretch.high is not None else None,
    )


def _read_days(node: exp.Expr, seen: Reading, found: Bucket) -> Made | None:
    """Express what sees the date that one zone's clock shows, by the days, weeks, months of the same clock."""
    if seen.clocked is None or not same_clocks(found.zone or UTC, seen.zone or UTC):
        return None
    evidence = [f"each {found.unit} of {found.zone} lies within one {seen.unit} of it"]
    kind = type_of(node)
    if found.kind.base == "date":
        if kind is None or kind.base == ZONED:
            return None
        return _by_date(node, seen.clocked, found.shown), tuple(evidence)
    proof = "" if is_utc(found.zone or UTC) else clear(found.zone or UTC, _wider(found.stretch, YEAR, YEAR))
    if proof is None:
        return None
    if proof:
        evidence.append(proof)
    return _replaced(node, found), tuple(evidence)


def _by_date(node: exp.Expr, clocked: exp.Expr, shown: exp.Expr) -> exp.Expr:
    """Put a date in the place of the clock that shows it; a cast to a date, or the taking of a field, needs no time."""
    wanted = key(clocked)
    made = exp.Paren(this=copied(node))
    for each in list(made.find_all(clocked.__class__)):
        if key(each) != wanted:
            continue
        parent = each.parent
        if isinstance(parent, exp.Cast) and type_of(parent) == DATE:
            parent.replace(copied(shown))
        elif isinstance(parent, exp.Extract) or (isinstance(parent, exp.Anonymous) and parent.name.lower() in FIELDS):
            each.replace(copied(shown))
        else:
            each.replace(cast_to(copied(shown), timestamp(0)))
    return _inside(made)


def _replaced(node: exp.Expr, found: Bucket) -> exp.Expr:
    """Put the start of the bucket in the place of the base column."""
    made = exp.Paren(this=copied(node))
    for each in list(made.find_all(exp.Column)):
        if key(each) != found.of:
            continue
        start, parent = representative(found), each.parent
        if isinstance(parent, exp.AtTimeZone) and isinstance(start, exp.AtTimeZone):
            start = start.this  # the same instant, by whichever clock
        each.replace(start)
    return _inside(made)


def _inside(made: exp.Paren) -> exp.Expr:
    inner = made.this
    assert isinstance(inner, exp.Expr)  # noqa: S101  (the one argument)
    return inner.pop()
