"""The ClickHouse marts once more, as tables of the real Trino itself, so that answers about them can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trino
from demo_process import Demo

CATALOG = "memory"
_TABLES = (
    "CREATE SCHEMA marts",
    """CREATE TABLE marts.lmp_hourly (
    iso varchar NOT NULL COMMENT 'market: CAISO, MISO or SPP', node_id varchar NOT NULL COMMENT 'pricing node',
    hour timestamp(0) with time zone NOT NULL COMMENT 'start of the hour',
    avg_lmp decimal(10, 2) NOT NULL COMMENT 'average price in USD/MWh', min_lmp decimal(10, 2) NOT NULL COMMENT 'lowest price',
    max_lmp decimal(10, 2) NOT NULL COMMENT 'highest price',
    avg_congestion decimal(10, 2) NOT NULL COMMENT 'average congestion component',
    n bigint NOT NULL COMMENT 'intervals in the hour') COMMENT 'hourly locational marginal prices'""",
    """INSERT INTO marts.lmp_hourly
    SELECT iso, node_id, CAST(date_trunc('hour', interval_start_time) AS timestamp(0) with time zone),
    avg(lmp_price), min(lmp_price), max(lmp_price), avg(congestion), count(*)
    FROM iceberg.curated.lmp_prices GROUP BY 1, 2, 3""",
    """CREATE TABLE marts.node_daily (
    day date NOT NULL COMMENT 'day in UTC', iso varchar NOT NULL COMMENT 'market',
    node_id varchar NOT NULL COMMENT 'pricing node', avg_lmp decimal(10, 2) NOT NULL COMMENT 'average price in USD/MWh',
    p95_lmp double NOT NULL COMMENT '95th percentile of the price, interpolated',
    peak_hour smallint COMMENT 'UTC hour with the highest average, NULL where two share it',
    negative_intervals integer NOT NULL COMMENT 'intervals with a price below zero',
    hourly_lmp array(decimal(10, 2)) NOT NULL COMMENT 'average price of each hour, in order')
    COMMENT 'prices of a day at a node'""",
    """CREATE TABLE marts.lmp_hourly_summary (
    location_id varchar NOT NULL, hour timestamp(0) with time zone NOT NULL, avg_lmp decimal(10, 2) NOT NULL)""",
)
"""The summary is a view in ClickHouse. Trino's own connector for ClickHouse shows views as tables, and so does the gateway."""
_ONE_DAY = "SELECT * FROM node_daily ORDER BY day, iso, node_id LIMIT 1"


@contextmanager
def twin_marts(demo: Demo) -> Iterator[str]:
    """Make the tables beside the gateway, and give the name of their catalog; of the daily ones there is one row."""
    with trino.dbapi.connect(host="127.0.0.1", port=demo.trino_port, user="admin1", catalog=CATALOG) as direct:
        try:
            for statement in _TABLES:
                direct.cursor().execute(statement).fetchall()
            (row,) = _marts_of(demo).cursor().execute(_ONE_DAY).fetchall()
            places = ", ".join("?" * len(row))
            direct.cursor().execute(f"INSERT INTO marts.node_daily VALUES ({places})", row).fetchall()
            yield CATALOG
        finally:
            direct.cursor().execute("DROP SCHEMA IF EXISTS marts CASCADE").fetchall()


def _marts_of(demo: Demo) -> Any:
    return trino.dbapi.connect(host="127.0.0.1", port=demo.port, user="admin1", catalog="clickhouse", schema="marts")
