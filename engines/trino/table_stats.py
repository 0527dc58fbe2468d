"""What a Trino cluster says of a table's columns by SHOW STATS; what it does not know is None."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec

from catalog.objects import Table
from catalog.statistics import Basis, ColumnStatistics, TableStatistics
from catalog.types import TrinoType

WHY_SIZE = "the engine's own figures: sizes in memory, uncompressed"


class StatsRow(msgspec.Struct, array_like=True, frozen=True):
    """One row of SHOW STATS; the one without a column is about the table. Figures may come as text (`NaN`)."""

    column: str | None
    size: float | str | None
    distinct: float | str | None
    nulls: float | str | None
    rows: float | str | None
    low: str | None
    high: str | None


def question(table: Table) -> str:
    """Return the statement."""
    return "SHOW STATS FOR " + ".".join('"' + part.replace('"', '""') + '"' for part in table.name)


def read_stats(table: Table, rows: Sequence[StatsRow], now: float) -> TableStatistics:
    """Make a table's statistics of all rows. Its size stays unknown where a column's is."""
    count = next((figure(row.rows) for row in rows if row.column is None), None)
    types = {column.name: column.type for column in table.columns}
    known = {row.column: _column(row, types.get(row.column), count) for row in rows if row.column is not None}
    return TableStatistics(
        table=table.name,
        rows=None if count is None else round(count),
        bytes=_size(types, known, count),
        columns=known,
        basis=Basis("statistics", taken_at=now),
    )


def figure(value: float | str | None) -> float | None:
    """Return a figure as Trino writes it in JSON; None for NaN, infinity and what is below zero."""
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _column(row: StatsRow, kind: TrinoType | None, count: float | None) -> ColumnStatistics:
    size, nulls = figure(row.size), figure(row.nulls)
    return ColumnStatistics(
        bytes=None if size is None else round(size),
        nulls=None if nulls is None or count is None else round(min(nulls, 1.0) * count),
        distinct=figure(row.distinct),
        low=_value(row.low, kind),
        high=_value(row.high, kind),
    )


_WIDTHS = {
    "boolean": 1, "tinyint": 1, "smallint": 2, "integer": 4, "bigint": 8, "real": 4, "double": 8, "date": 4,
    "timestamp": 8, "timestamp with time zone": 8, "time": 8, "decimal": 16, "uuid": 16,
}  # fmt: skip
"""Bytes of a value of fixed width, without what says that it is null."""


def _size(types: Mapping[str, TrinoType], known: Mapping[str, ColumnStatistics], count: float | None) -> int | None:
    """Return the size of all columns in memory; None where one is not known."""
    if count is None:
        return None
    sizes = [known[name].bytes if name in known else None for name in types]
    widths = [_WIDTHS.get(kind.base) for kind in types.values()]
    each = [
        size if size is not None else (None if width is None else round(width * count))
        for size, width in zip(sizes, widths, strict=True)
    ]
    return None if None in each else sum(size for size in each if size is not None)


def _moment(text: str) -> datetime:
    moment, _, zone = text.partition(" UTC")
    if zone.strip():
        raise ValueError("a zone that is not expected here")
    return datetime.fromisoformat(moment + ("+00:00" if text.endswith(" UTC") else ""))


_READ: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("real", "double"), float),
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": _moment,
    "timestamp with time zone": _moment,
}


def _value(text: str | None, kind: TrinoType | None) -> object:
    """Return a bound as Python's own value; None where it is missing or in a form that is not known."""
    read = _READ.get(kind.base) if kind is not None else None
    if text is None or read is None:
        return None
    try:
        return read(text)
    except (ValueError, ArithmeticError):
        return None
