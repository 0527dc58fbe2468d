"""The demo's materialized views: what its dashboards ask of millions of rows, computed before they ask.

Each is built in ClickHouse from the Iceberg tables as the demo starts, and again when those change. Sums and counts
are kept apart, so that averages of hours make up averages of days. Source: platform-contract, its reference case
`lmp_hourly_summary` and the three shapes (time windows, percentiles, hubs from nodes).
"""

from __future__ import annotations

from typing import Any

DATABASE = "views"
_CATALOG = f"clickhouse.{DATABASE}"
_HOURLY = """
SELECT iso, node_id AS location_id, date_trunc('hour', interval_start_time) AS hour,
  count(*) AS n, count(lmp_price) AS n_lmp, sum(lmp_price) AS sum_lmp, min(lmp_price) AS min_lmp,
  max(lmp_price) AS max_lmp, sum(congestion) AS sum_congestion, sum(loss) AS sum_loss,
  count(*) FILTER (WHERE lmp_price < 0) AS negative
FROM curated.lmp_prices
GROUP BY iso, node_id, date_trunc('hour', interval_start_time)
"""
_DAILY = """
SELECT iso, date_trunc('day', interval_start_time) AS day,
  count(*) AS n, count(lmp_price) AS n_lmp, sum(lmp_price) AS sum_lmp, min(lmp_price) AS min_lmp,
  max(lmp_price) AS max_lmp, sum(congestion) AS sum_congestion, sum(loss) AS sum_loss,
  count(*) FILTER (WHERE lmp_price < 0) AS negative
FROM curated.lmp_prices
GROUP BY iso, date_trunc('day', interval_start_time)
"""
_HUBS = """
SELECT m.hub_id, m.zone_id, date_trunc('day', p.interval_start_time) AS day,
  count(*) AS n, count(p.lmp_price) AS n_lmp, sum(p.lmp_price) AS sum_lmp, sum(p.congestion) AS sum_congestion
FROM curated.lmp_prices AS p
JOIN curated.iso_node_mapping AS m ON p.iso = m.iso AND p.node_id = m.node_id
WHERE m.valid_to IS NULL
GROUP BY m.hub_id, m.zone_id, date_trunc('day', p.interval_start_time)
"""
_PERCENTILES = """
SELECT iso, date_trunc('day', interval_start_time) AS day,
  array_agg(CAST(lmp_price AS double)) FILTER (WHERE lmp_price IS NOT NULL) AS prices
FROM curated.lmp_prices
GROUP BY iso, date_trunc('day', interval_start_time)
"""
_NODE_PERCENTILES = """
SELECT iso, node_id, date_trunc('month', interval_start_time) AS month,
  array_agg(CAST(lmp_price AS double)) FILTER (WHERE lmp_price IS NOT NULL) AS prices
FROM curated.lmp_prices
GROUP BY iso, node_id, date_trunc('month', interval_start_time)
"""
_TRADES = """
SELECT desk, trader_id, status, date_trunc('day', trade_ts) AS day, count(*) AS n, sum(qty_mwh) AS volume
FROM trading.trades
GROUP BY desk, trader_id, status, date_trunc('day', trade_ts)
"""
_BOOK = """
SELECT desk, node_id, side, status, count(*) AS n, sum(qty_mwh) AS volume, sum(qty_mwh * price) AS notional
FROM trading.trades
GROUP BY desk, node_id, side, status
"""
_MAPPING = "SELECT * FROM curated.iso_node_mapping"
_PRICE_STATE = {"column": "prices", "function": "quantileTDigest", "arguments": ["CAST(lmp_price AS double)"]}
_DEFINITIONS: tuple[tuple[str, str, tuple[dict[str, Any], ...]], ...] = (
    ("lmp_hourly_summary", _HOURLY, ()),
    ("lmp_daily", _DAILY, ()),
    ("hub_daily", _HUBS, ()),
    ("lmp_percentiles", _PERCENTILES, (_PRICE_STATE,)),
    ("node_percentiles", _NODE_PERCENTILES, (_PRICE_STATE,)),
    ("trades_daily", _TRADES, ()),
    ("book", _BOOK, ()),
    ("node_mapping", _MAPPING, ()),
)


def sections(catalog: str) -> dict[str, Any]:
    """Return the configuration's sections about views over the tables of a catalog."""
    definitions = [
        {
            "name": f"{_CATALOG}.{name}",
            "catalog": catalog,
            "sql": " ".join(sql.split()),
            "states": list(states),
            "rebuild": "on_change",
            "rebuild_seconds": 10,
        }
        for name, sql, states in _DEFINITIONS
    ]
    return {"materialized_views": {"definitions": definitions}}
