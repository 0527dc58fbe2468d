"""The engines under attack, each with the world in it and a gateway in front."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.postgres import PostgresServer, start_postgres
from gateway.demo.trino_server import TrinoServer, open_lake, start_trino
from tests.attacks.arena import Arena
from tests.attacks.caller import Seen, ask_engine
from tests.attacks.process import ROOT, run_gateway
from tests.attacks.world import fill_lake

POLICIES = (ROOT / "tests" / "fixtures" / "attacks" / "policies.yaml").read_text("utf-8")
NULLABLE_MASK = (
    "CASE WHEN attrs IS NULL THEN NULL ELSE CAST(ROW(NULL, attrs.note) AS ROW(ssn VARCHAR, note VARCHAR)) END"
)
TUPLE_MASK = "CAST(ROW(CAST(NULL AS VARCHAR), attrs.note) AS ROW(ssn VARCHAR, note VARCHAR))"
"""The same mask for ClickHouse, where a tuple cannot be NULL."""


@contextmanager
def lake_stage(folder: Path) -> Iterator[Arena]:
    """Run the gateway over the embedded lake."""
    properties = {"uri": f"sqlite:///{folder / 'lake.db'}", "warehouse": f"file://{folder / 'warehouse'}"}
    catalog = SqlCatalog("lake", **properties)
    snapshots = fill_lake(catalog)
    catalog.close()
    engines: list[dict[str, object]] = [{"kind": "lake", "name": "lake", "catalog": "lake", **properties}]
    with run_gateway(folder, engines, POLICIES) as gateway:
        yield Arena("lake", gateway, POLICIES, engines, snapshots=snapshots)


def fill_in_process(data: Path) -> None:
    """Make the world in a folder of ClickHouse's; by another process, for one can hold such a folder once only."""
    fill = "import sys, pathlib; from tests.attacks.world import fill_clickhouse as f; f(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", fill, str(data)], cwd=ROOT, check=True)


@contextmanager
def clickhouse_stage(folder: Path) -> Iterator[Arena]:
    """Run the gateway over ClickHouse in process."""
    fill_in_process(folder / "data")
    engines: list[dict[str, object]] = [
        {"kind": "clickhouse", "name": "clickhouse", "catalog": "lake", "path": str(folder / "data")}
    ]
    policies = POLICIES.replace(NULLABLE_MASK, TUPLE_MASK)
    with run_gateway(folder, engines, policies) as gateway:
        yield Arena("clickhouse", gateway, policies, engines, writes=False)


@contextmanager
def trino_stage(folder: Path, server: TrinoServer, postgres: PostgresServer, warehouse: Path) -> Iterator[Arena]:
    """Run the gateway over the real Trino, whose catalog `iceberg` takes the place of `lake`."""
    catalog = open_lake(postgres, warehouse)
    snapshots = fill_lake(catalog)
    catalog.close()
    engines: list[dict[str, object]] = [{"kind": "trino", "name": "trino", "url": server.url, "catalogs": ["iceberg"]}]
    policies = POLICIES.replace(" lake.", " iceberg.").replace("[lake.", "[iceberg.")

    def itself(sql: str, schema: str) -> Seen:
        return ask_engine(server.port, sql, "iceberg", schema)

    with run_gateway(folder, engines, policies) as gateway:
        yield Arena("trino", gateway, policies, engines, "iceberg", snapshots, itself=itself)


@contextmanager
def own_stage(engine: str, folder: Path) -> Iterator[Arena]:
    """Run the gateway over one of the engines, with all that it needs started for it."""
    if engine == "lake":
        with lake_stage(folder) as arena:
            yield arena
    elif engine == "clickhouse":
        with clickhouse_stage(folder) as arena:
            yield arena
    else:
        warehouse = folder / "warehouse"
        with (
            start_postgres(folder / "postgres", _quiet) as postgres,
            start_trino(folder / "trino", _quiet, postgres=postgres, warehouse=warehouse) as server,
            trino_stage(folder / "gateway", server, postgres, warehouse) as arena,
        ):
            yield arena


def _quiet(message: str) -> None:
    print(message, file=sys.stderr)
