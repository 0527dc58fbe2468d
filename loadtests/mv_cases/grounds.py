"""What a run stands on: an engine that reads the base tables, the catalog that both share, a folder for ClickHouse."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.postgres import PostgresServer, start_postgres
from gateway.demo.trino_server import ICEBERG_DATABASE, TrinoServer, open_lake, start_trino
from loadtests.mv_cases.places import LAKE


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a run keeps its tables, and which engine reads the base."""

    folder: Path
    clickhouse: Path
    base: Mapping[str, Any]
    """The configuration's section of the base engine."""
    catalog: SqlCatalog
    prefix: str = "p"
    """Of the names of places: a folder of ClickHouse may hold those of several runs."""


@contextmanager
def lake_ground(folder: Path, clickhouse: Path, prefix: str = "p") -> Iterator[Ground]:
    """Have the embedded lake read the base."""
    folder.mkdir(parents=True, exist_ok=True)
    place = {"uri": f"sqlite:///{folder / 'lake.db'}", "warehouse": (folder / "warehouse").as_uri()}
    catalog = SqlCatalog(LAKE, **place)
    try:
        yield Ground(folder, clickhouse, {"kind": "lake", "name": "lake", "catalog": LAKE, **place}, catalog, prefix)
    finally:
        catalog.close()


@contextmanager
def trino_ground(
    folder: Path, clickhouse: Path, server: TrinoServer, postgres: PostgresServer, warehouse: Path, prefix: str = "t"
) -> Iterator[Ground]:
    """Have a real Trino read the base."""
    folder.mkdir(parents=True, exist_ok=True)
    catalog = open_lake(postgres, warehouse)
    uri = postgres.url(ICEBERG_DATABASE, "postgresql+psycopg2")
    properties = {"type": "sql", "uri": uri, "warehouse": warehouse.resolve().as_uri()}
    base = {
        "kind": "trino",
        "name": "trino",
        "url": server.url,
        "catalogs": [LAKE],
        "iceberg": {LAKE: properties},
    }
    try:
        yield Ground(folder, clickhouse, base, catalog, prefix)
    finally:
        catalog.close()


@contextmanager
def own_trino(folder: Path, clickhouse: Path) -> Iterator[Ground]:
    """Start a real Trino for a run. Raises DemoError where there is none."""
    warehouse = folder / "warehouse"
    with (
        start_postgres(folder / "postgres", _say) as postgres,
        start_trino(folder / "trino", _say, postgres=postgres, warehouse=warehouse) as server,
        trino_ground(folder / "gateway", clickhouse, server, postgres, warehouse) as ground,
    ):
        yield ground


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
