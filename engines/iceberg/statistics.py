"""What is known of a whole table at one snapshot: rows, bytes, columns, partitions, keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import types as iceberg
from pyiceberg.partitioning import PartitionField as IcebergPartitionField
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.transforms import VoidTransform

from catalog.names import fold_trino
from catalog.objects import TableName
from catalog.statistics import Basis, ColumnStatistics, PartitionField, TableStatistics
from engines.iceberg.columns import leaves_of, named_fields
from engines.iceberg.figures import FieldFigures, Figures, total

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (a wall clock, without a zone on purpose)
_COUNTED = (iceberg.IntegerType, iceberg.LongType, iceberg.DateType, iceberg.BooleanType)
"""Types of which there are no more values than lie between the bounds."""


def table_statistics(name: TableName, metadata: TableMetadata, schema: Schema, figures: Figures) -> TableStatistics:
    """Return a table's statistics at one snapshot."""
    distinct = _sketched(metadata, figures.snapshot)
    columns = {
        column: _column(field, figures, distinct.get(field.field_id)) for column, field in named_fields(schema).items()
    }
    rows = None if figures.deletes.equality else max(0, total(figures.rows) - figures.deletes.positions)
    return TableStatistics(
        table=name,
        rows=rows,
        bytes=total(figures.sizes) + figures.deletes.bytes,
        columns=columns,
        partitioning=partitioning(metadata.spec(), schema),
        keys=_keys(schema),
        basis=Basis("manifest", str(figures.snapshot or ""), time.time()),
    )


def live_fields(spec: PartitionSpec) -> tuple[IcebergPartitionField, ...]:
    """Return a spec's fields without those that were taken out of it."""
    return tuple(field for field in spec.fields if not isinstance(field.transform, VoidTransform))


def partitioning(spec: PartitionSpec, schema: Schema) -> tuple[PartitionField, ...]:
    """Return a spec's fields by the names of their columns; of a dropped column only the field's name is left."""
    return tuple(
        PartitionField(fold_trino(schema.find_column_name(field.source_id) or field.name), str(field.transform))
        for field in live_fields(spec)
    )


def _keys(schema: Schema) -> tuple[tuple[str, ...], ...]:
    names = sorted(fold_trino(name) for name in schema.identifier_field_names())
    return (tuple(names),) if names else ()


def _sketched(metadata: TableMetadata, snapshot: int | None) -> Mapping[int, float]:
    """Return the counts of distinct values that statistics files of this snapshot name, by field."""
    found: dict[int, float] = {}
    for file in metadata.statistics:
        if file.snapshot_id != snapshot:
            continue
        for blob in file.blob_metadata:
            count = (blob.properties or {}).get("ndv", "")
            if len(blob.fields) == 1 and count.isdecimal():
                found[blob.fields[0]] = float(count)
    return found


def _column(field: iceberg.NestedField, figures: Figures, distinct: float | None) -> ColumnStatistics:
    leaves = [figures.fields[leaf] for leaf in leaves_of(field) if leaf in figures.fields]
    sizes = [each.sizes for each in leaves if each.sizes.null_count < len(figures)]
    size = sum(total(each) for each in sizes) if sizes else None
    if len(leaves) != 1 or not isinstance(field.field_type, iceberg.PrimitiveType):
        return ColumnStatistics(size, distinct=distinct)
    (known,) = leaves
    low, high = _ends(known, figures.rows)
    return ColumnStatistics(
        bytes=size,
        nulls=None if known.nulls.null_count else total(known.nulls),
        distinct=distinct if distinct is not None else _counted(field.field_type, low, high, figures),
        low=python_value(low, field.field_type),
        high=python_value(high, field.field_type),
    )


def _ends(known: FieldFigures, rows: pa.Array) -> tuple[Any, Any]:
    """Return the least and the greatest bound; None where a file that holds values does not say."""
    if known.lower is None or known.upper is None:
        return None, None
    return _end(known.lower, known, rows, "min"), _end(known.upper, known, rows, "max")


def _end(bounds: pa.Array, known: FieldFigures, rows: pa.Array, end: str) -> Any:
    empty = pc.fill_null(pc.equal(known.nulls, rows), False)
    silent = pc.and_(pc.and_(pc.is_null(bounds), pc.fill_null(pc.is_valid(known.sizes), False)), pc.invert(empty))
    if not len(bounds) or pc.any(silent).as_py():
        return None
    return pc.min_max(bounds)[end].as_py()


def _counted(type_: iceberg.IcebergType, low: Any, high: Any, figures: Figures) -> float | None:
    if low is None or high is None or not isinstance(type_, _COUNTED):
        return None
    return float(min(high - low + 1, max(1, total(figures.rows))))


def python_value(value: Any, type_: iceberg.IcebergType) -> object:
    """Return a bound in its stored form as Python's own value; text may be cut short."""
    match value, type_:
        case None, _:
            return None
        case _, iceberg.DateType():
            return _within(lambda: date(1970, 1, 1) + timedelta(days=value))
        case _, iceberg.TimestampType():
            return _within(lambda: _EPOCH + timedelta(microseconds=value))
        case _, iceberg.TimestamptzType():
            return _within(lambda: _EPOCH.replace(tzinfo=UTC) + timedelta(microseconds=value))
        case _, iceberg.TimeType():
            return (_EPOCH + timedelta(microseconds=value)).time()
        case _, iceberg.BooleanType():
            return bool(value)
        case _, iceberg.StringType():
            return value.decode(errors="replace")
        case _, iceberg.UUIDType():
            return UUID(bytes=value) if len(value) == 16 else None
    return value


def _within(make: Callable[[], object]) -> object:
    """Return what is made, or None for times outside of Python's years."""
    try:
        return make()
    except (OverflowError, ValueError):
        return None
