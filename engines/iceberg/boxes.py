"""Enclose rows by ranges of their columns, and many such boxes by a few: coverage is never lost, only sharpness."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pyiceberg import types as iceberg
from pyiceberg.schema import Schema

from engines.iceberg.constants import Stored

MOST = 50
"""Regions that are told of one change."""
_MOST_PLACES = 10
"""Beyond so many combinations of other partitions, boxes are not kept apart by these."""
_HOUR = 3_600_000_000
DAY = 24 * _HOUR
_TIMES = (iceberg.DateType, iceberg.TimestampType, iceberg.TimestamptzType)


class Range(NamedTuple):
    """Bound one field, in the stored form; None for an end that is not known."""

    low: Stored | None
    high: Stored | None
    nulls: bool
    """Whether there may be NULLs as well."""


Box = Mapping[int, Range]
"""Ranges by field; a field that is not there has no bounds."""


def hull(boxes: Iterable[Box]) -> Box:
    """Return the least box around several."""
    several = list(boxes)
    shared = set.intersection(*(set(box) for box in several)) if several else set()
    united = {number: _around([box[number] for box in several]) for number in sorted(shared)}
    return {number: each for number, each in united.items() if each.low is not None or each.high is not None}


def common(one: Range, other: Range) -> Range | None:
    """Return what lies in both ranges; None where they contradict each other, so that neither can be trusted."""
    lows = [each.low for each in (one, other) if each.low is not None]
    highs = [each.high for each in (one, other) if each.high is not None]
    low, high = max(lows, key=_order, default=None), min(highs, key=_order, default=None)
    if low is not None and high is not None and _order(low) > _order(high):
        return None
    return Range(low, high, one.nulls and other.nulls)


def few(boxes: Iterable[Box], schema: Schema, partitioned: Sequence[int], most: int = MOST) -> list[Box]:
    """Enclose all boxes by at most so many (two or more), joining neighbours along one field."""
    distinct = list({tuple(sorted(box.items(), key=lambda item: item[0])): box for box in boxes}.values())
    axis = axis_of(distinct, schema, partitioned)
    if axis is None or not distinct:
        return [hull(distinct)] if distinct else []
    lying = [box for box in distinct if _whole(box.get(axis))]
    apart = [box for box in distinct if not _whole(box.get(axis))]
    ends = [hull(apart)] if apart else []
    near = _nearness(schema.find_type(axis))
    places = _places(lying, [number for number in partitioned if number != axis])
    joined = [each for place in places for each in _joined(place, axis, near)]
    if len(joined) + len(ends) > most:
        joined = _cut(joined, axis, most - len(ends))
    return [*joined, *ends]


def axis_of(boxes: Sequence[Box], schema: Schema, partitioned: Sequence[int]) -> int | None:
    """Return the field to sort by: bounded in most boxes, then by time, then of a partition; None if none is."""
    known = Counter(number for box in boxes for number, each in box.items() if _whole(each))

    def worth(number: int) -> tuple[int, bool, bool, int]:
        return known[number], isinstance(schema.find_type(number), _TIMES), number in partitioned, -number

    return max(known, key=worth, default=None)


def _around(ranges: Sequence[Range]) -> Range:
    lows, highs = [each.low for each in ranges], [each.high for each in ranges]
    return Range(
        None if None in lows else min(lows, key=_order),
        None if None in highs else max(highs, key=_order),
        any(each.nulls for each in ranges),
    )


def _places(boxes: Sequence[Box], others: Sequence[int]) -> list[list[Box]]:
    """Keep boxes of different other partitions apart, where these are few."""
    groups: defaultdict[tuple[Range | None, ...], list[Box]] = defaultdict(list)
    for box in boxes:
        groups[tuple(box.get(number) for number in others)].append(box)
    return list(groups.values()) if len(groups) <= _MOST_PLACES else [list(boxes)]


def _joined(boxes: Sequence[Box], axis: int, near: int) -> list[Box]:
    """Join boxes that touch along the axis."""
    ordered = sorted(boxes, key=lambda box: _order(box[axis].low))
    return _split(ordered, [at for at, gap in enumerate(_gaps(ordered, axis), 1) if gap > near])


def _cut(boxes: Sequence[Box], axis: int, most: int) -> list[Box]:
    """Part boxes at the widest gaps only."""
    ordered = sorted(boxes, key=lambda box: _order(box[axis].low))
    gaps = _gaps(ordered, axis)
    widest = sorted(range(1, len(ordered)), key=lambda at: gaps[at - 1], reverse=True)[: max(most - 1, 0)]
    return _split(ordered, sorted(widest))


def _split(ordered: Sequence[Box], places: Sequence[int]) -> list[Box]:
    edges = [0, *places, len(ordered)]
    return [hull(ordered[start:end]) for start, end in itertools.pairwise(edges) if start < end]


def _gaps(ordered: Sequence[Box], axis: int) -> list[Any]:
    """Return how far each box begins behind all before it; text has no distances, only before and behind."""
    gaps: list[Any] = []
    reached: Any = None
    for box in ordered:
        low, high = _order(box[axis].low), _order(box[axis].high)
        if reached is not None:
            gaps.append(low - reached if isinstance(low, int | Decimal) else int(low > reached) * 2)
        reached = high if reached is None else max(reached, high)
    return gaps


def _nearness(type_: iceberg.IcebergType) -> int:
    """Return the gap that is none: the next value, or for instants an hour, which no view tells apart for long."""
    return _HOUR if isinstance(type_, iceberg.TimestampType | iceberg.TimestamptzType) else 1


def _whole(each: Range | None) -> bool:
    return each is not None and each.low is not None and each.high is not None


def _order(value: Stored | None) -> Any:
    """Compare the values of one field, which are of one type."""
    return value
