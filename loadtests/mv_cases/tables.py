"""Make a setting's base tables in Iceberg, as a writer lays them out: by day, where a timestamp is never NULL.

pyiceberg alone cannot write by a day's partition, so each day's rows are files of their own: their bounds say the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, TimestampType, TimestamptzType

from catalog.types import parse_type
from engines.lake.iceberg_types import iceberg_type
from loadtests.mv_cases.asking import Asker
from loadtests.mv_cases.cases import MAIN, BaseTable
from loadtests.mv_cases.documents import WRITER
from loadtests.mv_cases.places import LAKE

ROWS = "values_as_rows"
"""The schema in which texts become rows, and whose files all tables share."""
_PROPERTIES = {"format-version": "2"}


class Files:
    """Turn values as text into data files by the base engine's own casts; each list once, whoever adds them."""

    def __init__(self, catalog: Catalog, asker: Asker) -> None:
        """Take the catalog that the engine reads, and who asks it."""
        self._catalog = catalog
        self._asker = asker
        self._known: dict[tuple[BaseTable, tuple[tuple[object, ...], ...]], tuple[DataFile, ...]] = {}
        self._numbers = itertools.count()

    def of(self, table: BaseTable, rows: Sequence[Sequence[object]]) -> tuple[DataFile, ...]:
        """Return the files of rows of a table: of none there are none (a compaction adds no row, but a snapshot)."""
        if not rows:
            return ()
        key = (table, tuple(map(tuple, rows)))
        if key not in self._known:
            name = f"{table.name}_{next(self._numbers)}"
            make_tables(self._catalog, ROWS, [table], name)
            self._asker.must(_insert(name, table, rows), WRITER, ROWS)
            made = self._catalog.load_table((ROWS, name))
            parts = _by_day(made.scan().to_arrow(), made.schema())
            self._known[key] = tuple(
                file for part in parts for file in _dataframe_to_data_files(made.metadata, part, made.io)
            )
        return self._known[key]


def make_tables(catalog: Catalog, schema: str, tables: Iterable[BaseTable], name: str | None = None) -> None:
    """Make empty tables in a schema of their own."""
    catalog.create_namespace_if_not_exists(schema)
    for table in tables:
        catalog.create_table((schema, name or table.name), _schema(table), properties=_PROPERTIES)


def append(catalog: Catalog, identifier: tuple[str, str], files: Iterable[DataFile], branch: str = MAIN) -> None:
    """Append files to a table in one snapshot."""
    table = catalog.load_table(identifier)
    with table.transaction() as transaction, transaction.update_snapshot(branch=branch).fast_append() as appended:
        for file in files:
            appended.append_data_file(file)


def _by_day(rows: pa.Table, schema: Schema) -> Iterator[pa.Table]:
    column = _instant(schema)
    if column is None or not len(rows):
        yield rows
        return
    day = pc.floor_temporal(rows[column], unit="day")
    for each in sorted(pc.unique(day).to_pylist()):
        yield rows.filter(pc.equal(day, pa.scalar(each, day.type)))


def _instant(schema: Schema) -> str | None:
    for field in schema.fields:
        if field.required and isinstance(field.field_type, TimestampType | TimestamptzType):
            return field.name
    return None


def _schema(table: BaseTable) -> Schema:
    inner = itertools.count(len(table.columns) + 1)
    return Schema(
        *(
            NestedField(number, name, iceberg_type(parse_type(kind), inner), required=name in table.required)
            for number, (name, kind) in enumerate(table.columns, start=1)
        )
    )


def _insert(name: str, table: BaseTable, rows: Sequence[Sequence[object]]) -> str:
    """Write rows as one INSERT, each value as text that is cast to its column's type."""
    kinds = [kind for _, kind in table.columns]
    lines = (", ".join(_literal(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in rows)
    return f"INSERT INTO {LAKE}.{ROWS}.{name} VALUES " + ", ".join(f"({line})" for line in lines)


def _literal(value: object, kind: str) -> str:
    if value is None:
        return f"CAST(NULL AS {kind})"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "CAST('{}' AS {})".format(text.replace("'", "''"), kind)
