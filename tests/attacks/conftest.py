"""The gateways under attack, one per engine, each over the same world."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import TrinoServer, open_lake
from tests.attacks.judge import Arena
from tests.attacks.process import ROOT, run_gateway
from tests.attacks.world import fill_lake

POLICIES = (ROOT / "tests" / "fixtures" / "attacks" / "policies.yaml").read_text("utf-8")
NULLABLE_MASK = (
    "CASE WHEN attrs IS NULL THEN NULL ELSE CAST(ROW(NULL, attrs.note) AS ROW(ssn VARCHAR, note VARCHAR)) END"
)
TUPLE_MASK = "CAST(ROW(CAST(NULL AS VARCHAR), attrs.note) AS ROW(ssn VARCHAR, note VARCHAR))"
"""The same mask for ClickHouse, where a tuple cannot be NULL."""


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Run the gateway over the embedded lake."""
    folder = tmp_path_factory.mktemp("attacked-lake")
    properties = {"uri": f"sqlite:///{folder / 'lake.db'}", "warehouse": f"file://{folder / 'warehouse'}"}
    catalog = SqlCatalog("lake", **properties)
    snapshot = fill_lake(catalog)
    catalog.close()
    engine = {"kind": "lake", "name": "lake", "catalog": "lake", **properties}
    with run_gateway(folder, [engine], POLICIES) as gateway:
        yield Arena("lake", gateway, snapshot=snapshot)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Run the gateway over ClickHouse in process."""
    folder = tmp_path_factory.mktemp("attacked-clickhouse")
    fill = "import sys, pathlib; from tests.attacks.world import fill_clickhouse as f; f(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", fill, str(folder / "data")], cwd=ROOT, check=True)
    engine = {"kind": "clickhouse", "name": "clickhouse", "catalog": "lake", "path": str(folder / "data")}
    with run_gateway(folder, [engine], POLICIES.replace(NULLABLE_MASK, TUPLE_MASK)) as gateway:
        yield Arena("clickhouse", gateway, writes=False)


@pytest.fixture(scope="session")
def trino(
    trino_server: TrinoServer,
    postgres_server: PostgresServer,
    trino_warehouse: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Arena]:
    """Run the gateway over the real Trino, whose catalog `iceberg` takes the place of `lake`."""
    catalog = open_lake(postgres_server, trino_warehouse)
    snapshot = fill_lake(catalog)
    catalog.close()
    engine = {"kind": "trino", "name": "trino", "url": trino_server.url, "catalogs": ["iceberg"]}
    policies = POLICIES.replace(" lake.", " iceberg.").replace("[lake.", "[iceberg.")
    with run_gateway(tmp_path_factory.mktemp("attacked-trino"), [engine], policies) as gateway:
        yield Arena("trino", gateway, catalog="iceberg", snapshot=snapshot)
