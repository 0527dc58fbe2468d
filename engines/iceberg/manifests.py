"""Read the manifests of a snapshot, once, into figures. Every call here blocks."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from pyiceberg import types as iceberg
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, DataFileContent, ManifestContent
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from engines.iceberg.constants import with_scale
from engines.iceberg.figures import DeleteFigures, FieldFigures, Figures, Partition

_WHOLE = pa.int64()
_NUMBERS = {"i": struct.Struct("<i"), "q": struct.Struct("<q"), "f": struct.Struct("<f"), "d": struct.Struct("<d")}
_INTEGERS = (
    iceberg.IntegerType,
    iceberg.LongType,
    iceberg.DateType,
    iceberg.TimeType,
    iceberg.TimestampType,
    iceberg.TimestamptzType,
)
_BYTES = (iceberg.StringType, iceberg.BinaryType, iceberg.FixedType, iceberg.UUIDType)


def read_figures(table: Table, snapshot: Snapshot | None) -> Figures:
    """Read what the manifests of a snapshot say; a table without one has no files. Raises what pyiceberg raises."""
    gathered = _Gathered(_leaf_types(table))
    if snapshot is not None:
        for file in _files(snapshot, table.io):
            gathered.add(file)
    return gathered.figures(None if snapshot is None else snapshot.snapshot_id)


def _files(snapshot: Snapshot, io: FileIO) -> Iterator[DataFile]:
    """Yield the live files; what only deletes comes last, because of which there may be none."""
    manifests = sorted(snapshot.manifests(io), key=lambda each: each.content != ManifestContent.DATA)
    for manifest in manifests:
        for entry in manifest.fetch_manifest_entry(io, discard_deleted=True):
            file = entry.data_file
            file.spec_id = manifest.partition_spec_id
            yield file


def _leaf_types(table: Table) -> dict[int, iceberg.PrimitiveType]:
    """Return the type of each primitive field that any schema of the table has; the present schema's goes first."""
    types: dict[int, iceberg.PrimitiveType] = {}
    for schema in (table.schema(), *table.schemas().values()):
        for number in schema.field_ids:
            if number not in types and isinstance(type_ := schema.find_type(number), iceberg.PrimitiveType):
                types[number] = type_
    return types


@dataclass(slots=True)
class _Gathered:
    """Figures while they are read: plain arrays that grow."""

    types: Mapping[int, iceberg.PrimitiveType]
    sizes: array[int] = field(default_factory=lambda: array("q"))
    rows: array[int] = field(default_factory=lambda: array("q"))
    groups: array[int] = field(default_factory=lambda: array("i"))
    partition: array[int] = field(default_factory=lambda: array("i"))
    partitions: dict[Partition, int] = field(default_factory=dict)
    columns: dict[int, _Column] = field(default_factory=dict)
    deletes: DeleteFigures = field(default_factory=DeleteFigures)

    def add(self, file: DataFile) -> None:
        """Take what a manifest says of one file."""
        if file.content != DataFileContent.DATA:
            self.deletes = _with_deletes(self.deletes, file)
            return
        number = len(self.sizes)
        self.sizes.append(file.file_size_in_bytes)
        self.rows.append(file.record_count)
        self.groups.append(max(1, len(file.split_offsets or ())))
        partition = Partition(file.spec_id, tuple(file.partition[n] for n in range(len(file.partition))))
        self.partition.append(self.partitions.setdefault(partition, len(self.partitions)))
        sizes, nulls, nans = file.column_sizes or {}, file.null_value_counts or {}, file.nan_value_counts or {}
        lower, upper = file.lower_bounds or {}, file.upper_bounds or {}
        for column, type_ in self.types.items():
            if column in sizes or column in nulls or column in lower:
                kept = self.columns.get(column)
                if kept is None:
                    kept = self.columns[column] = _Column(type_)
                kept.add(number, sizes.get(column), nulls.get(column), nans.get(column))
                kept.bound(lower.get(column), upper.get(column))

    def figures(self, snapshot: int | None) -> Figures:
        """Return them, compact."""
        count = len(self.sizes)
        return Figures(
            snapshot,
            pa.array(self.sizes, _WHOLE),
            pa.array(self.rows, _WHOLE),
            pa.array(self.groups, pa.int32()),
            pa.array(self.partition, pa.int32()),
            tuple(self.partitions),
            {number: column.figures(count) for number, column in self.columns.items()},
            self.deletes,
        )


@dataclass(slots=True)
class _Column:
    """One field's figures while they are read; files that say nothing are filled up with nulls."""

    type_: iceberg.PrimitiveType
    sizes: list[int | None] = field(default_factory=list)
    nulls: list[int | None] = field(default_factory=list)
    nans: list[int | None] = field(default_factory=list)
    lower: list[object] = field(default_factory=list)
    upper: list[object] = field(default_factory=list)

    def add(self, number: int, size: int | None, nulls: int | None, nans: int | None) -> None:
        missing = number - len(self.sizes)
        for each in (self.sizes, self.nulls, self.nans):
            each += [None] * missing
        self.sizes.append(size)
        self.nulls.append(nulls)
        self.nans.append(nans)

    def bound(self, lower: bytes | None, upper: bytes | None) -> None:
        missing = len(self.sizes) - 1 - len(self.lower)
        for each in (self.lower, self.upper):
            each += [None] * missing
        self.lower.append(decoded(lower, self.type_))
        self.upper.append(decoded(upper, self.type_))

    def figures(self, count: int) -> FieldFigures:
        counts = [_counts(each, count) for each in (self.sizes, self.nulls, self.nans)]
        type_ = arrow_type(self.type_)
        if type_ is None:
            return FieldFigures(*counts)
        bounds = [pa.array(each + [None] * (count - len(each)), type_) for each in (self.lower, self.upper)]
        return FieldFigures(*counts, *bounds)


def _counts(numbers: list[int | None], count: int) -> pa.Array:
    """Keep counts in 32 bits where they fit."""
    filled = numbers + [None] * (count - len(numbers))
    small = all(number is None or number < 2**31 for number in numbers)
    return pa.array(filled, pa.int32() if small else _WHOLE)


def arrow_type(type_: iceberg.PrimitiveType) -> pa.DataType | None:
    """Return the Arrow type in which bounds of a type are kept; None where they are not used."""
    if isinstance(type_, _INTEGERS):
        return _WHOLE
    if isinstance(type_, iceberg.FloatType | iceberg.DoubleType):
        return pa.float64()
    if isinstance(type_, iceberg.DecimalType):
        return pa.decimal128(38, type_.scale)
    if isinstance(type_, iceberg.BooleanType):
        return pa.int8()
    return pa.binary() if isinstance(type_, _BYTES) else None


def decoded(bound: bytes | None, type_: iceberg.PrimitiveType) -> object:
    """Return a bound in its stored form; None where it says nothing. Types that were widened keep their old bounds."""
    if bound is None or not isinstance(bound, bytes):
        return None
    if isinstance(type_, _BYTES):
        return bound
    if isinstance(type_, iceberg.DecimalType):
        return with_scale(int.from_bytes(bound, "big", signed=True), type_.scale) if bound else None
    if isinstance(type_, iceberg.BooleanType):
        return int(bound != b"\x00")
    form = _form(type_, len(bound))
    if form is None:
        return None
    number = _NUMBERS[form].unpack(bound)[0]
    return None if isinstance(number, float) and math.isnan(number) else number


def _form(type_: iceberg.PrimitiveType, length: int) -> str | None:
    if isinstance(type_, _INTEGERS):
        return {4: "i", 8: "q"}.get(length)
    if isinstance(type_, iceberg.FloatType | iceberg.DoubleType):
        return {4: "f", 8: "d"}.get(length)
    return None


def _with_deletes(known: DeleteFigures, file: DataFile) -> DeleteFigures:
    by_position = file.content == DataFileContent.POSITION_DELETES
    return DeleteFigures(
        known.files + 1,
        known.bytes + file.file_size_in_bytes,
        known.positions + (file.record_count if by_position else 0),
        known.equality or not by_position,
    )
