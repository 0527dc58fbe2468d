"""Several workers behind one port are one gateway: any of them serves any poll, and one may die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.operations.client import Client
from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.operations.lake import make_lake

TRADES = "SELECT id FROM lake.trading.trades ORDER BY id"


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module")
def gateway(engine: Coordinator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("workers")
    engines = [make_lake(folder / "lake"), trino_backend(engine.url)]
    with running(make_gateway(folder, engines, {"workers": 2}, own_start=True)) as found:
        eventually(lambda: len(nodes(found)) == 2, seconds=30)
        yield found


def nodes(gateway: Gateway) -> set[str]:
    """Return the workers that answer, by asking over many connections."""
    return {requests.get(f"{gateway.url}/v1/info", timeout=10).json()["nodeId"] for _ in range(12)}


def workers(gateway: Gateway) -> list[int]:
    """Return the workers' process ids: the supervisor's children."""
    path = Path(f"/proc/{gateway.running.pid}/task/{gateway.running.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def test_any_worker_serves_any_poll(gateway: Gateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: gateway.client.rows(TRADES), range(40)))
    assert found == [[[n] for n in range(5)]] * 40


def test_a_stranger_is_refused_on_every_worker(gateway: Gateway) -> None:
    page = gateway.client.begin(TRADES)
    stranger = Client(gateway.url, "root")
    assert {stranger.poll(page["nextUri"]).status_code for _ in range(10)} <= {401, 403, 404}
    assert gateway.client.finish(page)["rows"] == [[n] for n in range(5)]


def test_ddl_is_seen_at_once_by_every_worker(gateway: Gateway) -> None:
    root = gateway.root
    for number in range(5):
        name = f"lake.trading.made_{number}"
        for _ in range(6):  # every worker learns that it is not there
            assert root.error(f"SELECT * FROM {name}")["errorName"] == "TABLE_NOT_FOUND"
        root.rows(f"CREATE TABLE {name} AS SELECT id FROM lake.trading.trades WHERE id < 2")
        assert [root.rows(f"SELECT count(*) FROM {name}") for _ in range(8)] == [[[2]]] * 8
        root.rows(f"INSERT INTO {name} SELECT 7")
        assert [root.rows(f"SELECT count(*) FROM {name}") for _ in range(8)] == [[[3]]] * 8
        root.rows(f"DROP TABLE {name}")
        names = [root.error(f"SELECT count(*) FROM {name}")["errorName"] for _ in range(8)]
        assert names == ["TABLE_NOT_FOUND"] * 8


def test_schemas_come_and_go_on_every_worker(gateway: Gateway) -> None:
    root = gateway.root
    root.rows("CREATE SCHEMA lake.fresh")
    assert all(["fresh"] in root.rows("SHOW SCHEMAS FROM lake") for _ in range(8))
    root.rows("DROP SCHEMA lake.fresh")
    assert not any(["fresh"] in root.rows("SHOW SCHEMAS FROM lake") for _ in range(8))


def test_metrics_add_up_all_workers(gateway: Gateway) -> None:
    before = gateway.metric("penstock_statements_total")
    for _ in range(10):
        gateway.client.rows("SELECT 1")
    eventually(lambda: gateway.metric("penstock_statements_total") >= before + 10, seconds=20)
    assert gateway.metric("penstock_statements_total") == before + 10


def test_a_killed_worker_is_replaced_and_its_relayed_queries_go_on(gateway: Gateway, engine: Coordinator) -> None:
    client = Client(gateway.url, patient=True)
    relayed = [f"SELECT id AS hold FROM tri.trading.trades WHERE id <> {n}" for n in range(8)]
    own = [f"SELECT id FROM lake.trading.trades WHERE id <> {n}" for n in range(8)]
    pages = [client.next(client.begin(sql)) for sql in relayed]
    lake = [client.begin(sql) for sql in own]
    victim = workers(gateway)[0]
    os.kill(victim, signal.SIGKILL)
    engine.released.set()

    ends = [client.finish(page) for page in pages]
    assert [end.get("rows") for end in ends] == [[[1, "CAISO"]]] * 8
    lost = [end.get("error", {}).get("errorName") for end in map(client.finish, lake)]
    assert set(lost) <= {None, "REMOTE_HOST_GONE"}

    eventually(lambda: len(workers(gateway)) == 2 and victim not in workers(gateway), seconds=20)
    eventually(lambda: len(nodes(gateway)) == 2, seconds=30)
    eventually(lambda: {row["sql_text"] for row in gateway.usage()} >= {*relayed, *own}, seconds=60)
    rows = [row for row in gateway.usage() if row["sql_text"] in {*relayed, *own}]
    assert len(rows) == 16
    outcomes = {row["sql_text"]: row["outcome"] for row in rows}
    assert {outcomes[sql] for sql in relayed} == {"FINISHED", "CUT_OFF"}
    assert [outcomes[sql] for sql in own] == ["CUT_OFF" if end else "FINISHED" for end in lost]


def test_every_statement_has_one_row_and_sigterm_stops_all(gateway: Gateway) -> None:
    assert gateway.stop() == 0
    assert gateway.processes() == []
    ids = [row["query_id"] for row in gateway.usage()]
    assert len(ids) == len(set(ids)) > 100
    assert [line for line in gateway.log().splitlines() if not line.startswith("{")] == []


def test_workers_that_cannot_start_end_the_gateway(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path, [trino_backend("http://127.0.0.1:9")], {"workers": 2}, own_start=True)
    gateway.policies.write_text("version: 1\ngrants: nonsense\n")
    try:
        gateway.start(ready=False)
        assert gateway.running.wait(30) == 1
        assert "policies.yaml:2" in gateway.log()
        assert gateway.processes() == []
    finally:
        gateway.kill()


def test_a_port_that_another_has_is_named(tmp_path: Path, coordinator: Coordinator) -> None:
    changes = {"workers": 2, "door": {"port": coordinator.port}}
    gateway = make_gateway(tmp_path, [trino_backend(coordinator.url)], changes, own_start=True)
    try:
        gateway.start(ready=False)
        assert gateway.running.wait(30) == 1
        assert str(coordinator.port) in gateway.log()
        assert "Traceback" not in gateway.log()
    finally:
        gateway.kill()
