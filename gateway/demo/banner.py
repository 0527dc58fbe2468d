"""What the demo says when it is ready: ready-to-paste connections and a first query."""

from __future__ import annotations

from gateway.demo.setup import DemoPlaces

FIRST_QUERY = (
    "SELECT iso, count(*) AS trades, round(avg(price), 2) AS avg_price\n"
    "    FROM iceberg.trading.trades t JOIN iceberg.curated.iso_node_mapping n ON t.node_id = n.node_id\n"
    "    GROUP BY iso ORDER BY iso"
)


def banner(places: DemoPlaces, engine: str) -> str:
    """Return the banner; its first line begins with the words that scripts wait for."""
    host = f"127.0.0.1:{places.port}"
    return f"""Penstock is ready on http://{host} (engine: {engine}; Ctrl-C stops everything)

  Users: analyst1, analyst2 (viewer), trader1 (desk CAISO), trader2 (desk MISO), etl_bot, admin1, acme-corp (partner).
  On this machine the user name alone is enough; .venv/bin/penstock token --user trader1 prints a bearer token.

  Python      import trino
              connection = trino.dbapi.connect(
                  host="127.0.0.1", port={places.port}, user="trader1", catalog="iceberg", schema="trading")
  SQLAlchemy  create_engine("trino://trader1@{host}/iceberg/trading")
  CLI         trino --server http://{host} --user trader1 --catalog iceberg --schema trading
  JDBC        jdbc:trino://{host}/iceberg/trading?user=trader1
  dbt         penstock:
                target: demo
                outputs:
                  demo: {{type: trino, method: none, host: 127.0.0.1, port: {places.port}, user: etl_bot,
                         database: iceberg, schema: sandbox, threads: 2}}
  Superset    trino://analyst1@{host}/iceberg/curated

  Console     http://127.0.0.1:{places.admin_port}/ui  (log in with what .venv/bin/penstock token --user admin1 prints)
  Health      http://127.0.0.1:{places.admin_port}/readyz
  Metrics     http://127.0.0.1:{places.metrics_port}/metrics
  Log         {places.data / "penstock.log"}

  A first query, to try as trader1, then as trader2, then as admin1:

    {FIRST_QUERY}
"""
