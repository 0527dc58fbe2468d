"""The demo's ClickHouse marts, and the same rows in Trino's memory catalog, with the types that the gateway shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

from tests.analyst.asking import Asker

ROOT = Path(__file__).parents[2]
_MAKE = """
import sys
from pathlib import Path
import clickhouse_connect
import pyarrow.parquet as pq
from gateway.demo.marts import make_marts
folder, uri, warehouse, place = sys.argv[1:5]
make_marts(Path(folder), uri, Path(warehouse), print)
client = clickhouse_connect.get_client(interface="chdb", path=folder, settings={"session_timezone": "UTC"})
for line in sys.argv[5:]:
    name, _, columns = line.partition("=")
    rows = client.query_arrow(f"SELECT {columns} FROM marts.{name}", settings={"output_format_arrow_string_as_string": 1})
    pq.write_table(rows, Path(place) / f"{name}.parquet")
for sql in (
    "CREATE DATABASE wide",
    "CREATE TABLE wide.counters (n Int64, wide UInt128, wider UInt256) ENGINE = MergeTree ORDER BY n",
    "INSERT INTO wide.counters SELECT 1, toUInt128('" + "9" * 38 + "'), toUInt256('" + str(2**255) + "')",
):
    client.command(sql)
client.close()
"""
# For each table how its columns leave ClickHouse and how Trino turns them into the types that the gateway shows.
_COPIES = {
    "lmp_hourly": (
        "toString(iso) AS iso, node_id, toDateTime64(hour, 6, 'UTC') AS hour, avg_lmp, min_lmp, max_lmp, avg_congestion, "
        "toInt64(n) AS n",
        "iso, node_id, CAST(hour AS timestamp(0) with time zone) AS hour, avg_lmp, min_lmp, max_lmp, avg_congestion, n",
    ),
    "node_daily": (
        "toDate32(day) AS day, toString(iso) AS iso, node_id, avg_lmp, p95_lmp, toInt32(peak_hour) AS peak_hour, "
        "toInt32(negative_intervals) AS negative_intervals, hourly_lmp",
        "day, iso, node_id, avg_lmp, p95_lmp, CAST(peak_hour AS smallint) AS peak_hour, negative_intervals, hourly_lmp",
    ),
}
VIEWS = ("SELECT node_id AS location_id, hour, avg_lmp FROM memory.marts.lmp_hourly", "lmp_hourly_summary")


def make_marts_and_files(folder: Path, uri: str, warehouse: Path, place: Path) -> None:
    """Make the marts and write their rows to Parquet; in a process of its own, as the engine holds its folder."""
    place.mkdir(parents=True, exist_ok=True)
    asked = [f"{name}={columns}" for name, (columns, _) in _COPIES.items()]
    command = [sys.executable, "-c", _MAKE, str(folder), uri, str(warehouse), str(place), *asked]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def copy_to_trino(uri: str, warehouse: Path, place: Path, trino: Asker) -> None:
    """Bring the rows into `memory.marts` by way of Iceberg tables that both can read."""
    catalog = SqlCatalog("iceberg", uri=uri, warehouse=warehouse.resolve().as_uri())
    catalog.create_namespace_if_not_exists("marts_rows")
    statements = ["CREATE SCHEMA IF NOT EXISTS memory.marts"]
    for name, (_, columns) in _COPIES.items():
        rows = pq.read_table(place / f"{name}.parquet")
        catalog.create_table(f"marts_rows.{name}", schema=rows.schema).append(rows)
        statements.append(f"CREATE TABLE memory.marts.{name} AS SELECT {columns} FROM iceberg.marts_rows.{name}")
    catalog.close()
    query, view = VIEWS
    statements.append(f"CREATE VIEW memory.marts.{view} AS {query}")
    for sql in statements:
        answer = trino.ask(sql)
        assert answer.error is None, answer.message
