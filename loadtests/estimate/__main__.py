"""`make bench-estimate`: what estimates are worth, over TPC-H, TPC-DS and what the demo's users ask.

Each engine runs all queries through a gateway of its own, first with some sets of parameters, by which the gateway
calibrates its estimates as it always does, and then with others, which it has never seen: only those count. Of each of
them the estimate that its usage row keeps is held against the bytes that the engine read.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gateway.demo.downloads import DemoError, cache_folder
from gateway.demo.postgres import PostgresServer, start_postgres
from gateway.demo.trino_server import ICEBERG_DATABASE, open_lake, start_trino
from gateway.demo.world import make_world
from loadtests.estimate.figures import Outcome, missing, said
from loadtests.estimate.gateways import Gateway, gateway
from loadtests.estimate.queries import Asked, demo_queries, queries
from loadtests.estimate.tables import build_tables, fill_iceberg, queries_in

ENGINES = ("lake", "trino", "clickhouse")
_VERSION = "1"
"""Changes with what the kept folder holds."""


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="of TPC-H and TPC-DS")
    parser.add_argument("--learn", type=int, default=2, help="sets of parameters that estimates are calibrated by")
    parser.add_argument("--hold-out", type=int, default=1, help="sets of parameters that count")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--verbose", action="store_true", help="say each statement that counts")
    options = parser.parse_args()
    counted: list[Outcome] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = _World(options.scale, folder, stack)
        for engine in options.engines.split(","):
            counted += _measured(world, engine, options.learn, options.hold_out, verbose=options.verbose)
    print("held out, all engines, as engines say it: " + said(counted, raw=True))
    print(said(counted))


def _measured(world: _World, engine: str, learn: int, hold_out: int, *, verbose: bool) -> list[Outcome]:
    """Run all queries on one engine; return those that count."""
    try:
        section, catalog = world.engine(engine)
    except DemoError as error:
        print(f"{engine}: not here: {error}")
        return []
    with gateway(world.folder / f"through-{engine}", section) as running:
        outcomes = _asked(world, running, catalog, learn + hold_out)
    held_out = [each for each in outcomes if each.run >= learn]
    counted = [each for each in held_out if each.estimated]
    print(f"{engine}: first set, as the engine says it: {said(_of_run(outcomes, 0), raw=True)}")
    for name in sorted({each.name.partition(" ")[0] for each in counted}):
        print(f"{engine}: {name}, held out: {said([e for e in counted if e.name.startswith(name)])}")
    print(f"{engine}: held out: {said(counted)}")
    print(f"{engine}: in no figure: {missing(held_out)}", flush=True)
    for each in counted if verbose else ():
        print(f"  {each.name}: {each.priced and each.priced.bytes} raw {each.priced and each.priced.raw} "
              f"read {each.scanned_bytes} {each.priced and each.priced.kind}")  # fmt: skip
    return counted


def _of_run(outcomes: Sequence[Outcome], run: int) -> list[Outcome]:
    return [each for each in outcomes if each.run == run and each.estimated]


def _asked(world: _World, running: Gateway, catalog: str, runs: int) -> list[Outcome]:
    count = 0
    for run in range(runs):
        count += running.run(run, world.asked(run, catalog), catalog)
    return running.outcomes(count)


class _World:
    """The tables in each engine's form, kept in the user's cache."""

    def __init__(self, scale: float, folder: Path, stack: ExitStack) -> None:
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


if __name__ == "__main__":
    main()
