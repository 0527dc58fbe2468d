"""Iceberg tables for tests: rows of many types, written by partitions of any spec, each file with its rows known."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from pyiceberg import types as iceberg
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import schema_to_pyarrow, write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table, WriteTask
from pyiceberg.types import NestedField

from catalog.objects import TableName
from catalog.statistics import Scan, ScanEstimate
from engines.iceberg.constants import stored
from engines.iceberg.manifests import _files, read_figures
from engines.iceberg.readers import DUCKDB, Reader
from engines.iceberg.scans import Version, estimate_scan
from engines.iceberg.statistics import table_statistics

Row = Mapping[str, Any]
NAME = TableName("lake", "s", "t")
MANY_TYPES = Schema(
    NestedField(1, "i", iceberg.IntegerType(), required=False),
    NestedField(2, "l", iceberg.LongType(), required=False),
    NestedField(3, "dec", iceberg.DecimalType(9, 2), required=False),
    NestedField(4, "s", iceberg.StringType(), required=False),
    NestedField(5, "day", iceberg.DateType(), required=False),
    NestedField(6, "ts", iceberg.TimestampType(), required=False),
    NestedField(7, "tz", iceberg.TimestamptzType(), required=False),
    NestedField(8, "d", iceberg.DoubleType(), required=False),
    NestedField(9, "r", iceberg.FloatType(), required=False),
    NestedField(10, "bin", iceberg.BinaryType(), required=False),
    NestedField(11, "flag", iceberg.BooleanType(), required=False),
)


@dataclass
class Written:
    """A table and the rows of each of its files, by path."""

    catalog: SqlCatalog
    name: str = "s.t"
    rows: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """Return the table as it is now."""
        return self.catalog.load_table(self.name)

    def add(self, rows: Sequence[Row]) -> None:
        """Write rows in one commit, a file for each partition of the present spec."""
        table = self.table
        with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append:
            for file in self._write(table, rows):
                append.append_data_file(file)

    def change(self, changed: Callable[[Sequence[Row]], Sequence[Row]]) -> None:
        """Write anew, in one commit, each file whose rows are to be others; a file without rows goes."""
        table = self.table
        files = {task.file.file_path: task.file for task in table.scan().plan_files()}
        wanted = {path: list(changed(self.rows[path])) for path in files}
        touched = [path for path, rows in wanted.items() if rows != self.rows[path]]
        if not touched:
            return
        with table.transaction() as transaction, transaction.update_snapshot().overwrite() as overwrite:
            for path in touched:
                overwrite.delete_data_file(files[path])
                for file in self._write(table, wanted[path]):
                    overwrite.append_data_file(file)

    def _write(self, table: Table, rows: Sequence[Row]) -> Iterator[DataFile]:
        """Write files, of which no snapshot knows yet."""
        spec, schema = table.spec(), table.schema()
        for number, (values, members) in enumerate(_by_partition(rows, spec, schema).items()):
            fields = [PartitionFieldValue(each, value) for each, value in zip(spec.fields, values, strict=True)]
            task = WriteTask(
                write_uuid=uuid.uuid4(),
                task_id=number,
                schema=schema,
                record_batches=_arrow(members, schema).to_batches(),
                partition_key=PartitionKey(fields, spec, schema) if fields else None,
            )
            for file in write_file(table.io, table.metadata, iter([task])):
                self.rows[file.file_path] = list(members)
                yield file

    def paths(self) -> list[str]:
        """Return the files in the order of the figures."""
        snapshot = self.table.current_snapshot()
        return [] if snapshot is None else [file.file_path for file in _files(snapshot, self.table.io)]

    def version(self) -> Version:
        """Read the present snapshot's figures."""
        table = self.table
        figures = read_figures(table, table.current_snapshot())
        return Version(
            table.metadata, table.schema(), figures, table_statistics(NAME, table.metadata, table.schema(), figures)
        )

    def estimate(self, scan: Scan, reader: Reader = DUCKDB) -> ScanEstimate:
        """Estimate a scan of the present snapshot."""
        return estimate_scan(scan, self.version(), reader)


def _by_partition(rows: Sequence[Row], spec: PartitionSpec, schema: Schema) -> dict[tuple[Any, ...], list[Row]]:
    grouped: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    transforms = []
    for each in spec.fields:
        source = schema.find_field(each.source_id)
        transforms.append((source, each.transform.transform(source.field_type)))
    for row in rows:
        values = [transform(_internal(row.get(source.name), source)) for source, transform in transforms]
        grouped[tuple(values)].append(row)
    return grouped


def _internal(value: Any, source: NestedField) -> Any:
    """Return a value as pyiceberg's transforms take it."""
    if isinstance(value, date | datetime):
        return stored(value, source.field_type)
    return value


def _arrow(rows: Sequence[Row], schema: Schema) -> pa.Table:
    target = schema_to_pyarrow(schema, include_field_ids=False)
    columns = [pa.array([row.get(each.name) for row in rows], each.type) for each in target]
    return pa.table(columns, schema=target)
