"""Which columns a scan reads, and what each takes in each file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, PrimitiveType

from catalog.names import fold_trino
from catalog.statistics import AllOf, AnyOf, Comparison, Condition, Opaque, Scan
from engines.iceberg.figures import Figures


def named_fields(schema: Schema) -> dict[str, NestedField]:
    """Return the columns by the names Trino knows them by."""
    return {fold_trino(field.name): field for field in schema.fields}


def leaves_of(field: NestedField) -> tuple[int, ...]:
    """Return the ids of the primitive fields that a column consists of."""
    if isinstance(field.field_type, PrimitiveType):
        return (field.field_id,)
    inside = Schema(field)
    return tuple(n for n in inside.field_ids if isinstance(inside.find_type(n), PrimitiveType))


def read_by(scan: Scan) -> tuple[str, ...]:
    """Return the columns that are read: those that come out of the scan, and those of its condition."""
    return tuple(dict.fromkeys((*scan.columns, *_columns_of(scan.condition))))


def _columns_of(condition: Condition) -> tuple[str, ...]:
    match condition:
        case Comparison():
            return (condition.column,)
        case Opaque():
            return condition.columns
        case AllOf(parts) | AnyOf(parts):
            return tuple(column for part in parts for column in _columns_of(part))


@dataclass(frozen=True, slots=True)
class ColumnSizes:
    """Stored bytes of columns, file by file."""

    by_name: Mapping[str, pa.Array]
    said: bool
    """The manifests say it; else a file is taken to consist of what is read of it."""

    def together(self, figures: Figures) -> pa.Array:
        """Return the bytes of all columns in each file, never more than the file has."""
        nothing = pa.repeat(pa.scalar(0, pa.int64()), len(figures))
        summed = functools.reduce(pc.add, self.by_name.values(), nothing)
        return pc.min_element_wise(summed, figures.sizes)


def column_sizes(needed: Mapping[str, NestedField], figures: Figures) -> ColumnSizes:
    """Return what the columns take; a file that was written before a column was added holds nothing of it."""
    if not needed or not len(figures):
        return ColumnSizes({}, said=True)
    if all(each.sizes.null_count == len(figures) for each in figures.fields.values()):
        part = pc.divide(figures.sizes, len(needed))
        return ColumnSizes(dict.fromkeys(needed, part), said=False)
    return ColumnSizes({name: _size_of(field, figures) for name, field in needed.items()}, said=True)


def _size_of(field: NestedField, figures: Figures) -> pa.Array:
    nothing = pa.repeat(pa.scalar(0, pa.int64()), len(figures))
    leaves = [figures.fields[leaf] for leaf in leaves_of(field) if leaf in figures.fields]
    sizes = [pc.cast(pc.fill_null(each.sizes, 0), pa.int64()) for each in leaves]
    return functools.reduce(pc.add, sizes, nothing)
