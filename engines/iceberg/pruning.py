"""Which files of a snapshot may hold rows for which a condition is true, and in which all rows fulfil it.

Partitions are told apart by pyiceberg's own projections through hidden transforms, each spec by its own; files by
their bounds, as pyiceberg's metrics evaluators do, but for all files at once. A NaN lies outside of all bounds and
fulfils no comparison but `<>` and `not in`, in Trino's language.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import types as iceberg
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.expressions.visitors import expression_evaluator, inclusive_projection
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import Record

from engines.iceberg.conditions import AllParts, AnyPart, Bound, Leaf, Unknown, expression
from engines.iceberg.constants import Stored
from engines.iceberg.figures import FieldFigures, Figures

_MOST_VALUES = 200
"""Beyond so many constants of an IN only the least and the greatest are compared with bounds."""


def partitions_left(bound: Bound, figures: Figures, metadata: TableMetadata, schema: Schema) -> tuple[bool, ...]:
    """Tell for each partition whether it may hold rows for which the condition is true."""
    left: dict[int, Callable[[Record], bool]] = {}
    found = []
    for partition in figures.partitions:
        if partition.spec not in left:
            left[partition.spec] = _evaluator(bound, metadata.specs()[partition.spec], schema)
        found.append(left[partition.spec](partition.record))
    return tuple(found)


def _evaluator(bound: Bound, spec: PartitionSpec, schema: Schema) -> Callable[[Record], bool]:
    """Return the test of a spec's partitions; one by columns that are no longer there keeps all of them."""
    if spec.is_unpartitioned() or any(field.source_id not in schema.field_ids for field in spec.fields):
        return lambda _: True
    projected = inclusive_projection(schema, spec)(expression(bound))
    return expression_evaluator(Schema(*spec.partition_type(schema).fields), projected, case_sensitive=True)


def says_nothing_of(bound: Bound, field: PartitionField, schema: Schema) -> bool:
    """Tell whether a condition leaves out no partition by this one field, whatever its values."""
    if field.source_id not in schema.field_ids:
        return False
    return inclusive_projection(schema, PartitionSpec(field))(expression(bound)) == AlwaysTrue()


def files_left(bound: Bound, figures: Figures) -> pa.BooleanArray:
    """Tell for each file whether its bounds let it hold rows for which the condition is true."""
    return _walk(bound, figures, _may_match, unknown=True)


def files_whole(bound: Bound, figures: Figures) -> pa.BooleanArray:
    """Tell for each file whether its bounds prove that the condition is true for all of its rows."""
    return _walk(bound, figures, _must_match, unknown=False)


_Test = Callable[[Leaf, FieldFigures, Figures], pa.BooleanArray]


def _walk(bound: Bound, figures: Figures, test: _Test, *, unknown: bool) -> pa.BooleanArray:
    match bound:
        case Unknown():
            return same(unknown, figures)
        case AllParts(parts):
            walked = [_walk(part, figures, test, unknown=unknown) for part in parts]
            return functools.reduce(pc.and_, walked, same(True, figures))
        case AnyPart(parts):
            walked = [_walk(part, figures, test, unknown=unknown) for part in parts]
            return functools.reduce(pc.or_, walked, same(False, figures))
        case Leaf():
            known = figures.fields.get(bound.field.field_id)
            if known is None:
                return same(unknown, figures)
            return pc.fill_null(test(bound, known, figures), unknown)


def same(value: bool, figures: Figures) -> pa.BooleanArray:
    """Return one value for each file."""
    return pa.repeat(pa.scalar(value), len(figures))


def _may_match(leaf: Leaf, known: FieldFigures, figures: Figures) -> pa.BooleanArray:
    """Keep what may match; null where nothing is said."""
    if leaf.operator == "is null":
        return pc.greater(known.nulls, 0)
    some = pc.fill_null(pc.less(known.nulls, figures.rows), True)
    if leaf.operator in ("is not null", "<>", "not in") or known.lower is None or known.upper is None:
        return some
    return pc.and_(some, pc.fill_null(_within(leaf, known.lower, known.upper), True))


def _within(leaf: Leaf, lower: pa.Array, upper: pa.Array) -> pa.BooleanArray:
    if len(leaf.values) > _MOST_VALUES:
        least, most = (
            _scalar(min(leaf.values, key=_order), lower.type),
            _scalar(max(leaf.values, key=_order), lower.type),
        )
        return pc.and_(_at_most(lower, most), _at_least(upper, least))
    values = [_scalar(value, lower.type) for value in leaf.values]
    if leaf.operator in ("=", "in"):
        return _any_of([pc.and_(_at_most(lower, value), _at_least(upper, value)) for value in values], len(lower))
    (value,) = values
    match leaf.operator:
        case "<":
            return pc.less(lower, value)
        case "<=":
            return _at_most(lower, value)
        case ">":
            return pc.greater(upper, value)
        case ">=":
            return _at_least(upper, value)
    return _may_start_with(leaf.values[0], lower, upper)


def _may_start_with(prefix: Stored, lower: pa.Array, upper: pa.Array) -> pa.BooleanArray:
    """Compare with the first text with the prefix, and the first that lies behind all of them."""
    text = prefix if isinstance(prefix, bytes) else b""
    reaches = _at_least(upper, pa.scalar(text, pa.binary()))
    behind = text.rstrip(b"\xff")
    if not behind:
        return reaches
    return pc.and_(reaches, pc.less(lower, pa.scalar(behind[:-1] + bytes([behind[-1] + 1]), pa.binary())))


def _must_match(leaf: Leaf, known: FieldFigures, figures: Figures) -> pa.BooleanArray:
    """Prove that all rows match; null where nothing is said. Bounds of text may be cut: only equal ones are exact."""
    if leaf.operator == "is null":
        return pc.equal(known.nulls, figures.rows)
    if leaf.operator == "is not null":
        return pc.equal(known.nulls, 0)
    if known.lower is None or known.upper is None:
        return same(False, figures)
    inside = _all_within(leaf, known.lower, known.upper)
    if isinstance(leaf.field.field_type, iceberg.FloatType | iceberg.DoubleType):
        inside = pc.and_(inside, pc.equal(known.nans, 0))
    return pc.and_(pc.equal(known.nulls, 0), inside)


def _all_within(leaf: Leaf, lower: pa.Array, upper: pa.Array) -> pa.BooleanArray:
    if len(leaf.values) > _MOST_VALUES:
        return pa.repeat(pa.scalar(False), len(lower))
    values = [_scalar(value, lower.type) for value in leaf.values]
    if leaf.operator in ("=", "in"):
        one = pc.equal(lower, upper)
        return pc.and_(one, _any_of([pc.equal(lower, value) for value in values], len(lower)))
    if leaf.operator in ("<>", "not in"):
        met = [pc.and_(_at_most(lower, value), _at_least(upper, value)) for value in values]
        return pc.invert(_any_of(met, len(lower)))
    (value,) = values
    match leaf.operator:
        case "<":
            return pc.less(upper, value)
        case "<=":
            return _at_most(upper, value)
        case ">":
            return pc.greater(lower, value)
        case ">=":
            return _at_least(lower, value)
    return pa.repeat(pa.scalar(False), len(lower))


def _any_of(masks: Sequence[pa.BooleanArray], count: int) -> pa.BooleanArray:
    return functools.reduce(pc.or_kleene, masks, pa.repeat(pa.scalar(False), count))


def _order(value: Stored) -> Any:
    """Compare the constants of one column, which are of one type."""
    return value


def _scalar(value: Stored, type_: pa.DataType) -> pa.Scalar:
    return pa.scalar(int(value) if isinstance(value, bool) else value, type_)


def _at_most(bounds: pa.Array, value: pa.Scalar) -> pa.BooleanArray:
    return pc.less_equal(bounds, value)


def _at_least(bounds: pa.Array, value: pa.Scalar) -> pa.BooleanArray:
    return pc.greater_equal(bounds, value)


def in_partitions(left: Sequence[bool], figures: Figures) -> pa.BooleanArray:
    """Tell for each file whether its partition is one of those that are left."""
    return pa.array(left, pa.bool_()).take(figures.partition)
