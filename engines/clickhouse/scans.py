"""Say what a scan of a ClickHouse table would read, by arithmetic on its sizes and on what keys leave of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from catalog.objects import Table
from catalog.statistics import Basis, ColumnStatistics, Interval, PartitionField, Scan, ScanEstimate, TableStatistics
from engines.clickhouse.conditions import asks_elsewhere, columns_of
from engines.clickhouse.sizes import TableSizes, mentions
from engines.selectivity import share

UNBOUNDED = Interval(0.0, float("inf"), float("inf"))
IN_MEMORY = frozenset({"Memory", "Null", "Set", "Join", "Buffer"})
_OFF, _OFF_SAMPLED = 0.02, 0.15
"""How far sizes are off: of wide parts by rounding to whole blocks, of compact ones by the sample."""
_MARKS = 4096
"""Bytes of the marks that are read for a column of a part, where they are not remembered."""
BLOCK = 65_536
"""Bytes that are read at an end of a range beyond it: blocks are decompressed as a whole."""
PARTLY = re.compile(
    r"\b(?:length|empty|notEmpty|isNull|isNotNull|mapKeys|mapValues|mapContains|tupleElement)\s*\("
    r"|\bIS\s+(?:NOT\s+)?NULL\b|\bcount\s*\(\s*[^\s)*]|''|\.(?:null|size\d*|keys|values)\b",
    re.IGNORECASE,
)
"""What ClickHouse may answer from a part of a column: where it is null, how long its values are."""
_IN_PIECES = (
    "String",
    "Nullable",
    "Array",
    "Map",
    "Tuple",
    "Nested",
    "JSON",
    "Variant",
    "Dynamic",
    "LowCardinality(Null",
)
"""How the types of columns begin that are stored in several pieces."""


class Left(NamedTuple):
    """What keys and partitions leave of a table."""

    parts: int
    rows: int


def ours_of(table: Table) -> Mapping[str, str]:
    """Return the names of columns that clients know, by the server's own."""
    return {column.native_name or column.name: column.name for column in table.columns}


def natives(scan: Scan, table: Table) -> tuple[str, ...]:
    """Return the server's names of the columns that a scan reads, those of its condition among them."""
    wanted = {*scan.columns, *columns_of(scan.condition)}
    return tuple(column.native_name or column.name for column in table.columns if column.name in wanted)


def bytes_of(
    scan: Scan, table: Table, sizes: TableSizes, left: Left, per_row: Mapping[str, float], *, partly: bool
) -> Interval:
    """Return the bytes of the ranges left, in the columns read.

    At least those of the condition's columns: others are read only where it lets rows through (PREWHERE). At least
    nothing where a subquery's values may serve as an index, or where counts and bounds of keys may answer it.
    """
    everything = sum(per_row.values())
    likely = everything * left.rows
    if not per_row:
        smallest = min((held.compressed for held in sizes.columns.values()), default=0.0)
        return Interval(0.0, 0.0, smallest)
    ours = ours_of(table)
    asked = set(columns_of(scan.condition)) or set(ours.values())
    pieces = _stored_in_pieces(table) if partly else frozenset()
    low = sum(size for name, size in per_row.items() if ours[name] in asked and name not in pieces) * left.rows
    if asks_elsewhere(scan.condition) or _keys_alone(per_row, sizes):
        low = 0.0
    low = min(low, likely) * (1 - (_OFF_SAMPLED if sizes.sampled else _OFF))
    high = min(likely + left.parts * len(per_row) * BLOCK, everything * (sizes.rows or 0))
    marks = left.parts * len(per_row) * _MARKS
    return Interval(low, likely, max(likely, high) * (1 + (_OFF_SAMPLED if sizes.sampled else _OFF)) + marks)


def _stored_in_pieces(table: Table) -> frozenset[str]:
    return frozenset(
        column.native_name or column.name
        for column in table.columns
        if (column.native_type or "String").startswith(_IN_PIECES)
    )


def _keys_alone(columns: Mapping[str, float], sizes: TableSizes) -> bool:
    """Tell whether all columns read stand in the table's keys, whose bounds are kept apart."""
    return all(mentions(f"{sizes.sorting_key}, {sizes.partition_key}", name) for name in columns)


def rows_of(scan: Scan, left: Left, statistics: TableStatistics, every: int) -> Interval:
    """Return the rows that come out of a scan; at most those of the ranges left."""
    kept = share(scan.condition, statistics.columns, every)
    likely = min(float(left.rows), every * kept)
    return Interval(float(left.rows) if kept == 1.0 else 0.0, likely, float(left.rows))


def without_parts(scan: Scan, sizes: TableSizes, statistics: TableStatistics, now: float) -> ScanEstimate:
    """Say what is known of a table whose parts cannot be told apart."""
    rows = Interval(0.0, float(sizes.rows), float(sizes.rows)) if sizes.rows is not None else UNBOUNDED
    basis = Basis("table size", sizes.version, now)
    if sizes.engine in IN_MEMORY:
        why = f"a table of engine {sizes.engine} lies in memory: nothing is read from storage"
        return ScanEstimate(scan, Interval.exactly(0.0), rows, basis, statistics=statistics, why=why)
    if sizes.bytes is None:
        why = f"a table of engine {sizes.engine} does not say how much it holds"
        return ScanEstimate(scan, UNBOUNDED, rows, Basis("none"), statistics=statistics, why=why)
    size = Interval(0.0, float(sizes.bytes), float(sizes.bytes))
    why = f"a table of engine {sizes.engine} says how much it holds, and nothing of its columns"
    return ScanEstimate(scan, size, rows, basis, statistics=statistics, why=why)


def statistics_of(table: Table, sizes: TableSizes, now: float) -> TableStatistics:
    """Return a table's figures as other engines give them."""
    ours = ours_of(table)
    columns = {
        ours[name]: ColumnStatistics(bytes=round(held.compressed))
        for name, held in sizes.columns.items()
        if name in ours
    }
    kind = "explain estimate" if sizes.by_parts else "table size"
    return TableStatistics(
        table=table.name,
        rows=sizes.rows,
        bytes=sizes.bytes,
        columns=columns,
        partitioning=_partitioning(table, sizes.partition_key),
        basis=Basis(kind, sizes.version, now),  # type: ignore[arg-type]  # one of the words that a basis knows
    )


def _partitioning(table: Table, key: str) -> tuple[PartitionField, ...]:
    """Return the partition expression with the columns that stand in it; none where none does."""
    return tuple(
        PartitionField(column.name, key) for column in table.columns if mentions(key, column.native_name or column.name)
    )


def unfiltered(scan: Scan, statistics: TableStatistics) -> tuple[PartitionField, ...]:
    """Return the parts of the partition key that a scan's condition says nothing of."""
    asked = set(columns_of(scan.condition))
    return tuple(each for each in statistics.partitioning if each.column not in asked)
