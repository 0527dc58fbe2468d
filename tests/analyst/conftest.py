"""The demo's world behind a gateway: the embedded lake, and the ClickHouse marts with a table of wide integers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.world import CATALOG, LMP_PRICES, make_world
from tests.analyst.asking import Asker
from tests.analyst.marts_copy import ROOT, make_marts_and_files
from tests.analyst.statements import Asked
from tests.operations.gateway_process import make_gateway, running

ADMIN = "admin1"
HOMES = {"lake": ("iceberg", "curated"), "clickhouse": ("clickhouse", "marts")}


@dataclass(frozen=True, slots=True)
class World:
    """A gateway over the demo's tables."""

    url: str
    snapshot: int

    def asker(self, folder: str) -> Asker:
        """Open a connection in the session that the statements of a folder are asked in."""
        return Asker(self.url, ADMIN, *HOMES[folder])

    def written(self, asked: Asked) -> str:
        """Return a statement's text with the names of this side."""
        return written(asked, self.snapshot, "iceberg.scratch_lake")


def written(asked: Asked, snapshot: int, scratch: str) -> str:
    """Fill in what differs between two sides: the number of the first snapshot, and the schema for writing."""
    return asked.sql.replace("{snapshot}", str(snapshot)).replace("{scratch}", scratch)


def first_snapshot(uri: str, warehouse: Path) -> int:
    """Return the number of the prices' first snapshot."""
    catalog = SqlCatalog(CATALOG, uri=uri, warehouse=warehouse.resolve().as_uri())
    try:
        return catalog.load_table(LMP_PRICES.identifier).history()[0].snapshot_id
    finally:
        catalog.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make the demo's tables and marts; serve both by the gateway."""
    folder = tmp_path_factory.mktemp("analyst")
    uri, warehouse, marts = f"sqlite:///{folder}/lake.db", folder / "warehouse", folder / "clickhouse"
    make_world(warehouse, uri, print)
    make_marts_and_files(marts, uri, warehouse, folder / "rows")
    lake = {"kind": "lake", "name": "lake", "catalog": "iceberg", "uri": uri, "warehouse": f"file://{warehouse}"}
    clickhouse = {"kind": "clickhouse", "name": "clickhouse", "path": str(marts)}
    gateway = make_gateway(folder / "gateway", [lake, clickhouse])
    shutil.copy(ROOT / "gateway/demo/policies.yaml", gateway.policies)
    with running(gateway):
        yield World(gateway.url, first_snapshot(uri, warehouse))
