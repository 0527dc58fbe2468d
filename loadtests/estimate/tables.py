"""The tables of TPC-H and TPC-DS: made once, kept in the user's cache, and put into the engines' form."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from clickhouse_connect.driver.client import Client
from pyiceberg.catalog import Catalog
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.table import WriteTask
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.transforms import MonthTransform

from gateway.demo.downloads import cache_folder

_LOCK = Path(__file__).with_name("requirements.txt")
_UV = Path(__file__).resolve().parents[2] / ".uv" / "bin" / "uv"
SETS = ("tpch", "tpcds")
_MONTHLY = {"lineitem": "l_shipdate", "orders": "o_orderdate"}
"""Tables that are partitioned by the month of a column; they are sorted by it, too."""
_SORTED = {
    "store_sales": "ss_sold_date_sk",
    "catalog_sales": "cs_sold_date_sk",
    "web_sales": "ws_sold_date_sk",
    "inventory": "inv_date_sk",
}
_NO_TABLES = frozenset({"dbgen_version"})
Queries = Mapping[str, Mapping[str, str]]


def build_tables(scale: float) -> Path:
    """Return the folder with a Parquet file for each table and the queries' texts, made at first use."""
    digest = sha256(_LOCK.read_bytes()).hexdigest()[:12]
    kept = cache_folder() / f"tpc-{scale:g}-{digest}"
    if not (kept / "queries.json").exists():
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        python = _generators(digest)
        script = Path(__file__).with_name("generator.py")
        subprocess.run([python, script, kept, str(scale)], check=True)
    return kept


def queries_in(folder: Path) -> Queries:
    """Return the queries' texts by set and number, in DuckDB's dialect."""
    return dict(json.loads((folder / "queries.json").read_text()))


@dataclass(frozen=True, slots=True)
class Named:
    """A table's names."""

    schema: str
    name: str
    columns: tuple[str, ...]


def named(folder: Path) -> list[Named]:
    """Return the tables of all sets."""
    return [Named(name, path.stem, tuple(pq.read_schema(path).names)) for name in SETS for path in _files(folder, name)]


def fill_iceberg(catalog: Catalog, folder: Path) -> None:
    """Write the tables as Iceberg's, each set in a namespace of its own; what is there stays."""
    for name in SETS:
        catalog.create_namespace_if_not_exists(name)
        for path in _files(folder, name):
            if not catalog.table_exists((name, path.stem)):
                _write(catalog, name, path)


def _write(catalog: Catalog, name: str, path: Path) -> None:
    rows = pq.read_table(path)
    order = _MONTHLY.get(path.stem) or _SORTED.get(path.stem)
    rows = rows.sort_by(order) if order else rows
    rows = rows.cast(pa.schema([pa.field(field.name, field.type, nullable=True) for field in rows.schema]))
    if path.stem in _MONTHLY:
        _write_monthly(catalog, (name, path.stem), rows, _MONTHLY[path.stem])
    else:
        catalog.create_table((name, path.stem), schema=rows.schema).append(rows)


def _write_monthly(catalog: Catalog, name: tuple[str, str], rows: pa.Table, column: str) -> None:
    """Write a file for each month of a column: pyiceberg itself writes by `month` only with a package in Rust."""
    table = catalog.create_table(name, schema=rows.schema)
    with table.update_spec() as spec:
        spec.add_field(column, MonthTransform(), "month")
    days = rows[column]
    months = pc.add(pc.multiply(pc.subtract(pc.year(days), 1970), 12), pc.subtract(pc.month(days), 1))
    target = AddressedTable(table.io, table.metadata)
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as files:
        for number, month in enumerate(sorted(set(months.to_pylist()))):
            for file in target.written(rows.filter(pc.equal(months, month)), month, number):
                files.append_data_file(file)


@dataclass(frozen=True, slots=True)
class AddressedTable:
    """A table with one partition field, a month, to whose partitions rows are written as they are told."""

    io: FileIO
    metadata: TableMetadata

    def written(self, rows: pa.Table, month: int, number: int) -> Iterable[DataFile]:
        """Write the rows of one month to a file of its partition."""
        (field,) = self.metadata.spec().fields
        key = PartitionKey([PartitionFieldValue(field, month)], self.metadata.spec(), self.metadata.schema())
        task = WriteTask(
            write_uuid=uuid.uuid4(),
            task_id=number,
            schema=self.metadata.schema(),
            record_batches=rows.to_batches(),
            partition_key=key,
        )
        return write_file(self.io, self.metadata, iter((task,)))


def fill_clickhouse(client: Client, folder: Path) -> None:
    """Write the tables as MergeTrees, ordered by the same columns; what is there stays."""
    for name in SETS:
        client.command(f"CREATE DATABASE IF NOT EXISTS {name}")
        for path in _files(folder, name):
            order = _MONTHLY.get(path.stem) or _SORTED.get(path.stem) or "tuple()"
            client.command(
                f"CREATE TABLE IF NOT EXISTS {name}.{path.stem} ENGINE = MergeTree ORDER BY {order} "
                f"SETTINGS allow_nullable_key = 1 AS SELECT * FROM file('{path}', Parquet)"
            )


def _files(folder: Path, name: str) -> list[Path]:
    return [path for path in sorted((folder / name).glob("*.parquet")) if path.stem not in _NO_TABLES]


def _generators(digest: str) -> Path:
    """Return an interpreter that has DuckDB's generators, of the version that they are made for."""
    kept = cache_folder() / f"generators-{digest}"
    python = kept / "bin" / "python"
    if not (kept / "complete").exists():
        shutil.rmtree(kept, ignore_errors=True)
        subprocess.run([_UV, "venv", "--quiet", "--python", sys.executable, kept], check=True)
        options = ["--quiet", "--python", str(python), "--require-hashes", "-r", str(_LOCK)]
        subprocess.run([_UV, "pip", "install", *options], check=True)
        (kept / "complete").touch()
    return python
