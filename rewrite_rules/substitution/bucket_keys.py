"""Keys of views that cut moments off to units of a clock: what they show, of which base column, over which stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.materialized_views import Bound
from catalog.types import DATE, TrinoType
from rewrite_rules.substitution.cells import Cells
from rewrite_rules.substitution.comparisons import given_text, stretch_of
from rewrite_rules.substitution.keys import Key, key
from rewrite_rules.substitution.making import typed
from rewrite_rules.substitution.preimages import UTC, ZONED, type_of
from rewrite_rules.substitution.ranges import PICOSECONDS, Line, Point, line_of
from rewrite_rules.substitution.readings import reading
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import cast_to, written
from rewrite_rules.substitution.zones import FOREVER, Stretch, is_utc

YEAR = 366 * 86_400
FIXED = ("millisecond", "second", "minute", "hour")
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
    """Read a view's key as buckets of a base column's moments, see `during`; None for keys that are none."""
    made = bucket_of(value, shown)
    return during(made, conditions, bound, zone) if made is not None else None


def bucket_of(value: exp.Expr, shown: exp.Expr) -> Bucket | None:
    """Read a view's key as buckets, whenever they were; None for keys that are none."""
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
    return Bucket(value, shown, found.column, found.unit, found.zone, key(value), key(found.column))


def during(made: Bucket, conditions: Sequence[exp.Expr], bound: Bound | None, zone: str) -> Bucket:
    """Say for how long the clocks of a bucket's zone have to be watched.

    `conditions` are met by all rows that are asked for, `bound` is what the view's column holds at most. `zone` is the
    session's.
    """
    if made.zone is None:
        return made
    stretch = stretch_of(made.column, conditions, zone)
    if bound is not None:
        stretch = _shorter(stretch, _bounded(made, bound))
    return replace(made, stretch=stretch)


def _bounded(made: Bucket, bound: Bound) -> Stretch:
    """Return the stretch between the least and the greatest bucket of a view, with room for the last one."""
    ends = [_second(made, text) for text in (bound.low, bound.high)]
    low = ends[0] - 86_400 if ends[0] is not None else None
    high = ends[1] + 86_400 + (YEAR if made.unit not in FIXED else 3_600) if ends[1] is not None else None
    return Stretch(low, high)


def _second(made: Bucket, text: str | None) -> int | None:
    found = given_text(text, made.kind) if text is not None else None
    return found.point // PICOSECONDS if found is not None and isinstance(found.point, int) else None


def _shorter(first: Stretch, second: Stretch) -> Stretch:
    lows = [each.low for each in (first, second) if each.low is not None]
    highs = [each.high for each in (first, second) if each.high is not None]
    return Stretch(max(lows, default=None), min(highs, default=None))


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
