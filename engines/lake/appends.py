"""Write the rows of a DuckDB query as data files of an Iceberg table, in bounded memory."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import duckdb
import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import (
    _dataframe_to_data_files,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import IcebergType, ListType, MapType, NestedField, StructType, UUIDType
from sqlalchemy.exc import SQLAlchemyError

from catalog.errors import ErrorCode, Refusal
from engines.lake.iceberg_types import duckdb_type, is_nested, quoted

_BATCH_ROWS = 65_536
_CHUNK_BYTES = 128 << 20
"""How much is held before a file is written."""


def cast_query(query: str, names: Sequence[str], fields: Mapping[str, NestedField]) -> str:
    """Give a query's columns, in order, the names and types of a table's columns; absent columns are NULL."""
    unknown = [name for name in names if name not in fields]
    if unknown:
        raise Refusal(ErrorCode.COLUMN_NOT_FOUND, f"Insert column name does not exist in target table: {unknown[0]}")
    given = {name: f"q.{quoted(f'p{number}')}" for number, name in enumerate(names)}
    shown = [f"{stored(given.get(name, 'NULL'), field)} AS {quoted(name)}" for name, field in fields.items()]
    aliases = ", ".join(quoted(f"p{number}") for number in range(len(names)))
    return f"SELECT {', '.join(shown)} FROM ({query}) AS q({aliases})"  # noqa: S608  (our own text and quoted names)


def stored(expression: str, field: NestedField) -> str:
    """Cast an expression to a field's type in the form that Arrow hands to Iceberg: UUIDs as their 16 bytes."""
    if is_nested(field.field_type) and expression != "NULL":
        expression = _by_place(expression, field.field_type, 0)
    value = f"CAST({expression} AS {duckdb_type(field.field_type)})"
    if isinstance(field.field_type, UUIDType):
        return f"unhex(replace(CAST({value} AS VARCHAR), '-', ''))"
    return value


def _by_place(sql: str, type_: IcebergType, depth: int) -> str:
    """Give the fields of rows their names by place: DuckDB itself casts rows to rows by names, which differ."""
    item = f"s{depth}"
    if isinstance(type_, ListType) and is_nested(type_.element_type):
        return f"list_transform({sql}, lambda {item}: {_by_place(item, type_.element_type, depth + 1)})"
    if isinstance(type_, MapType) and is_nested(type_.value_type):
        values = f"list_transform(map_values({sql}), lambda {item}: {_by_place(item, type_.value_type, depth + 1)})"
        return f"CASE WHEN ({sql}) IS NOT NULL THEN map(map_keys({sql}), {values}) END"
    if isinstance(type_, StructType):
        fields = ", ".join(
            f"{quoted(f.name)} := {_by_place(f'struct_extract_at({item}, {place})', f.field_type, depth + 1)}"
            for place, f in enumerate(type_.fields, start=1)
        )
        packed = f"CASE WHEN {item} IS NOT NULL THEN struct_pack({fields}) END"
        return f"list_transform([{sql}], lambda {item}: {packed})[1]"
    return sql


def append_rows(cursor: duckdb.DuckDBPyConnection, sql: str, transaction: Transaction, written: list[DataFile]) -> int:
    """Append the rows of a query whose columns are the table's; return their number."""
    rows = 0
    io = transaction._table.io  # noqa: SLF001  (pyiceberg has no public way)
    with transaction.update_snapshot().fast_append() as append:
        for files, count in write_files(cursor, sql, transaction.table_metadata, io):
            written += files
            rows += count
            for file in files:
                append.append_data_file(file)
    return rows


@contextmanager
def discarding(io: FileIO) -> Iterator[list[DataFile]]:
    """Give a list for the data files of one commit, which are deleted again if the commit fails.

    They stay where the catalog's database did not answer, because the commit may have happened.
    """
    written: list[DataFile] = []
    try:
        yield written
    except SQLAlchemyError:
        raise
    except BaseException:
        for file in written:
            with suppress(OSError):
                io.delete(file.file_path)
        raise


def write_files(
    cursor: duckdb.DuckDBPyConnection, sql: str, metadata: TableMetadata, io: FileIO
) -> Iterator[tuple[list[DataFile], int]]:
    """Write a query's rows to new data files, a chunk at a time; yield the files and the number of rows.

    Raises Refusal CONSTRAINT_VIOLATION for NULL in a column that must have a value.
    """
    reader = cursor.sql(sql).to_arrow_reader(_BATCH_ROWS)
    target = schema_to_pyarrow(metadata.schema(), include_field_ids=False)
    names, numbers = uuid.uuid4(), itertools.count()
    for chunk in _chunks(reader, _CHUNK_BYTES):
        table = _as_stored(chunk, target, metadata.schema())
        yield list(_dataframe_to_data_files(metadata, table, io, write_uuid=names, counter=numbers)), len(table)


def _chunks(reader: pa.RecordBatchReader, size: int) -> Iterator[pa.Table]:
    batches: list[pa.RecordBatch] = []
    held = 0
    for batch in reader:
        batches.append(batch)
        held += batch.nbytes
        if held >= size:
            yield pa.Table.from_batches(batches)
            batches, held = [], 0
    if any(batch.num_rows for batch in batches):
        yield pa.Table.from_batches(batches)


def _as_stored(chunk: pa.Table, target: pa.Schema, schema: Schema) -> pa.Table:
    """Give a chunk the exact Arrow types that Iceberg writes."""
    columns = []
    for column, arrow_field, field in zip(chunk.columns, target, schema.fields, strict=True):
        if field.required and column.null_count:
            raise Refusal(ErrorCode.CONSTRAINT_VIOLATION, f"NULL value not allowed for NOT NULL column: {field.name}")
        columns.append(_to_arrow(column, arrow_field.type))
    return pa.table(columns, schema=target)


def _to_arrow(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    if isinstance(type_, pa.BaseExtensionType):
        storage = column.cast(type_.storage_type)
        return pa.chunked_array([type_.wrap_array(part) for part in storage.chunks], type_)
    return column.cast(type_)
