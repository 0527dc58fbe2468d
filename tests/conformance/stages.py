"""tpch tables behind the gateway, on the real Trino and on the embedded lake, over the very same Iceberg files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import trino
from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import TrinoServer, open_lake
from tests.attacks.process import Gateway, run_gateway

_ODD = [f"odd{suffix}" for suffix in ("", "_a", "_b", "_c", "_d", "_e", "_f")]
_TABLES = {
    "orders": "SELECT orderkey, custkey, orderstatus, totalprice, orderpriority, comment FROM tpch.tiny.orders",
    "nation": "SELECT nationkey, name, regionkey FROM tpch.tiny.nation",
    "lists": "SELECT 1 AS id, ARRAY['secret', 'other'] AS tags",
    "sparse": "SELECT * FROM (VALUES (1, 1), (2, 2), (3, 3), (4, NULL)) AS t(id, desk)",
    **dict.fromkeys(_ODD, "SELECT CAST(1 AS bigint) AS id, CAST('text' AS varchar) AS note"),
}


def make_tables(server: TrinoServer) -> None:
    """Make the tables and views, on Trino itself."""
    statements = ["CREATE SCHEMA iceberg.tiny", "CREATE SCHEMA memory.tiny", "CREATE SCHEMA iceberg.elsewhere"]
    statements += [f"CREATE TABLE iceberg.tiny.{name} AS {query}" for name, query in _TABLES.items()]
    _run(server, "admin", statements)
    views = [
        f"CREATE VIEW memory.tiny.{name}_view AS SELECT * FROM iceberg.tiny.{name}" for name in ("orders", "nation")
    ]
    _run(server, "owner", views)


def _run(server: TrinoServer, user: str, statements: list[str]) -> None:
    with closing(trino.dbapi.connect(host=server.host, port=server.port, user=user)) as connection:
        for statement in statements:
            connection.cursor().execute(statement).fetchall()


@contextmanager
def trino_gateway(folder: Path, server: TrinoServer, policies: str) -> Iterator[Gateway]:
    """Run the gateway over the real Trino."""
    engine = {"kind": "trino", "name": "trino", "url": server.url, "catalogs": ["iceberg", "memory"]}
    with run_gateway(folder, [engine], policies) as gateway:
        yield gateway


@contextmanager
def lake_gateway(folder: Path, postgres: PostgresServer, warehouse: Path, policies: str) -> Iterator[Gateway]:
    """Run the gateway over the embedded lake, which knows the tables that Trino made."""
    folder.mkdir(parents=True, exist_ok=True)
    properties = {"uri": f"sqlite:///{folder / 'lake.db'}", "warehouse": warehouse.resolve().as_uri()}
    made, lake = open_lake(postgres, warehouse), SqlCatalog("iceberg", **properties)
    for schema in ("tiny", "elsewhere"):
        lake.create_namespace(schema)
    for name in _TABLES:
        lake.register_table(("tiny", name), made.load_table(("tiny", name)).metadata_location)
    made.close()
    lake.close()
    engine = {"kind": "lake", "name": "lake", "catalog": "iceberg", **properties}
    with run_gateway(folder, [engine], policies) as gateway:
        yield gateway
