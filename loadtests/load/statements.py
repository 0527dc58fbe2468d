"""What the users of the load test ask, and what their policies let them see of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

MARKETS = ("CAISO", "MISO", "SPP")


@dataclass(frozen=True, slots=True)
class Question:
    """A statement under the name that its figures are kept by."""

    name: str
    sql: str
    only: str | None = None
    """The one value that the first column may have, by the asker's row filter."""
    rows: int | None = None
    """How many rows it gives, or changes, where that is known."""


def tiles(desk: str) -> tuple[Question, ...]:
    """Return one dashboard of a desk; all its tiles are asked for at once, as a browser does."""
    return (
        Question("prices by market", "SELECT iso, avg(lmp_price), max(lmp_price) FROM lmp_prices GROUP BY 1"),
        Question("last hours", "SELECT interval_start_time, lmp_price FROM lmp_prices WHERE node_id = 'CAISO_NODE_001' "
                 "ORDER BY interval_start_time DESC LIMIT 48", rows=48),
        Question("congestion by zone", "SELECT m.zone_id, sum(p.congestion) FROM lmp_prices p JOIN iso_node_mapping m "
                 "ON p.node_id = m.node_id AND m.valid_to IS NULL WHERE p.iso = 'SPP' "
                 "GROUP BY 1 ORDER BY 2 DESC LIMIT 5"),
        Question("degree days", "SELECT zone_id, sum(hdd), sum(cdd) FROM weather_features GROUP BY 1 ORDER BY 1"),
        Question("desk volume", "SELECT desk, count(*), sum(qty_mwh) FROM iceberg.trading.trades GROUP BY 1",
                 only=desk),
        Question("hourly mart", "SELECT iso, max(avg_lmp) FROM clickhouse.marts.lmp_hourly GROUP BY 1 ORDER BY 1",
                 rows=3),
    )  # fmt: skip


BROWSING = (
    Question("catalogs", "SHOW CATALOGS"),
    Question("schemas", "SHOW SCHEMAS FROM iceberg"),
    Question("tables", "SHOW TABLES FROM iceberg.curated", rows=3),
    Question("columns", "SELECT column_name, data_type FROM iceberg.information_schema.columns "
             "WHERE table_schema = 'curated' AND table_name = 'lmp_prices' ORDER BY ordinal_position", rows=7),
    Question("describe", "DESCRIBE iceberg.curated.weather_features", rows=9),
)  # fmt: skip
"""What a tool asks when its user opens the tree of tables."""

PARTNER = Question(
    "latest prices",
    "SELECT iso, node_id, interval_start_time, lmp_price FROM iceberg.curated.lmp_prices "
    "WHERE interval_start_time >= TIMESTAMP '2026-03-01 00:00:00 UTC' ORDER BY 3 DESC, 2 LIMIT 100",
    only="CAISO",
    rows=100,
)
PREPARED = "SELECT count(*), avg(lmp_price) FROM iceberg.curated.lmp_prices WHERE iso = ? AND lmp_price > ?"


def exploring(chance: random.Random) -> Question:
    """Return a question of an analyst; nobody asked it before, so no plan of it is kept."""
    market, number = chance.choice(MARKETS), chance.randint(1, 10_000)
    asked = (
        ("spread", f"SELECT node_id, max(lmp_price) - min(lmp_price) FROM lmp_prices WHERE iso = '{market}' "
         f"AND congestion > {number / 100} GROUP BY 1 ORDER BY 2 DESC LIMIT 20"),
        ("by day", f"SELECT date_trunc('day', interval_start_time) AS day, avg(lmp_price), count(*) FROM lmp_prices "
         f"WHERE iso = '{market}' AND loss < {number / 1000} GROUP BY 1 ORDER BY 1"),
        ("masked traders", f"SELECT name, email, phone FROM iceberg.trading.traders WHERE trader_id <> 'X{number}' "
         "ORDER BY name LIMIT 10"),
        ("weather", f"SELECT zone_id, avg(temp_f - normals) FROM weather_features WHERE temp_f > {number % 70} "
         "GROUP BY 1 HAVING count(*) > 10 ORDER BY 2"),
    )  # fmt: skip
    return Question(*chance.choice(asked))


def pipeline(table: str, day: int) -> tuple[Question, ...]:
    """Return a pipeline's steps over a table of its own, which it leaves behind no more."""
    span = f"interval_start_time >= TIMESTAMP '2026-0{2 + day % 2}-{10 + day % 15} 00:00:00 UTC'"
    return (
        Question("schema", "CREATE SCHEMA IF NOT EXISTS iceberg.sandbox"),
        Question("drop", f"DROP TABLE IF EXISTS {table}"),
        Question("create as", f"CREATE TABLE {table} AS SELECT iso, node_id, interval_start_time, lmp_price "
                 f"FROM iceberg.curated.lmp_prices WHERE {span} ORDER BY 3, 2 LIMIT 2000", rows=2000),
        Question("insert", f"INSERT INTO {table} SELECT iso, node_id, interval_start_time, energy "
                 f"FROM iceberg.curated.lmp_prices WHERE {span} ORDER BY 3, 2 LIMIT 500", rows=500),
        Question("count", f"SELECT count(*) FROM {table}", only="2500", rows=1),
        Question("extract", "SELECT * FROM iceberg.curated.lmp_prices LIMIT 100000", rows=100_000),
        Question("drop", f"DROP TABLE {table}"),
    )  # fmt: skip
