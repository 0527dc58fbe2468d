"""TPC-H, TPC-DS and the demo's tables as each engine holds them, and sections of configuration over them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gateway.demo.downloads import cache_folder
from gateway.demo.postgres import PostgresServer, start_postgres
from gateway.demo.trino_server import ICEBERG_DATABASE, open_lake, start_trino
from gateway.demo.world import make_world
from loadtests.estimate.queries import Asked, demo_queries, queries
from loadtests.estimate.tables import Named, build_tables, fill_iceberg, named, queries_in

ENGINES = ("lake", "trino", "clickhouse")
_VERSION = "1"
"""Changes with what the kept folder holds."""


class World:
    """The tables in each engine's form, kept in the user's cache."""

    def __init__(self, scale: float, folder: Path, stack: ExitStack) -> None:
        """Make the tables' files where they are missing; what is started goes with `stack`."""
        self.folder = folder
        self._stack = stack
        self._files = build_tables(scale)
        self._kept = cache_folder() / f"estimate-{scale:g}-{_VERSION}"
        self._kept.mkdir(parents=True, exist_ok=True)
        self._postgres: PostgresServer | None = None

    def asked(self, seed: int, catalog: str) -> Iterator[Asked]:
        """Yield the queries with the parameters of a seed."""
        yield from queries(queries_in(self._files), seed)
        if catalog == "iceberg":
            yield from demo_queries(seed)

    def published(self) -> Iterator[Asked]:
        """Yield TPC-H's and TPC-DS' queries with their own parameters."""
        yield from queries(queries_in(self._files), 0)

    def tables(self) -> list[Named]:
        """Name TPC-H's and TPC-DS' tables."""
        return named(self._files)

    def engine(self, name: str) -> tuple[dict[str, Any], str]:
        """Return the configuration's section for an engine, and the catalog to ask. Raises DemoError."""
        if name == "clickhouse":
            path = self._filled_clickhouse()
            return {"kind": "clickhouse", "name": name, "catalog": "clickhouse", "path": str(path)}, "clickhouse"
        warehouse = self._kept / "warehouse"
        uri = self._filled_lake(warehouse)
        if name == "lake":
            place = {"uri": uri, "warehouse": warehouse.as_uri(), "memory_limit": "3GB"}
            return {"kind": "lake", "name": name, "catalog": "iceberg", **place}, "iceberg"
        started = start_trino(self.folder / "trino", print, postgres=self._postgres, warehouse=warehouse)
        server = self._stack.enter_context(started)
        properties = {"type": "sql", "uri": uri, "warehouse": warehouse.as_uri()}
        section = {"kind": "trino", "name": name, "url": server.url, "catalogs": ["iceberg"]}
        return {**section, "iceberg": {"iceberg": properties}}, "iceberg"

    def _filled_lake(self, warehouse: Path) -> str:
        """Return the address of the lake's catalog, in Postgres, so that Trino and pyiceberg see the same tables."""
        if self._postgres is None:
            self._postgres = self._stack.enter_context(start_postgres(self._kept / "postgres", print))
            catalog = open_lake(self._postgres, warehouse)
            fill_iceberg(catalog, self._files)
            catalog.close()
            make_world(warehouse, self._postgres.url(ICEBERG_DATABASE, "postgresql+psycopg2"), print)
        return self._postgres.url(ICEBERG_DATABASE, "postgresql+psycopg2")

    def _filled_clickhouse(self) -> Path:
        """Return ClickHouse's folder, filled by a process of its own: the engine in process holds it until it ends."""
        path = self._kept / "clickhouse"
        if not (path / "complete").exists():
            shutil.rmtree(path, ignore_errors=True)
            command = [sys.executable, "-m", "loadtests.estimate.marts", str(path), str(self._files)]
            subprocess.run(command, check=True)
            (path / "complete").touch()
        return path
