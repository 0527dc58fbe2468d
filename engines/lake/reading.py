"""Make Iceberg tables readable to one DuckDB cursor: a temporary view per table, pinned to a snapshot.

Where the files are local Parquet, DuckDB reads them itself, matching columns by Iceberg's field ids and leaving out
rows named by position-delete files; it prunes columns, row groups and files by their statistics. All else goes
through pyiceberg's own reader, which knows every layout but cannot prune. Translated SQL names a table by one
quoted identifier, `catalog.schema.table`, with `@snapshot:<id>`, `@millis:<epoch>` or `@ref:<name in hex>` (a branch
or tag) for time travel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb
import pyarrow as pa
from pyiceberg.manifest import DataFileContent, FileFormat
from pyiceberg.table import DataScan, FileScanTask
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import NestedField

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from engines.lake.database import literal
from engines.lake.file_schemas import say_the_same
from engines.lake.iceberg_types import duckdb_type, folded_columns, has_plain_names, is_nested, quoted
from engines.lake.remembered import Remembered

_GLOB = frozenset("*?[")
_FILE_SCHEME = "file:"
_QUERIES: Remembered[tuple[str, int | None, bool], str | None] = Remembered(500)
"""How DuckDB reads a table at a metadata file and a snapshot, alone or beside others; None where it cannot. Such a file
never changes."""


Count = Callable[[int], None]
"""Takes note of bytes that are read for a statement by others than DuckDB."""


class Loader(Protocol):
    """Load the present metadata of a table."""

    def __call__(self, name: TableName) -> IcebergTable:
        """Return the table. Raises Refusal TABLE_NOT_FOUND."""
        ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """Name a table as translated SQL does, at the snapshot asked for."""

    identifier: str
    table: TableName
    snapshot_id: int | None = None
    as_of_millis: int | None = None
    reference: str | None = None
    """A branch or tag."""


def find_leaves(sql: str, tables: Iterable[TableName]) -> list[Leaf]:
    """Find the tables that translated SQL names, among those its plan allows; DuckDB knows no others."""
    known = {str(table): table for table in tables}
    found = (leaf_of(identifier, known) for identifier in sorted(_quoted_identifiers(sql)))
    return [leaf for leaf in found if leaf is not None]


def leaf_of(identifier: str, known: Mapping[str, TableName]) -> Leaf | None:
    """Read an identifier as the name of a known table, perhaps at a snapshot; None where it is none."""
    if identifier in known:
        return Leaf(identifier, known[identifier])
    name, _, version = identifier.rpartition("@")
    kind, _, number = version.partition(":")
    if name in known and kind == "ref":
        return Leaf(identifier, known[name], reference=bytes.fromhex(number).decode())
    if name not in known or not number.isdecimal():
        return None
    if kind == "snapshot":
        return Leaf(identifier, known[name], snapshot_id=int(number))
    return Leaf(identifier, known[name], as_of_millis=int(number))


def _quoted_identifiers(sql: str) -> set[str]:
    """Return all quoted identifiers of a text, by DuckDB's own lexer."""
    tokens = duckdb.tokenize(sql)
    text = sql.encode()
    starts = [start for start, _ in tokens]
    ends = [*starts[1:], len(text)]
    found = set()
    for (start, kind), end in zip(tokens, ends, strict=True):
        if kind == duckdb.token_type.identifier and text[start : start + 1] == b'"':
            token = text[start:end].decode()
            found.add(token[1 : token.rindex('"')].replace('""', '"'))
    return found


def bind_tables(
    cursor: duckdb.DuckDBPyConnection, sql: str, tables: Iterable[Table], load: Loader, count: Count
) -> None:
    """Make the tables that translated SQL reads visible to the cursor; each is bound once.

    One alone is read in one way, whatever DuckDB takes it for; where several are joined it must know how long they are.
    """
    views = cursor.execute("SELECT view_name FROM duckdb_views() WHERE temporary").fetchall()
    bound = {name for (name,) in views}
    leaves = find_leaves(sql, (table.name for table in tables))
    for leaf in leaves:
        if leaf.identifier not in bound:
            bind_leaf(cursor, leaf, load(leaf.table), count, sized=len(leaves) > 1)


def bind_leaf(
    cursor: duckdb.DuckDBPyConnection, leaf: Leaf, table: IcebergTable, count: Count, *, sized: bool = False
) -> None:
    """Create the temporary view of one leaf. Raises Refusal where the table cannot be read as asked."""
    snapshot = _pinned(leaf, table)
    fields = folded_columns(table.schema())
    body = _direct_query(table, snapshot, sized=sized)
    if body is None:
        source = f"{leaf.identifier} rows"
        cursor.register(source, _ArrowScan(table.scan(snapshot_id=snapshot), count))
        columns = ", ".join(
            f"CAST({quoted(field.name)} AS {duckdb_type(field.field_type)}) AS {quoted(name)}"
            for name, field in fields.items()
        )
        body = f"SELECT {columns} FROM {quoted(source)}"  # noqa: S608  (our own text and quoted names)
    cursor.execute(f"CREATE TEMP VIEW {quoted(leaf.identifier)} AS {body}")


def read_directly(table: IcebergTable) -> bool:
    """Tell whether DuckDB reads a table's present files itself; else pyiceberg reads all of them as a whole."""
    return _direct_query(table, None, sized=False) is not None


def _direct_query(table: IcebergTable, snapshot: int | None, *, sized: bool) -> str | None:
    """Return how DuckDB reads a table at a snapshot, planned once; None where it cannot."""
    key = (table.metadata_location, snapshot, sized)
    return _QUERIES.get(key, lambda: _planned_query(table, snapshot, sized=sized))


def _planned_query(table: IcebergTable, snapshot: int | None, *, sized: bool) -> str | None:
    tasks = list(table.scan(snapshot_id=snapshot).plan_files())
    if not readable_by_duckdb(table, tasks):
        return None
    return files_query(folded_columns(table.schema()), tasks, sized=sized)


def _pinned(leaf: Leaf, table: IcebergTable) -> int | None:
    """Return the snapshot to travel to; None for the present one, which the loaded metadata pins.

    A scan that is given a snapshot shows the columns of its time, so the present one must not be named.
    """
    if leaf == Leaf(leaf.identifier, leaf.table):
        return None
    if leaf.as_of_millis is not None and leaf.as_of_millis > time.time() * 1000:
        raise Refusal(ErrorCode.INVALID_ARGUMENTS, "Pointer value is not in the past")
    if leaf.reference is not None:
        reference = table.metadata.refs.get(leaf.reference)
        if reference is None:
            message = f"Cannot find snapshot with reference name: {leaf.reference}"
            raise Refusal(ErrorCode.INVALID_ARGUMENTS, message)
        snapshot = table.snapshot_by_id(reference.snapshot_id)
    elif leaf.snapshot_id is not None:
        snapshot = table.snapshot_by_id(leaf.snapshot_id)
    else:
        snapshot = table.snapshot_as_of_timestamp(leaf.as_of_millis or 0)
    if snapshot is None:
        raise Refusal(ErrorCode.INVALID_ARGUMENTS, "The table has no snapshot of this version")
    if snapshot.schema_id is not None and snapshot.schema_id != table.metadata.current_schema_id:
        raise Refusal(
            ErrorCode.NOT_SUPPORTED, "Reading a snapshot with other columns is not supported by the embedded lake"
        )
    return snapshot.snapshot_id


def readable_by_duckdb(table: IcebergTable, tasks: Sequence[FileScanTask]) -> bool:
    """Tell whether DuckDB sees the right values: local Parquet with field ids.

    It follows the ids of columns but finds nested fields by name, so these must never have changed and must be
    names that Parquet writers do not alter.
    """
    nested = [field.field_type for field in table.schema().fields if is_nested(field.field_type)]
    if nested and (len(table.schemas()) > 1 or not all(has_plain_names(type_) for type_ in nested)):
        return False
    if "schema.name-mapping.default" in table.metadata.properties:
        return False
    files = [task.file for task in tasks] + [file for task in tasks for file in task.delete_files]
    return all(
        file.file_format == FileFormat.PARQUET
        and file.content != DataFileContent.EQUALITY_DELETES
        and local_path(file.file_path) is not None
        for file in files
    )


def local_path(uri: str) -> str | None:
    """Return the path of a local file; None for other schemes and for names DuckDB would take for patterns."""
    if uri.startswith(_FILE_SCHEME):
        path = "/" + uri.removeprefix(_FILE_SCHEME).lstrip("/")
    elif uri.startswith("/"):
        path = uri
    else:
        return None
    return None if _GLOB & set(path) else path


def files_query(
    fields: Mapping[str, NestedField],
    tasks: Sequence[FileScanTask],
    *,
    with_positions: bool = False,
    sized: bool = False,
) -> str:
    """Write the query that reads data files, without their deleted rows.

    `with_positions` adds `$file` (the path) and `$row` (its number in the file) for rewriting files. `sized` has DuckDB
    know about how many rows there are, where files allow it: it looks into one of them for that.
    """
    if not tasks:
        return _empty_query(fields, with_positions)
    columns = [quoted(name) for name in fields]
    deletes = sorted({path for task in tasks for file in task.delete_files if (path := local_path(file.file_path))})
    positions = bool(deletes) or with_positions
    paths = [local_path(task.file.file_path) or "" for task in (_typical_first(tasks) if sized else tasks)]
    options = "hive_partitioning = false" if sized and say_the_same(fields, paths) else _mapped(fields)
    if positions:
        options += ", filename = true, file_row_number = true"
    shown = [*columns, *(('filename AS "$file"', 'file_row_number AS "$row"') if with_positions else ())]
    query = f"SELECT {', '.join(shown)} FROM read_parquet({_list(paths)}, {options}) AS d"  # noqa: S608  (our own text and quoted names)
    if deletes:
        query += (
            f" WHERE NOT EXISTS (SELECT 1 FROM read_parquet({_list(deletes)}, hive_partitioning = false) AS x"  # noqa: S608  (our own text and quoted names)
            " WHERE regexp_replace(x.file_path, '^(file:)?/+', '/') = d.filename AND x.pos = d.file_row_number)"
        )
    return query


def _typical_first(tasks: Sequence[FileScanTask]) -> Sequence[FileScanTask]:
    """Put first the file whose rows are the nearest to what files hold on average: DuckDB takes all to be like it."""
    average = sum(task.file.record_count for task in tasks) / len(tasks)
    first = min(tasks, key=lambda task: abs(task.file.record_count - average))
    return [first, *(task for task in tasks if task is not first)]


def _mapped(fields: Mapping[str, NestedField]) -> str:
    """Write the options by which DuckDB finds columns by their ids, whatever names and types files give them."""
    entries = ", ".join(
        f"{field.field_id}: {{'name': {literal(name)}, 'type': {literal(duckdb_type(field.field_type))}, "
        "'default_value': NULL}"
        for name, field in fields.items()
    )
    return f"schema = MAP {{{entries}}}, hive_partitioning = false"


def _empty_query(fields: Mapping[str, NestedField], with_positions: bool) -> str:
    columns = [f"CAST(NULL AS {duckdb_type(f.field_type)}) AS {quoted(name)}" for name, f in fields.items()]
    if with_positions:
        columns += ['CAST(NULL AS VARCHAR) AS "$file"', 'CAST(NULL AS BIGINT) AS "$row"']
    return f"SELECT {', '.join(columns)} WHERE false"


def _list(paths: Sequence[str]) -> str:
    return f"[{', '.join(literal(path) for path in paths)}]"


class _ArrowScan:
    """Offer a pyiceberg scan as an Arrow stream that can be read any number of times.

    It reads whole files: each reading counts all of them, as soon as rows are asked for.
    """

    def __init__(self, scan: DataScan, count: Count) -> None:
        self._scan = scan
        self._count = count

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = self._scan.to_arrow_batch_reader()
        counted = pa.RecordBatchReader.from_batches(reader.schema, self._counted(reader))
        return counted.__arrow_c_stream__(requested_schema)

    def _counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tasks = list(self._scan.plan_files())
        files = [task.file for task in tasks] + [file for task in tasks for file in task.delete_files]
        self._count(sum(file.file_size_in_bytes for file in files))
        yield from batches
