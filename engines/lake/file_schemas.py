"""What data files say of their own columns: where it is just what a table says, nothing needs to be mapped.

DuckDB takes a table that is read by a map of Iceberg's field ids for one row long, and orders joins blindly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyiceberg.types as iceberg

from engines.lake.remembered import Remembered

_MOST_FILES = 200
"""A footer is read of each, once; of more files that would be felt."""
_ID = b"PARQUET:field_id"
_READ_AS = {
    iceberg.BooleanType: "bool",
    iceberg.IntegerType: "int32",
    iceberg.LongType: "int64",
    iceberg.FloatType: "float",
    iceberg.DoubleType: "double",
    iceberg.DateType: "date32[day]",
    iceberg.TimestampType: "timestamp[us]",
    iceberg.TimestamptzType: "timestamp[us, tz=UTC]",
    iceberg.StringType: "string",
    iceberg.BinaryType: "binary",
}
"""Types that files hold in one way only, which DuckDB reads as the table's own; others are always mapped."""

Said = frozenset[tuple[int, str, str]]
"""Field id, name without its case, and type of each column."""
_FOOTERS: Remembered[tuple[str, int, int], Said] = Remembered(20_000)


def say_the_same(fields: Mapping[str, iceberg.NestedField], paths: Sequence[str]) -> bool:
    """Tell whether each of these files has exactly a table's columns, under their names and in their types."""
    if len(paths) > _MOST_FILES:
        return False
    asked = [(field.field_id, name.casefold(), _type_of(field.field_type)) for name, field in fields.items()]
    if any(not type_ for _, _, type_ in asked):
        return False
    wanted = frozenset(asked)
    try:
        return all(_said_by(path) == wanted for path in paths)
    except (OSError, pa.ArrowException):  # whoever reads it will say so
        return False


def _type_of(type_: iceberg.IcebergType) -> str:
    if isinstance(type_, iceberg.DecimalType):
        return f"decimal128({type_.precision}, {type_.scale})"
    return next((read for kind, read in _READ_AS.items() if isinstance(type_, kind)), "")


def _said_by(path: str) -> Said:
    status = Path(path).stat()
    return _FOOTERS.get((path, status.st_size, status.st_mtime_ns), lambda: _read(path))


def _read(path: str) -> Said:
    return frozenset(
        (int((field.metadata or {}).get(_ID, b"-1")), field.name.casefold(), str(field.type).removeprefix("large_"))
        for field in pq.read_schema(path)
    )
