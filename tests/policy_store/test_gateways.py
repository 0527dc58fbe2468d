"""Policies as statements on gateways of one Postgres: every worker and replica follows, whatever becomes of the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer
from tests.faults.test_store_away import Gate, gate_to
from tests.operations.gateway_process import POLICIES, Gateway, eventually, make_gateway, running
from tests.operations.lake import make_lake

pytestmark = pytest.mark.long
TABLE = "lake.trading.trades"
IDS = f"SELECT id FROM {TABLE} ORDER BY id"
ALL = [[n] for n in range(5)]
OTHERS = f"CREATE ROW POLICY others ON {TABLE} USING NONE TO admin"
Served = tuple[Gateway, Gateway, Gate]


@pytest.fixture(scope="module")
def served(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a gateway of two workers and one of one, whose store is reached through a gate."""
    postgres_server.create_database("policies_served")
    folder = tmp_path_factory.mktemp("policies")
    lake = make_lake(folder / "lake")
    with gate_to(postgres_server) as gate:
        gate.open()
        url = f"postgresql://{postgres_server.user}:{postgres_server.password}@127.0.0.1:{gate.port}/policies_served"
        a, b = (_made(folder / name, lake, url, workers) for name, workers in (("a", 2), ("b", 1)))
        with running(a), running(b):
            yield a, b, gate


def _made(folder: Path, lake: dict[str, object], url: str, workers: int) -> Gateway:
    made = make_gateway(folder, [lake], {"store": {"url": url}, "workers": workers})
    made.policies.write_text(POLICIES.replace("allow: [all]", "allow: [all, manage_policies]"))
    return made


@pytest.fixture
def gateways(served: Served) -> Iterator[Served]:
    """Use the gateways; afterwards no policy is left."""
    yield served
    a, _, gate = served
    gate.shut()
    gate.open()

    def dropped() -> bool:
        left = a.root.run("SHOW ROW POLICIES")["rows"]
        ends = [a.root.run(f'DROP ROW POLICY "{name}" ON {TABLE}') for name, *_ in left]
        return all("error" not in end for end in ends)

    eventually(dropped, seconds=30)


def test_a_change_acts_at_once_on_every_worker_and_replica(gateways: Served) -> None:
    a, b, _ = gateways
    for number in range(4):
        a.root.rows(f"CREATE OR REPLACE ROW POLICY p ON {TABLE} USING id = {number} TO analyst")
        for _ in range(8):  # each on a connection of its own, so that either worker may answer
            assert a.client.rows(IDS) == [[number]]
        eventually(lambda n=number: b.client.rows(IDS) == [[n]], seconds=5)  # type: ignore[misc]  # a lambda bound to this turn
    b.root.rows(f"DROP ROW POLICY p ON {TABLE}")
    assert b.client.rows(IDS) == ALL
    eventually(lambda: all(a.client.rows(IDS) == ALL for _ in range(8)), seconds=5)


def test_of_many_who_make_one_policy_at_once_one_succeeds_and_of_different_ones_all(gateways: Served) -> None:
    a, b, _ = gateways
    ends: list[str] = []

    def make(gateway: Gateway, name: str, number: int) -> None:
        last = gateway.root.run(f"CREATE ROW POLICY {name} ON {TABLE} USING id <> {number} TO analyst")
        ends.append(last.get("error", {}).get("errorName", ""))

    def at_once(names: list[str]) -> list[str]:
        ends.clear()
        threads = [threading.Thread(target=make, args=((a, b)[n % 2], name, n)) for n, name in enumerate(names)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return sorted(ends)

    assert at_once(["same"] * 6) == ["", *["ALREADY_EXISTS"] * 5]
    assert at_once([f"own{n}" for n in range(4)]) == [""] * 4
    assert len(b.root.rows("SHOW ROW POLICIES")) == 5


def test_a_store_that_is_away_keeps_policies_in_force_and_takes_no_change(gateways: Served) -> None:
    a, b, gate = gateways
    a.root.rows(f"CREATE ROW POLICY p ON {TABLE} USING id = 1 TO analyst")
    a.root.rows(OTHERS)
    eventually(lambda: b.client.rows(IDS) == [[1]], seconds=5)
    gate.shut()
    refused = a.root.error(f"CREATE ROW POLICY q ON {TABLE} USING id = 2 TO analyst")
    assert refused["errorName"] == "GENERIC_EXTERNAL"
    for gateway in (a, b):
        assert gateway.client.rows(IDS) == [[1]]
        assert gateway.root.rows(IDS) == ALL
    b.stop()
    b.start()  # without the store: this host's copy says what was in force
    assert b.client.rows(IDS) == [[1]]
    gate.open()
    eventually(lambda: "error" not in a.root.run(f"DROP ROW POLICY p ON {TABLE}"), seconds=30)
    eventually(lambda: "error" in b.client.run(IDS), seconds=10)  # only `others` is left, which does not name analysts


def test_a_gateway_that_never_read_the_store_answers_nothing_until_it_has(gateways: Served, tmp_path: Path) -> None:
    a, _, gate = gateways
    a.root.rows(f"CREATE ROW POLICY p ON {TABLE} USING id = 3 TO analyst")
    gate.shut()
    fresh = _made(tmp_path / "fresh", a.config["engines"][0], a.config["store"]["url"], 1)
    try:
        fresh.start(ready=False)
        fresh.wait_serving()
        assert fresh.client.error(IDS)["errorName"] == "SERVER_STARTING_UP"
        assert fresh.status("readyz") == 503
        gate.open()
        fresh.wait_ready()
        assert fresh.client.rows(IDS) == [[3]]
    finally:
        fresh.kill()


def test_killing_all_processes_in_the_midst_of_changes_leaves_a_policy_that_was_made_whole(gateways: Served) -> None:
    a, b, _ = gateways
    stop = time.monotonic() + 3

    def write() -> None:
        number = 0
        while time.monotonic() < stop + 1:
            number += 1
            sql = f"CREATE OR REPLACE ROW POLICY p ON {TABLE} USING id = {number % 5} AND id < 5 TO analyst"
            try:
                a.root.run(sql)
            except Exception:  # it is killed in the midst
                return

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(2.5)
    a.kill()
    writer.join()
    a.start()
    (row,) = a.root.rows("SHOW ROW POLICIES")
    assert row[2].endswith("AND id < 5")
    (seen,) = a.client.rows(IDS)
    assert row[2].startswith(f"id = {seen[0]} ")
    eventually(lambda: b.client.rows(IDS) == [seen], seconds=5)
