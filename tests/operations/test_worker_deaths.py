"""One of several workers is asked to leave, or is killed: what it began goes on, and what it counted still counts."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.operations.client import Answer, Client
from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.operations.lake import make_lake

ROWS = [[n] for n in range(5)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module")
def gateway(engine: Coordinator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("worker-deaths")
    changes = {"workers": 2, "drain_seconds": 60}
    with running(
        make_gateway(folder, [make_lake(folder / "lake"), trino_backend(engine.url)], changes, own_start=True)
    ) as found:
        wait_for_both(found)
        yield found


@pytest.fixture(autouse=True)
def _held(engine: Coordinator) -> None:
    engine.released.clear()


def workers(gateway: Gateway) -> list[int]:
    """Return the workers' process ids: the supervisor's children."""
    path = Path(f"/proc/{gateway.running.pid}/task/{gateway.running.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def nodes(gateway: Gateway) -> set[str]:
    """Return the workers that answer, by asking over many connections."""
    return {requests.get(f"{gateway.url}/v1/info", timeout=30).json()["nodeId"] for _ in range(12)}


def wait_for_both(gateway: Gateway, *, without: int = 0) -> None:
    eventually(lambda: len(workers(gateway)) == 2 and without not in workers(gateway), seconds=90)
    eventually(lambda: len(nodes(gateway)) == 2, seconds=90)


def own(name: str, count: int) -> list[str]:
    return [f"SELECT id FROM lake.trading.trades WHERE id > -1 ORDER BY id -- {name} {n}" for n in range(count)]


def held(name: str, count: int) -> list[str]:
    return [f"SELECT id AS hold FROM tri.trading.trades -- {name} {n}" for n in range(count)]


def begin(client: Client, sql: str) -> Answer:
    """Post a statement as drivers do: 503, or a connection that a leaving worker reset, is tried again."""
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = client.post(sql)
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            continue
        if answer.status_code == 200:
            found: Answer = answer.json()
            return found
        assert answer.status_code == 503, (answer.status_code, answer.text)
        assert int(answer.headers["Retry-After"]) > 0
        assert time.monotonic() < deadline
        time.sleep(0.2)


def recorded(gateway: Gateway, texts: list[str]) -> list[Any]:
    """Return the outcomes of statements once each has a row; there must not be a second one."""
    eventually(lambda: {row["sql_text"] for row in gateway.usage()} >= set(texts), seconds=90)
    found = [row for row in gateway.usage() if row["sql_text"] in set(texts)]
    assert sorted(row["sql_text"] for row in found) == sorted(texts)
    return [row["outcome"] for row in found]


@pytest.mark.parametrize("way", ["page", "id", "kill_query"])
def test_a_cancel_reaches_its_query_from_any_worker(gateway: Gateway, engine: Coordinator, way: str) -> None:
    texts = held(f"cancelled by {way}", 8)
    pages = [gateway.client.next(gateway.client.begin(sql)) for sql in texts]
    for page in pages:
        if way == "page":
            assert gateway.client.delete(page["nextUri"]).status_code == 204
        elif way == "id":
            assert gateway.client.delete(f"{gateway.url}/v1/query/{page['id']}").status_code == 204
        else:
            gateway.client.rows(f"CALL system.runtime.kill_query(query_id => '{page['id']}', message => 'over')")
    eventually(lambda: {page["id"] for page in pages} <= set(engine.canceled), seconds=30)
    assert recorded(gateway, texts) == ["CANCELED"] * 8


def test_counters_go_on_and_gauges_fall_when_a_worker_died(gateway: Gateway, engine: Coordinator) -> None:
    name = "penstock_statements_total"
    for sql in own("counted", 12):
        gateway.client.rows(sql)
    pages = [gateway.client.next(gateway.client.begin(sql)) for sql in held("running", 8)]
    eventually(lambda: gateway.metric("penstock_statements_running") == 8, seconds=30)
    before = gateway.metric(name)
    victim = workers(gateway)[0]
    os.kill(victim, signal.SIGKILL)
    wait_for_both(gateway, without=victim)
    assert gateway.metric(name) >= before, "a counter fell: rates would be nonsense"
    assert gateway.metric("penstock_statements_running") < 8, "the dead worker's statements still run"
    engine.released.set()
    client = Client(gateway.url, patient=True)
    assert [client.finish(page)["rows"] for page in pages] == [[[1, "CAISO"]]] * 8
    settled = gateway.metric(name)
    for sql in own("counted again", 5):
        client.rows(sql)
    eventually(lambda: gateway.metric(name) >= settled + 5, seconds=30)


def test_a_worker_that_is_asked_to_leave_loses_nothing_and_is_replaced(gateway: Gateway, engine: Coordinator) -> None:
    client = Client(gateway.url, patient=True)
    texts, relayed = own("of a leaver", 8), held("of a leaver", 8)
    pages = [client.begin(sql) for sql in texts]
    running_ones = [client.next(client.begin(sql)) for sql in relayed]
    leaver = workers(gateway)[0]
    os.kill(leaver, signal.SIGTERM)
    assert [client.finish(page)["rows"] for page in pages] == [ROWS] * 8
    engine.released.set()
    assert [client.finish(page)["rows"] for page in running_ones] == [[[1, "CAISO"]]] * 8
    wait_for_both(gateway, without=leaver)
    assert set(recorded(gateway, [*texts, *relayed])) == {"FINISHED"}


def test_all_workers_are_renewed_one_after_the_other_under_load_and_no_statement_fails(gateway: Gateway) -> None:
    client = Client(gateway.url, patient=True)
    done = threading.Event()

    def ask(asker: int) -> list[str]:
        texts = []
        while not done.is_set():
            texts += own(f"rolling {asker} {len(texts)}", 1)
            assert client.finish(begin(client, texts[-1]))["rows"] == ROWS
        return texts

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask, asker) for asker in range(2)]
        try:
            for leaver in workers(gateway):
                os.kill(leaver, signal.SIGTERM)
                wait_for_both(gateway, without=leaver)
        finally:
            done.set()
        texts = [sql for asker in asking for sql in asker.result(120)]
    assert len(texts) > 4
    assert set(recorded(gateway, texts)) == {"FINISHED"}
