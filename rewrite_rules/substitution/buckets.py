"""Buckets: may a value computed from a moment be computed from the start of the bucket that the moment lies in?

So it is where the value is the same for all moments of each bucket. Hours make up the days of a zone only if the
zone's clocks never cut one (see `zones`): rewriting.md, section 4, condition 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.functions import lookup
from catalog.materialized_views import Bound
from catalog.types import DATE, TrinoType, timestamp
from rewrite_rules.substitution.cells import SIZES, Cells, makes_up
from rewrite_rules.substitution.comparisons import condition_of, given_text, stretch_of
from rewrite_rules.substitution.formulas import Inside
from rewrite_rules.substitution.implication import nothing_known
from rewrite_rules.substitution.keys import Key, is_volatile, key
from rewrite_rules.substitution.logic import reader_of
from rewrite_rules.substitution.making import typed
from rewrite_rules.substitution.preimages import UTC, ZONED, type_of
from rewrite_rules.substitution.ranges import DAY, PICOSECONDS, Domain, Line, Point, everything, line_of, union
from rewrite_rules.substitution.readings import Reading, reading
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import cast_to, written
from rewrite_rules.substitution.zones import FOREVER, Stretch, aligned, clear, is_utc, same_clocks

_YEAR = 366 * 86_400
_FIXED = ("millisecond", "second", "minute", "hour")
"""Units that are the same instants on all clocks, if these are aligned to them."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A column of a view that shows in which unit of a clock a moment lies."""

    value: exp.Expr
    """Over base columns, as the view's definition has it."""
    shown: exp.Expr
    """The view's column."""
    column: exp.Column
    """The base column whose moments are cut off."""
    unit: str
    zone: str | None
    """Whose clock; None for moments without a zone."""
    name: Key
    """The key of the value."""
    of: Key
    """The key of the base column."""
    stretch: Stretch = FOREVER
    """In which the view's rows lie, as far as that is known; it counts for zones only."""

    @property
    def cells(self) -> Cells:
        """Return the buckets on the line of the base column."""
        return Cells(self.unit, self.zone)

    @property
    def line(self) -> Line:
        """Return the line of the base column."""
        kind = type_of(self.column)
        found = line_of(kind) if kind is not None else None
        assert found is not None  # noqa: S101  (`bucket` made sure)
        return found

    @property
    def kind(self) -> TrinoType:
        """Return the type of the view's column."""
        return type_of(self.shown) or DATE

    def literal(self, start: Point) -> exp.Expr | None:
        """Return the value that the view's column shows for the bucket which starts at a point."""
        if not isinstance(start, int):
            return None
        shown = self.cells.local(start) if self.kind.base == "date" else start
        return written(shown, self.kind) if shown is not None else None


def bucket(
    value: exp.Expr,
    shown: exp.Expr,
    *,
    conditions: Sequence[exp.Expr] = (),
    bound: Bound | None = None,
    zone: str = UTC,
) -> Bucket | None:
    """Read a view's key as buckets of a base column's moments; None for keys that are none.

    `conditions` are met by all rows that are asked for, `bound` is what the view's column holds at most: both say for
    how long the clocks of zones have to be watched. `zone` is the session's.
    """
    found, kind = reading(value), type_of(shown)
    if found is None or found.value != "moment" or found.unit is None or found.moved or found.months:
        return None
    if kind is None or kind.base not in ("date", "timestamp", ZONED):
        return None
    if found.zone is None and kind.base == ZONED:
        return None
    raw = type_of(found.column)
    if raw is None or isinstance(value.unnest(), exp.Column):
        return None
    if found.zone is not None and kind.base == "timestamp":
        return None
    made = Bucket(value, shown, found.column, found.unit, found.zone, key(value), key(found.column))
    if found.zone is None:
        return made
    stretch = stretch_of(found.column, conditions, zone)
    if bound is not None:
        stretch = _shorter(stretch, _bounded(made, bound))
    return replace(made, stretch=stretch)


def _bounded(made: Bucket, bound: Bound) -> Stretch:
    """Return the stretch between the least and the greatest bucket of a view, with room for the last one."""
    ends = [_second(made, text) for text in (bound.low, bound.high)]
    low = ends[0] - 86_400 if ends[0] is not None else None
    high = ends[1] + 86_400 + (_YEAR if made.unit not in _FIXED else 3_600) if ends[1] is not None else None
    return Stretch(low, high)


def _second(made: Bucket, text: str | None) -> int | None:
    found = given_text(text, made.kind) if text is not None else None
    return found.point // PICOSECONDS if found is not None and isinstance(found.point, int) else None


def _shorter(first: Stretch, second: Stretch) -> Stretch:
    lows = [each.low for each in (first, second) if each.low is not None]
    highs = [each.high for each in (first, second) if each.high is not None]
    return Stretch(max(lows, default=None), min(highs, default=None))


def on_bucket(node: exp.Expr, found: Bucket, *, zone: str = UTC) -> tuple[exp.Expr, str] | None:
    """Return an expression over the base column as one over the view's column, and why that gives the same.

    None where the value may differ within a bucket, or where that is not known. NULL stays NULL.
    """
    made = _express(node, found, zone)
    if made is None:
        return None
    value, evidence = made
    return value, "; ".join(dict.fromkeys(evidence))


_Made = tuple[exp.Expr, tuple[str, ...]]


def _express(node: exp.Expr, found: Bucket, zone: str) -> _Made | None:
    if key(node) == found.name:
        return copied(found.shown), ("it is the view's own key",)
    if is_volatile(node):
        return None
    seen = reading(node)
    if seen is not None and seen.unit is not None and key(seen.column) == found.of:
        direct = _read(node, seen, found)
        if direct is not None:
            return direct
    kind = type_of(node)
    if kind is not None and kind.base == "boolean":
        compared = _condition(node, found, zone)
        if compared is not None:
            return compared
    return _parts(node, found, zone)


def _parts(node: exp.Expr, found: Bucket, zone: str) -> _Made | None:
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


def _part(node: exp.Expr, found: Bucket, zone: str) -> _Made | None:
    if node.find(exp.Column) is None:
        return None if any(is_volatile(part) for part in node.walk()) else (copied(node), ())
    return _express(node, found, zone)


def _read(node: exp.Expr, seen: Reading, found: Bucket) -> _Made | None:
    """Express what sees no more of a moment than its bucket."""
    if seen.unit is None or not makes_up(found.unit, seen.unit):
        return None
    if found.zone is None:
        return _read_local(node, seen, found)
    if found.unit in _FIXED:
        proof = _aligned(seen, found)
        return (_replaced(node, found, representative(found)), proof) if proof is not None else None
    return _read_days(node, seen, found)


def _read_local(node: exp.Expr, seen: Reading, found: Bucket) -> _Made | None:
    if not _may_move(seen, found):
        return None
    return _replaced(node, found, representative(found)), (f"each {found.unit} lies within one {seen.unit}",)


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


def _read_days(node: exp.Expr, seen: Reading, found: Bucket) -> _Made | None:
    """Express what sees the date that one zone's clock shows, by the days, weeks, months of the same clock."""
    if seen.clocked is None or not same_clocks(found.zone or UTC, seen.zone or UTC):
        return None
    evidence = [f"each {found.unit} of {found.zone} lies within one {seen.unit} of it"]
    kind = type_of(node)
    if found.kind.base == "date":
        if kind is None or kind.base == ZONED:
            return None
        local = cast_to(copied(found.shown), timestamp(0))
        return _with(node, seen.clocked, local), tuple(evidence)
    proof = "" if is_utc(found.zone or UTC) else clear(found.zone or UTC, _wider(found.stretch, _YEAR, _YEAR))
    if proof is None:
        return None
    if proof:
        evidence.append(proof)
    return _replaced(node, found, representative(found)), tuple(evidence)


def representative(found: Bucket) -> exp.Expr:
    """Return the start of the bucket as a moment of the base column's type."""
    shown = copied(found.shown)
    raw = type_of(found.column)
    if raw is None:
        return shown
    if raw.base == ZONED and not is_utc(found.zone or UTC):
        zone = exp.Literal.string(UTC)
        zone.meta["type"] = TrinoType("varchar", (len(UTC),))
        shown = typed(exp.AtTimeZone(this=shown, zone=zone), found.kind)
    return cast_to(shown, raw)


def _replaced(node: exp.Expr, found: Bucket, value: exp.Expr) -> exp.Expr:
    """Put a value in the place of the base column."""
    return _with(node, found.column, value)


def _with(node: exp.Expr, part: exp.Expr, value: exp.Expr) -> exp.Expr:
    wanted = key(part)
    made = exp.Paren(this=copied(node))
    for each in list(made.find_all(part.__class__)):
        if key(each) == wanted:
            each.replace(copied(value))
    inner = made.this
    assert isinstance(inner, exp.Expr)  # noqa: S101  (the one argument)
    return inner.pop()


def _condition(node: exp.Expr, found: Bucket, zone: str) -> _Made | None:
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
