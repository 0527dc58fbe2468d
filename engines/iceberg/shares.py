"""Guess which share of each file's rows fulfils a condition, from its bounds: the likely figure, never a bound."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import types as iceberg

from engines.iceberg.conditions import AllParts, AnyPart, Bound, Leaf, Unknown
from engines.iceberg.figures import FieldFigures, Figures

_ONE_VALUE, _RANGE, _PREFIX, _UNKNOWN, _SUBQUERY = 0.05, 1 / 3, 0.1, 1 / 3, 0.5
"""Shares to say where nothing is known: the ones that textbooks take."""
_WHOLE = (iceberg.IntegerType, iceberg.LongType, iceberg.DateType, iceberg.BooleanType)
_RANGES = frozenset({"<", "<=", ">", ">="})


def shares(bound: Bound, figures: Figures) -> pa.DoubleArray:
    """Return a share between 0 and 1 for each file, as if columns did not depend on each other."""
    match bound:
        case Unknown(subquery):
            return _same(_SUBQUERY if subquery else _UNKNOWN, figures)
        case AllParts():
            return functools.reduce(pc.multiply, _independent(bound, figures), _same(1.0, figures))
        case AnyPart(parts):
            missed = [pc.subtract(1.0, shares(part, figures)) for part in parts]
            return pc.subtract(1.0, functools.reduce(pc.multiply, missed, _same(1.0, figures)))
        case Leaf():
            return _leaf(bound, figures)


def _independent(whole: AllParts, figures: Figures) -> Iterator[pa.DoubleArray]:
    """Yield a share for each part; ranges of one field go together: they leave what lies between their ends."""
    ranges: dict[int, list[Leaf]] = defaultdict(list)
    for part in _flat(whole):
        if isinstance(part, Leaf) and part.operator in _RANGES:
            ranges[part.field.field_id].append(part)
        else:
            yield shares(part, figures)
    for leaves in ranges.values():
        summed = functools.reduce(pc.add, [_leaf(leaf, figures) for leaf in leaves])
        yield _clipped(pc.subtract(summed, float(len(leaves) - 1)))


def _flat(whole: AllParts) -> Iterator[Bound]:
    for part in whole.parts:
        if isinstance(part, AllParts):
            yield from _flat(part)
        else:
            yield part


def _leaf(leaf: Leaf, figures: Figures) -> pa.DoubleArray:
    known = figures.fields.get(leaf.field.field_id)
    if known is None:
        return _same(_blind(leaf), figures)
    filled = _filled(known, figures)
    if leaf.operator == "is not null":
        return filled
    if leaf.operator == "is null":
        return pc.subtract(1.0, filled)
    return pc.multiply(filled, _clipped(pc.fill_null(_among_values(leaf, known), _blind(leaf))))


def _filled(known: FieldFigures, figures: Figures) -> pa.DoubleArray:
    """Return the share of values that are not NULL; all where it is not said."""
    rows = pc.max_element_wise(_floats(figures.rows), 1.0)
    return _clipped(pc.subtract(1.0, pc.divide(_floats(pc.fill_null(known.nulls, 0)), rows)))


def _among_values(leaf: Leaf, known: FieldFigures) -> pa.DoubleArray:
    """Return the share of values that lie where the leaf says, as if they were spread evenly between the bounds."""
    lower, upper = known.lower, known.upper
    if lower is None or upper is None:
        return pa.nulls(len(known.nulls), pa.float64())
    one = pc.if_else(pc.equal(lower, upper), 1.0, _one_of(leaf, lower, upper))
    match leaf.operator:
        case "=" | "in":
            return pc.multiply(one, float(max(1, len(leaf.values))))
        case "<>" | "not in":
            return pc.subtract(1.0, pc.multiply(one, float(len(leaf.values))))
        case "starts with":
            return pa.nulls(len(lower), pa.float64())
    (value,) = leaf.values
    if isinstance(value, bytes):
        return pa.nulls(len(lower), pa.float64())
    below = pc.divide(pc.subtract(float(value), _floats(lower)), _width(leaf, lower, upper))
    return below if leaf.operator in ("<", "<=") else pc.subtract(1.0, below)


def _one_of(leaf: Leaf, lower: pa.Array, upper: pa.Array) -> pa.DoubleArray | float:
    """Return the share of one value: of days and numbers as many as there may be, of others a guess."""
    if not isinstance(leaf.field.field_type, _WHOLE):
        return _ONE_VALUE
    return pc.divide(1.0, _width(leaf, lower, upper))


def _width(leaf: Leaf, lower: pa.Array, upper: pa.Array) -> pa.DoubleArray:
    step = 1.0 if isinstance(leaf.field.field_type, _WHOLE) else 0.0
    return pc.max_element_wise(pc.add(pc.subtract(_floats(upper), _floats(lower)), step), 1e-9)


def _blind(leaf: Leaf) -> float:
    if leaf.operator in _RANGES:
        return _RANGE
    if leaf.operator == "starts with":
        return _PREFIX
    some = min(1.0, _ONE_VALUE * max(1, len(leaf.values)))
    return some if leaf.operator in ("=", "in", "is null") else 1.0 - some


def _floats(numbers: pa.Array) -> pa.DoubleArray:
    return pc.cast(numbers, pa.float64(), safe=False)


def _clipped(numbers: pa.DoubleArray) -> pa.DoubleArray:
    return pc.min_element_wise(pc.max_element_wise(numbers, 0.0), 1.0)


def _same(share: float, figures: Figures) -> pa.DoubleArray:
    return pa.repeat(pa.scalar(share), len(figures))


def weighted(weights: pa.Array, parts: Sequence[pa.DoubleArray]) -> float:
    """Return the sum of weights, each multiplied by its parts."""
    return float(pc.sum(functools.reduce(pc.multiply, parts, _floats(weights))).as_py() or 0.0)
