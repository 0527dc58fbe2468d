"""Iceberg's types as Trino's connector shows them, as DuckDB reads them, and back for new tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pyiceberg import types as iceberg
from pyiceberg.schema import Schema

from catalog import types as trino
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.types import TrinoType

_PLAIN_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_SIMPLE: dict[type[iceberg.IcebergType], tuple[TrinoType, str]] = {
    iceberg.BooleanType: (trino.BOOLEAN, "BOOLEAN"),
    iceberg.IntegerType: (trino.INTEGER, "INTEGER"),
    iceberg.LongType: (trino.BIGINT, "BIGINT"),
    iceberg.FloatType: (trino.REAL, "FLOAT"),
    iceberg.DoubleType: (trino.DOUBLE, "DOUBLE"),
    iceberg.DateType: (trino.DATE, "DATE"),
    iceberg.TimeType: (trino.time(6), "TIME"),
    iceberg.TimestampType: (trino.timestamp(6), "TIMESTAMP"),
    iceberg.TimestamptzType: (trino.timestamp(6, zone=True), "TIMESTAMPTZ"),
    iceberg.TimestampNanoType: (trino.timestamp(9), "TIMESTAMP_NS"),
    iceberg.StringType: (trino.VARCHAR, "VARCHAR"),
    iceberg.UUIDType: (trino.UUID, "UUID"),
    iceberg.BinaryType: (trino.VARBINARY, "BLOB"),
    iceberg.FixedType: (trino.VARBINARY, "BLOB"),
}


def trino_type(type_: iceberg.IcebergType) -> TrinoType:
    """Return the type Trino's Iceberg connector shows. Raises Refusal NOT_SUPPORTED for types it does not know."""
    if isinstance(type_, iceberg.DecimalType):
        return trino.decimal(type_.precision, type_.scale)
    if isinstance(type_, iceberg.StructType):
        return trino.row(*((field.name, trino_type(field.field_type)) for field in type_.fields))
    if isinstance(type_, iceberg.ListType):
        return trino.array(trino_type(type_.element_type))
    if isinstance(type_, iceberg.MapType):
        return trino.map_of(trino_type(type_.key_type), trino_type(type_.value_type))
    return _simple(type_)[0]


def duckdb_type(type_: iceberg.IcebergType) -> str:
    """Return the DuckDB type that holds values of an Iceberg type."""
    if isinstance(type_, iceberg.DecimalType):
        return f"DECIMAL({type_.precision}, {type_.scale})"
    if isinstance(type_, iceberg.StructType):
        fields = (f"{quoted(field.name)} {duckdb_type(field.field_type)}" for field in type_.fields)
        return f"STRUCT({', '.join(fields)})"
    if isinstance(type_, iceberg.ListType):
        return f"{duckdb_type(type_.element_type)}[]"
    if isinstance(type_, iceberg.MapType):
        return f"MAP({duckdb_type(type_.key_type)}, {duckdb_type(type_.value_type)})"
    return _simple(type_)[1]


def _simple(type_: iceberg.IcebergType) -> tuple[TrinoType, str]:
    found = _SIMPLE.get(type(type_))
    if found is None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"the Iceberg type {type_} is not supported by the embedded lake")
    return found


def is_nested(type_: iceberg.IcebergType) -> bool:
    """Tell whether a type has fields inside, whose ids DuckDB does not follow."""
    return isinstance(type_, iceberg.StructType | iceberg.ListType | iceberg.MapType)


def has_plain_names(type_: iceberg.IcebergType) -> bool:
    """Tell whether all fields inside have names that are written to files as they are."""
    if isinstance(type_, iceberg.StructType):
        return all(_PLAIN_NAME.fullmatch(f.name) and has_plain_names(f.field_type) for f in type_.fields)
    if isinstance(type_, iceberg.ListType):
        return has_plain_names(type_.element_type)
    if isinstance(type_, iceberg.MapType):
        return has_plain_names(type_.key_type) and has_plain_names(type_.value_type)
    return True


def quoted(name: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def folded_columns(schema: Schema) -> dict[str, iceberg.NestedField]:
    """Return the top-level fields by the name Trino knows them by. Raises Refusal if two names fold to one."""
    columns = {fold_trino(field.name): field for field in schema.fields}
    if len(columns) != len(schema.fields):
        raise Refusal(ErrorCode.NOT_SUPPORTED, "a table has columns whose names differ only in case")
    return columns


def iceberg_type(type_: TrinoType, ids: Iterator[int]) -> iceberg.IcebergType:
    """Return the Iceberg type that Trino makes for a new column; `ids` numbers nested fields.

    Raises Refusal NOT_SUPPORTED for types without one.
    """
    if type_.base == "decimal":
        return iceberg.DecimalType(*type_.numbers)
    if type_.base == "array":
        return iceberg.ListType(next(ids), iceberg_type(type_.arguments[0], ids), element_required=False)
    if type_.base == "map":
        key, value = type_.arguments
        return iceberg.MapType(
            next(ids), iceberg_type(key, ids), next(ids), iceberg_type(value, ids), value_required=False
        )
    if type_.base == "row":
        return iceberg.StructType(*_struct_fields(type_, ids))
    make = _NEW.get(type_.base)
    if make is None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Type not supported for Iceberg: {type_}")
    return make()


def _struct_fields(type_: TrinoType, ids: Iterator[int]) -> Iterator[iceberg.NestedField]:
    for name, inner in zip(type_.fields, type_.arguments, strict=True):
        if name is None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "Row type field does not have a name")
        yield iceberg.NestedField(next(ids), name, iceberg_type(inner, ids), required=False)


_NEW: dict[str, Callable[[], iceberg.IcebergType]] = {
    "boolean": iceberg.BooleanType,
    "tinyint": iceberg.IntegerType,
    "smallint": iceberg.IntegerType,
    "integer": iceberg.IntegerType,
    "bigint": iceberg.LongType,
    "real": iceberg.FloatType,
    "double": iceberg.DoubleType,
    "date": iceberg.DateType,
    "time": iceberg.TimeType,
    "timestamp": iceberg.TimestampType,
    "timestamp with time zone": iceberg.TimestamptzType,
    "varchar": iceberg.StringType,
    "char": iceberg.StringType,
    "uuid": iceberg.UUIDType,
    "varbinary": iceberg.BinaryType,
}
