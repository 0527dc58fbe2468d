"""Delete and update rows by copy-on-write: the data files that hold them are written anew without or with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
from pyiceberg.table import FileScanTask
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import NestedField

from catalog.errors import ErrorCode, Refusal
from engines.base import Write
from engines.lake.appends import discarding, stored, write_files
from engines.lake.iceberg_types import duckdb_type, folded_columns, quoted
from engines.lake.reading import files_query, local_path, readable_by_duckdb

_CHANGED = '"$changed"'


def change_rows(cursor: duckdb.DuckDBPyConnection, table: IcebergTable, alias: str, write: Write) -> int:
    """Delete or update the rows for which `write.predicate` is true, in one commit; return their number.

    Predicate and assignments name the table's columns plainly or by `alias`. They are evaluated once, against the
    snapshot current now. Raises pyiceberg's CommitFailedException or ValidationException if another commit got
    in between and changed the same files, so that the caller can begin again.
    """
    tasks = list(table.scan().plan_files())
    fields = folded_columns(table.schema())
    if not readable_by_duckdb(table, tasks):
        raise Refusal(ErrorCode.NOT_SUPPORTED, "The embedded lake cannot change rows of a table with this layout")
    counts = _find_changed(cursor, files_query(fields, tasks, with_positions=True), alias, write, fields)
    if not counts:
        return 0
    touched = [task for task in tasks if local_path(task.file.file_path) in counts]
    rewritten = _rewritten_query(fields, touched, [name for name, _ in write.assignments])
    with (
        discarding(table.io) as written,
        table.transaction() as transaction,
        transaction.update_snapshot().overwrite() as overwrite,
    ):
        for task in touched:
            overwrite.delete_data_file(task.file)
        for files, _ in write_files(cursor, rewritten, table.metadata, table.io):
            written += files
            for file in files:
                overwrite.append_data_file(file)
    return sum(counts.values())


def _find_changed(
    cursor: duckdb.DuckDBPyConnection, rows: str, alias: str, write: Write, fields: Mapping[str, NestedField]
) -> dict[str, int]:
    """Keep the positions of the rows to change, with new values, in a temporary table; count them by file."""
    values = [
        f"CAST({expression} AS {duckdb_type(fields[name].field_type)}) AS {quoted(f'${name}')}"
        for name, expression in write.assignments
    ]
    shown = ", ".join(['"$file"', '"$row"', *values])
    condition = write.predicate or "true"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {_CHANGED} AS SELECT {shown} FROM ({rows}) AS {quoted(alias)} WHERE {condition}"  # noqa: S608  (our own text and quoted names)
    )
    return dict(cursor.execute(f'SELECT "$file", count(*) FROM {_CHANGED} GROUP BY 1').fetchall())  # noqa: S608  (our own text and quoted names)


def _rewritten_query(fields: Mapping[str, NestedField], tasks: Sequence[FileScanTask], assigned: Sequence[str]) -> str:
    rows = files_query(fields, tasks, with_positions=True)
    joined = f'({rows}) AS d LEFT JOIN {_CHANGED} AS c ON c."$file" = d."$file" AND c."$row" = d."$row"'
    columns = [f"{stored(_value(name, assigned), field)} AS {quoted(name)}" for name, field in fields.items()]
    kept = "" if assigned else ' WHERE c."$row" IS NULL'
    return f"SELECT {', '.join(columns)} FROM {joined}{kept}"  # noqa: S608  (our own text and quoted names)


def _value(name: str, assigned: Sequence[str]) -> str:
    old = f"d.{quoted(name)}"
    if name not in assigned:
        return old
    new = quoted(f"${name}")
    return f'CASE WHEN c."$row" IS NULL THEN {old} ELSE c.{new} END'
