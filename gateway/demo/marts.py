"""The demo's ClickHouse marts: hourly and daily prices, aggregated from the very rows of the lake.

They are made once, in the folder of the ClickHouse engine in process (chdb), and kept. A process can open one such
folder, so this runs in a process of its own before the gateway starts. Averages are rounded as Trino rounds the
average of a decimal, so that a mart and the lake give the same figures.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import clickhouse_connect
import pyarrow as pa
import pyarrow.parquet as pq
from clickhouse_connect.driver.client import Client
from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.world import CATALOG, LMP_PRICES, VERSION

Report = Callable[[str], None]

DATABASE = "marts"
MARTS_VERSION = f"{VERSION}.2"
"""Changes with the lake's world and with the statements below; other marts are made anew."""

_TABLES = """
CREATE DATABASE marts COMMENT 'Aggregates of the lake for dashboards';

CREATE DATABASE IF NOT EXISTS views COMMENT 'Materialized views of the lake, see gateway.demo.views';

CREATE TABLE marts.lmp_hourly (
  iso LowCardinality(String) COMMENT 'market: CAISO, MISO or SPP',
  node_id String COMMENT 'pricing node',
  hour DateTime('UTC') COMMENT 'start of the hour',
  avg_lmp Decimal(10, 2) COMMENT 'average price in USD/MWh',
  min_lmp Decimal(10, 2) COMMENT 'lowest price',
  max_lmp Decimal(10, 2) COMMENT 'highest price',
  avg_congestion Decimal(10, 2) COMMENT 'average congestion component',
  n UInt32 COMMENT 'intervals in the hour'
) ENGINE = MergeTree ORDER BY (iso, node_id, hour)
COMMENT 'hourly locational marginal prices';

CREATE TABLE marts.node_daily (
  day Date COMMENT 'day in UTC',
  iso Enum8('CAISO' = 1, 'MISO' = 2, 'SPP' = 3) COMMENT 'market',
  node_id String COMMENT 'pricing node',
  avg_lmp Decimal(10, 2) COMMENT 'average price in USD/MWh',
  p95_lmp Float64 COMMENT '95th percentile of the price, interpolated',
  peak_hour Nullable(UInt8) COMMENT 'UTC hour with the highest average, NULL where two share it',
  negative_intervals UInt16 COMMENT 'intervals with a price below zero',
  hourly_lmp Array(Decimal(10, 2)) COMMENT 'average price of each hour, in order'
) ENGINE = MergeTree ORDER BY (day, iso, node_id)
COMMENT 'prices of a day at a node';

CREATE VIEW marts.lmp_hourly_summary AS
SELECT node_id AS location_id, hour, avg_lmp FROM marts.lmp_hourly;
"""
_HOURLY = """
INSERT INTO marts.lmp_hourly
SELECT iso, node_id, toStartOfHour(interval_start_time) AS at,
  round(divideDecimal(sum(lmp_price), toDecimal128(count(), 0), 3), 2),
  min(lmp_price), max(lmp_price),
  round(divideDecimal(sum(congestion), toDecimal128(count(), 0), 3), 2),
  count()
FROM file({source:String}, Parquet)
GROUP BY iso, node_id, at
"""
_DAILY = """
INSERT INTO marts.node_daily
SELECT d.day, d.iso, d.node_id, d.average, d.p95,
  if(countEqual(h.prices, arrayMax(h.prices)) = 1, h.hours[indexOf(h.prices, arrayMax(h.prices))], NULL),
  d.negative, h.prices
FROM (
  SELECT toDate(interval_start_time) AS day, iso, node_id,
    round(divideDecimal(sum(lmp_price), toDecimal128(count(), 0), 3), 2) AS average,
    quantileExactInclusive(0.95)(toFloat64(lmp_price)) AS p95,
    countIf(lmp_price < 0) AS negative
  FROM file({source:String}, Parquet) GROUP BY day, iso, node_id
) AS d
INNER JOIN (
  SELECT toDate(hour) AS day, node_id, arraySort(groupArray((toHour(hour), avg_lmp))) AS pairs,
    pairs.1 AS hours, pairs.2 AS prices
  FROM marts.lmp_hourly GROUP BY day, node_id
) AS h ON h.day = d.day AND h.node_id = d.node_id
"""


def make_marts(folder: Path, catalog_uri: str, warehouse: Path, report: Report) -> None:
    """Make the marts where they are missing, unfinished or of another version; keep them otherwise.

    `catalog_uri` and `warehouse` say where the lake of `gateway.demo.world` is. Takes a few seconds the first time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder.with_name(f"{folder.name}.version")
    if mark.is_file() and mark.read_text() == MARTS_VERSION:
        report(f"clickhouse.{DATABASE} is there")
        return
    mark.unlink(missing_ok=True)
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder), settings={"session_timezone": "UTC"})
    try:
        with tempfile.TemporaryDirectory(prefix="penstock-marts-") as place:
            source = Path(place) / "lmp_prices.parquet"
            pq.write_table(_prices(catalog_uri, warehouse), source)
            rows = _fill(client, source)
    finally:
        client.close()
    mark.write_text(MARTS_VERSION)
    report(f"clickhouse.{DATABASE} made: {rows:,} hourly rows")


def run_script(folder: Path, script: Path) -> None:
    """Run statements that each end with a semicolon at the end of a line; lines that begin with `--` are comments."""
    lines = (line for line in script.read_text("utf-8").splitlines() if not line.startswith("--"))
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder), settings={"session_timezone": "UTC"})
    try:
        for statement in "\n".join((*lines, "")).split(";\n"):
            if statement.strip():
                client.command(statement)
    finally:
        client.close()


def _prices(catalog_uri: str, warehouse: Path) -> pa.Table:
    """Read the lake's prices as they stand now."""
    catalog = SqlCatalog(CATALOG, uri=catalog_uri, warehouse=warehouse.resolve().as_uri())
    try:
        return catalog.load_table(LMP_PRICES.identifier).scan().to_arrow()
    finally:
        catalog.close()


def _fill(client: Client, source: Path) -> int:
    """Make the tables anew and fill them; return the number of hourly rows."""
    client.command(f"DROP DATABASE IF EXISTS {DATABASE}")
    for statement in _TABLES.split(";"):
        if statement.strip():
            client.command(statement)
    for statement in (_HOURLY, _DAILY):
        client.command(statement, parameters={"source": str(source)})
    return int(client.query(f"SELECT count() FROM {DATABASE}.lmp_hourly").result_rows[0][0])  # noqa: S608  (our own text and quoted names)


def _main(work: str, folder: str, *arguments: str) -> None:
    """Do one of the two in a process that ends, and so lets go of the folder."""
    if work == "make_marts":
        uri, warehouse = arguments
        make_marts(Path(folder), uri, Path(warehouse), _say)
    else:
        run_script(Path(folder), Path(arguments[0]))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
