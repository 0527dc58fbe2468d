"""Say what a scan of an Iceberg table would read, by arithmetic on the figures of its snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from catalog.statistics import Interval, PartitionField, Scan, ScanEstimate, TableStatistics
from engines.iceberg.columns import ColumnSizes, column_sizes, named_fields, read_by
from engines.iceberg.conditions import Bound, bind
from engines.iceberg.figures import Figures, total
from engines.iceberg.pruning import files_left, files_whole, in_partitions, partitions_left, same, says_nothing_of
from engines.iceberg.readers import Reader
from engines.iceberg.shares import shares, weighted
from engines.iceberg.statistics import live_fields

EQUALITY_DELETES = "rows are deleted by their values: how many cannot be told"
NO_COLUMN_SIZES = "the manifests do not say how large columns are"


@dataclass(frozen=True, slots=True)
class Version:
    """A table at one snapshot: its metadata, the schema that the snapshot is read by, and what is known of it."""

    metadata: TableMetadata
    schema: Schema
    figures: Figures
    statistics: TableStatistics


@dataclass(frozen=True, slots=True)
class _Left:
    """What a condition leaves of a table."""

    partitions: tuple[bool, ...]
    files: pa.BooleanArray
    whole: pa.BooleanArray
    """The files whose rows all fulfil the condition."""


def estimate_scan(scan: Scan, version: Version, reader: Reader) -> ScanEstimate:
    """Say what one scan reads. Raises what pyiceberg raises for metadata that contradict themselves."""
    figures, fields = version.figures, named_fields(version.schema)
    bound = bind(scan.condition, fields)
    left = _left(bound, version)
    read = left if reader.prunes else _Left(left.partitions, same(True, figures), same(True, figures))
    sizes = column_sizes({name: fields[name] for name in read_by(scan) if name in fields}, figures)
    return ScanEstimate(
        scan,
        bytes=_bytes(figures, read, sizes, reader),
        rows=_rows(bound, figures, left),
        basis=version.statistics.basis,
        column_bytes={name: _sum(size, read.files) for name, size in sizes.by_name.items()} if sizes.said else {},
        partitions=_partitions(version, read),
        files=(_sum(None, read.files), len(figures)),
        unfiltered=_unfiltered(bound, version),
        statistics=version.statistics,
        why=_why(figures, sizes),
    )


def _left(bound: Bound, version: Version) -> _Left:
    figures = version.figures
    partitions = partitions_left(bound, figures, version.metadata, version.schema)
    files = pc.and_(in_partitions(partitions, figures), files_left(bound, figures))
    return _Left(partitions, files, pc.and_(files, files_whole(bound, figures)))


def _bytes(figures: Figures, left: _Left, sizes: ColumnSizes, reader: Reader) -> Interval:
    """Return the bytes: at least those of files that are read for certain, at most whole files.

    A file of which only some rows are asked for counts as nothing at the low end: bounds of row groups, dictionaries
    and pages may rule all of it out.
    """
    small = pc.less_equal(figures.sizes, reader.whole_below)
    tails = pc.if_else(small, 0, pc.min_element_wise(figures.sizes, reader.footer))  # a file read as one has its own
    opened = total(tails) if reader.opens_all else _sum(tails, left.files)
    asked = sizes.together(figures) if reader.columns else figures.sizes
    taken = pc.if_else(small, figures.sizes, asked)
    deletes = figures.deletes.bytes + min(figures.deletes.bytes, reader.footer * figures.deletes.files)
    low = opened + (_sum(taken, left.whole) if sizes.said else 0)
    likely = opened + _sum(taken, left.files) + figures.deletes.bytes
    return Interval(low, likely, max(likely, opened + _sum(figures.sizes, left.files) + deletes))


def _rows(bound: Bound, figures: Figures, left: _Left) -> Interval:
    """Return the rows that come out; deleted ones may lie in any file."""
    deleted = figures.deletes.positions
    high = _sum(figures.rows, left.files)
    low = 0 if figures.deletes.equality else max(0, _sum(figures.rows, left.whole) - deleted)
    every = total(figures.rows)
    kept = max(0.0, 1.0 - deleted / every) if every else 1.0
    some = pc.if_else(left.whole, 1.0, shares(bound, figures))
    likely = weighted(figures.rows, [pc.cast(left.files, pa.float64()), some]) * kept
    return Interval(low, min(max(low, likely), high), high)


def _partitions(version: Version, left: _Left) -> tuple[int, int] | None:
    """Count the partitions of which files are left; None where the table never had any."""
    if all(spec.is_unpartitioned() for spec in version.metadata.partition_specs):
        return None
    read = pc.unique(version.figures.partition.filter(left.files))
    return len(read), len(version.figures.partitions)


def _unfiltered(bound: Bound, version: Version) -> tuple[PartitionField, ...]:
    fields = live_fields(version.metadata.spec())
    shown = zip(fields, version.statistics.partitioning, strict=True)
    return tuple(named for field, named in shown if says_nothing_of(bound, field, version.schema))


def _why(figures: Figures, sizes: ColumnSizes) -> str:
    reasons = [(NO_COLUMN_SIZES, not sizes.said), (EQUALITY_DELETES, figures.deletes.equality)]
    return "; ".join(reason for reason, holds in reasons if holds)


def _sum(numbers: pa.Array | None, kept: pa.BooleanArray) -> int:
    """Sum up the numbers of the files that are kept; count these where there are no numbers."""
    return int(pc.sum(kept).as_py() or 0) if numbers is None else total(numbers.filter(kept))
