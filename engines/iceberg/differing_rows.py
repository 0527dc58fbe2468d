"""Compare two snapshots row by row, where the files that differ are small: the proof that manifests cannot give.

A file that was written anew without one of its rows differs by that row only, and a compaction by none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import types as iceberg
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.manifest import DataFile, DataFileContent, ManifestContent
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from engines.iceberg.boxes import Box, Range
from engines.iceberg.changed_files import FileChanges
from engines.iceberg.spans import enclosed

MOST_BYTES = 32 << 20
"""Stored bytes of all files that differ; larger changes are enclosed by what manifests say."""
MOST_ROWS = 1_000_000
MOST_FILES = 100
_MOST_NESTED_ROWS = 20_000
"""Nested values are compared by their texts, which is slow."""
_SLICES = 2000
"""Boxes that differing rows are put into at most, before neighbours are joined."""
_SIGN = "$sign"
_TIMES = (iceberg.DateType, iceberg.TimestampType, iceberg.TimestamptzType)
_WHOLE = (iceberg.IntegerType, iceberg.LongType)
_NUMBERED = (*_WHOLE, *_TIMES, iceberg.TimeType)


@dataclass(frozen=True, slots=True)
class Differing:
    """The rows that only one of two snapshots has."""

    boxes: list[Box]
    added_only: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One of two snapshots, with metadata that know it."""

    snapshot: Snapshot
    metadata: TableMetadata
    io: FileIO


def small(changes: FileChanges, most_rows: int) -> bool:
    """Tell whether reading what differs costs little, and whether it is in a form that can be read."""
    files = changes.files
    return (
        len(files) <= MOST_FILES
        and sum(file.file_size_in_bytes for file in files) <= MOST_BYTES
        and sum(file.record_count for file in files) <= most_rows
        and all(file.content != DataFileContent.EQUALITY_DELETES for file in files)
    )


def differing_rows(changes: FileChanges, before: Side | None, after: Side, columns: Schema) -> Differing | None:
    """Read the files that differ and enclose the rows that do; None where that costs much, or cannot be told."""
    slow = any(not isinstance(field.field_type, iceberg.PrimitiveType) for field in columns.fields)
    if not columns.fields or not small(changes, _MOST_NESTED_ROWS if slow else MOST_ROWS):
        return None
    new = _signed(_rows(after, (*changes.added, *changes.concerned), columns), 1, columns)
    sides = [new]
    if before is not None:
        sides.append(_signed(_rows(before, (*changes.removed, *changes.concerned), columns), -1, columns))
    left = _unpaired(pa.concat_tables(sides))
    if not len(left):
        return Differing([], added_only=True)
    added_only = bool(pc.all(pc.greater(left[_SIGN], 0)).as_py())
    return Differing([_box(part, columns) for part in _slices(left, columns)], added_only)


def _rows(side: Side, files: Iterable[DataFile], columns: Schema) -> pa.Table:
    scan = ArrowScan(side.metadata, side.io, columns, AlwaysTrue())
    return scan.to_table(_tasks(side, {file.file_path: file for file in files}))


def _tasks(side: Side, files: dict[str, DataFile]) -> list[FileScanTask]:
    """Plan the reading of some files of a snapshot, without their deleted rows."""
    if all(each.content == ManifestContent.DATA for each in side.snapshot.manifests(side.io)):
        return [FileScanTask(file) for file in files.values()]
    table = Table(("a", "table"), side.metadata, "", side.io, NoopCatalog("none"))
    planned = table.scan(snapshot_id=side.snapshot.snapshot_id).plan_files()
    return [task for task in planned if task.file.file_path in files]


def _signed(rows: pa.Table, sign: int, columns: Schema) -> pa.Table:
    """Return rows in the stored form of their values, which tells apart all that differ, with a sign."""
    stored = {
        str(field.field_id): _stored(rows.column(at), field.field_type) for at, field in enumerate(columns.fields)
    }
    return pa.table({**stored, _SIGN: pa.repeat(pa.scalar(sign, pa.int64()), len(rows))})


def _stored(column: pa.ChunkedArray, type_: iceberg.IcebergType) -> pa.Array:
    """Return a column as whole numbers, decimals or bytes: 0.0 is another number than -0.0 there."""
    values = column.combine_chunks()
    if isinstance(type_, iceberg.FloatType):
        return values.view(pa.int32())
    if isinstance(type_, iceberg.DoubleType):
        return values.view(pa.int64())
    if isinstance(type_, iceberg.BooleanType | iceberg.DecimalType):
        return values
    if isinstance(type_, iceberg.DateType):
        return values.cast(pa.int32()).cast(pa.int64())
    if isinstance(type_, _NUMBERED):
        return values.cast(pa.int64())
    if isinstance(type_, iceberg.StringType | iceberg.BinaryType | iceberg.FixedType | iceberg.UUIDType):
        plain = values.storage if isinstance(values, pa.ExtensionArray) else values
        return plain.cast(pa.binary()).cast(pa.large_binary())
    texts = [None if each is None else repr(each).encode() for each in values.to_pylist()]
    return pa.array(texts, pa.large_binary())


def _unpaired(rows: pa.Table) -> pa.Table:
    """Return the distinct rows that one side has more often, and how much more often the newer one has them."""
    keys = [name for name in rows.column_names if name != _SIGN]
    counted = rows.group_by(keys).aggregate([(_SIGN, "sum")])
    named = counted.rename_columns([_SIGN if name == f"{_SIGN}_sum" else name for name in counted.column_names])
    return named.filter(pc.not_equal(named[_SIGN], 0))


def _slices(rows: pa.Table, columns: Schema) -> Iterator[pa.Table]:
    """Cut rows where the gaps along one column are widest; rows without a value there lie apart."""
    axis = _axis(rows, columns)
    if axis is None:
        yield rows
        return
    without = rows.filter(pc.is_null(rows[axis]))
    if len(without):
        yield without
    ordered = rows.filter(pc.is_valid(rows[axis])).sort_by(axis)
    gaps = pc.pairwise_diff(ordered[axis].combine_chunks()).slice(1)
    widest = pc.sort_indices(gaps, [("", "descending")]).slice(0, _SLICES - 1)
    edges = [0, *sorted(at + 1 for at in widest.to_pylist()), len(ordered)]
    for start, end in itertools.pairwise(edges):
        yield ordered.slice(start, end - start)


def _axis(rows: pa.Table, columns: Schema) -> str | None:
    """Return the column to cut by: a time, else a whole number, that has values."""
    for types in (_TIMES, _WHOLE):
        for field in columns.fields:
            name = str(field.field_id)
            if isinstance(field.field_type, types) and rows[name].null_count < len(rows):
                return name
    return None


def _box(rows: pa.Table, columns: Schema) -> Box:
    box: dict[int, Range] = {}
    for number in enclosed(columns):
        column = rows[str(number)]
        ends = pc.min_max(column).as_py()
        if ends["min"] is not None:
            box[number] = Range(ends["min"], ends["max"], column.null_count > 0)
    return box
