"""Execute statements that change the lake: each is one atomic commit in the Iceberg catalog, or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Mapping
from typing import cast

import duckdb
from pyiceberg import exceptions as iceberg
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField

from catalog.errors import ErrorCode, Refusal
from catalog.objects import SchemaName, TableName
from catalog.types import BIGINT
from engines.base import EngineStatement, OutputColumn, Write
from engines.executions import Part
from engines.lake.appends import append_rows, cast_query, discarding
from engines.lake.iceberg_types import folded_columns, iceberg_type
from engines.lake.row_changes import change_rows
from engines.lake.sources import Sources

ROWS_COLUMN = (OutputColumn("rows", BIGINT),)
"""What Trino answers to statements that write rows: one row with their number."""
COUNTING = frozenset({"create table as", "insert", "delete", "update"})

Bind = Callable[[str], None]
"""Makes the tables that a query names visible to the cursor."""
Change = Callable[[duckdb.DuckDBPyConnection, Bind, Write, Sources], int | None]


def run_write(
    cursor: duckdb.DuckDBPyConnection, statement: EngineStatement, sources: Sources, bind: Bind
) -> Generator[Part, None, None]:
    """Execute `statement.write`; yield the number of rows where the statement counts them."""
    write = statement.write
    if write is None:
        raise Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "The statement writes nothing")
    count = _CHANGES[write.kind](cursor, bind, write, sources)
    if count is not None:
        yield Part(b"[[%d]]" % count, 1, count)


def _create_table(cursor: duckdb.DuckDBPyConnection, bind: Bind, write: Write, sources: Sources) -> int | None:
    target = cast(TableName, write.target)
    catalog = sources.catalog(target.catalog)
    with _naming(target):
        try:
            catalog.create_table((target.schema, target.table), _new_schema(write), properties=_NEW_TABLE)
        except iceberg.TableAlreadyExistsError as error:
            if not write.tolerate:
                raise _exists(target) from error
    return None


def _create_table_as(cursor: duckdb.DuckDBPyConnection, bind: Bind, write: Write, sources: Sources) -> int | None:
    """Create a table together with its rows in one commit; a table that exists already is kept if tolerated."""
    target = cast(TableName, write.target)
    catalog = sources.catalog(target.catalog)
    identifier = (target.schema, target.table)
    with _naming(target):
        if catalog.table_exists(identifier):
            if write.tolerate:
                return 0
            raise _exists(target)
        schema = _new_schema(write)
        transaction = catalog.create_table_transaction(identifier, schema, properties=_NEW_TABLE)
        count = 0
        with discarding(transaction._table.io) as written:  # noqa: SLF001  (the table does not exist yet)
            if write.with_data and write.query is not None:
                bind(write.query)
                fields = folded_columns(transaction.table_metadata.schema())
                rows = cast_query(write.query, [column.name for column in write.columns], fields)
                count = append_rows(cursor, rows, transaction, written)
            try:
                transaction.commit_transaction()
            except (iceberg.CommitFailedException, iceberg.TableAlreadyExistsError) as error:
                raise _exists(target) from error
        return count


def _insert(cursor: duckdb.DuckDBPyConnection, bind: Bind, write: Write, sources: Sources) -> int | None:
    if write.query is None:
        raise Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "The statement inserts nothing")
    table = sources.load(cast(TableName, write.target))
    bind(write.query)
    fields = folded_columns(table.schema())
    names = [column.name for column in write.columns] or list(fields)
    rows = cast_query(write.query, names, fields)
    with discarding(table.io) as written, table.transaction() as transaction:
        return append_rows(cursor, rows, transaction, written)


def _change(cursor: duckdb.DuckDBPyConnection, bind: Bind, write: Write, sources: Sources) -> int | None:
    """Delete or update rows, beginning again on the new snapshot when another commit touched the same files."""
    expressions = [write.predicate or "true", *(expression for _, expression in write.assignments)]
    bind(f"SELECT {', '.join(expressions)}")
    target = cast(TableName, write.target)
    for attempt in range(_ATTEMPTS):
        try:
            return change_rows(cursor, sources.load(target), target.table, write)
        except (iceberg.CommitFailedException, iceberg.ValidationException):
            if attempt == _ATTEMPTS - 1:
                raise
    return None


def _drop_table(cursor: duckdb.DuckDBPyConnection, bind: Bind, write: Write, sources: Sources) -> int | None:
    target = cast(TableName, write.target)
    try:
        sources.catalog(target.catalog).purge_table((target.schema, target.table))
    except (iceberg.NoSuchTableError, iceberg.NoSuchNamespaceError) as error:
        if not write.tolerate:
            raise Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{target}' does not exist") from error
    return None


def _create_schema(cursor: duckdb.DuckDBPyConnection, bind: Bind, write: Write, sources: Sources) -> int | None:
    target = cast(SchemaName, write.target)
    try:
        sources.catalog(target.catalog).create_namespace(target.schema)
    except iceberg.NamespaceAlreadyExistsError as error:
        if not write.tolerate:
            raise Refusal(ErrorCode.SCHEMA_ALREADY_EXISTS, f"Schema '{target}' already exists") from error
    return None


def _drop_schema(cursor: duckdb.DuckDBPyConnection, bind: Bind, write: Write, sources: Sources) -> int | None:
    target = cast(SchemaName, write.target)
    catalog = sources.catalog(target.catalog)
    try:
        if write.cascade:
            for table in catalog.list_tables(target.schema):
                catalog.purge_table(table)
        catalog.drop_namespace(target.schema)
    except iceberg.NoSuchNamespaceError as error:
        if not write.tolerate:
            raise Refusal(ErrorCode.SCHEMA_NOT_FOUND, f"Schema '{target}' does not exist") from error
    except iceberg.NamespaceNotEmptyError as error:
        raise Refusal(ErrorCode.SCHEMA_NOT_EMPTY, f"Cannot drop non-empty schema '{target.schema}'") from error
    return None


_ATTEMPTS = 4
_NEW_TABLE = {"format-version": "2", "write.parquet.compression-codec": "zstd"}
_CHANGES: Mapping[str, Change] = {
    "create table": _create_table,
    "create table as": _create_table_as,
    "insert": _insert,
    "delete": _change,
    "update": _change,
    "drop table": _drop_table,
    "create schema": _create_schema,
    "drop schema": _drop_schema,
}


def _new_schema(write: Write) -> Schema:
    """Return the Iceberg schema of a table to create; field ids are given anew by the catalog."""
    ids = itertools.count(len(write.columns) + 1)
    return Schema(
        *(
            NestedField(
                number, column.name, iceberg_type(column.type, ids), required=not column.nullable, doc=column.comment
            )
            for number, column in enumerate(write.columns, start=1)
        )
    )


class _naming:  # noqa: N801  (reads as a word in `with`)
    """Say which schema is missing when the catalog finds none."""

    def __init__(self, target: TableName) -> None:
        self._target = target

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, iceberg.NoSuchNamespaceError):
            schema = f"{self._target.catalog}.{self._target.schema}"
            raise Refusal(ErrorCode.SCHEMA_NOT_FOUND, f"Schema '{schema}' does not exist") from error


def _exists(target: TableName) -> Refusal:
    return Refusal(ErrorCode.TABLE_ALREADY_EXISTS, f"Table '{target}' already exists")
