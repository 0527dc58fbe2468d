"""The gateways under attack, one per engine, each over the same world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import TrinoServer
from tests.attacks.arena import Arena
from tests.attacks.stages import clickhouse_stage, lake_stage, trino_stage


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Run the gateway over the embedded lake."""
    with lake_stage(tmp_path_factory.mktemp("attacked-lake")) as arena:
        yield arena


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Run the gateway over ClickHouse in process."""
    with clickhouse_stage(tmp_path_factory.mktemp("attacked-clickhouse")) as arena:
        yield arena


@pytest.fixture(scope="session")
def trino(
    trino_server: TrinoServer,
    postgres_server: PostgresServer,
    trino_warehouse: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Arena]:
    """Run the gateway over the real Trino, whose catalog `iceberg` takes the place of `lake`."""
    folder = tmp_path_factory.mktemp("attacked-trino")
    with trino_stage(folder, trino_server, postgres_server, trino_warehouse) as arena:
        yield arena
