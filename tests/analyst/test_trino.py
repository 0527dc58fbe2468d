"""The recorded answers are the real Trino's: asked again over the same tables; RECORD=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import ICEBERG_DATABASE, TrinoServer
from gateway.demo.world import make_world
from tests.analyst.asking import Asker
from tests.analyst.comparing import judge
from tests.analyst.conftest import ADMIN, first_snapshot, written
from tests.analyst.marts_copy import copy_to_trino, make_marts_and_files
from tests.analyst.recorded import kept, names, suite

HOMES = {"lake": ("iceberg", "curated"), "clickhouse": ("memory", "marts")}
pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def trino_world(
    trino_server: TrinoServer,
    trino_warehouse: Path,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, int]:
    """Make the demo's tables in the lake that Trino reads, and copy the marts; give Trino's address and a snapshot."""
    uri = postgres_server.url(ICEBERG_DATABASE, "postgresql+psycopg2")
    make_world(trino_warehouse, uri, print)
    folder = tmp_path_factory.mktemp("marts")
    make_marts_and_files(folder / "clickhouse", uri, trino_warehouse, folder / "rows")
    asker = Asker(trino_server.url, ADMIN, "memory", "marts")
    copy_to_trino(uri, trino_warehouse, folder / "rows", asker)
    assert asker.ask("CREATE SCHEMA iceberg.scratch_trino").error is None
    asker.close()
    return trino_server.url, first_snapshot(uri, trino_warehouse)


@pytest.mark.parametrize("name", [*names("lake"), *names("clickhouse")])
def test_the_recorded_answers_are_trinos(name: str, trino_world: tuple[str, int]) -> None:
    url, snapshot = trino_world
    found = suite(name)
    asker = Asker(url, ADMIN, *HOMES[name.partition("/")[0]])
    try:
        answers = [asker.ask(written(a, snapshot, "iceberg.scratch_trino"), a.zone) for a in found.statements]
    finally:
        asker.close()
    if os.environ.get("RECORD") == "1":
        found.record(answers)
    recorded = found.recorded()
    parts = zip(found.keys(), found.statements, answers, strict=True)
    judged = [(asked.line, judge(asked, recorded[key], answer, kept)) for key, asked, answer in parts]
    wrong = [(line, verdict.why) for line, verdict in judged if verdict.is_ != "equal"]
    assert not wrong
