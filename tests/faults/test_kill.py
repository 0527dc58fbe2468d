"""kill -9: each statement still leaves exactly one usage row, and nobody else's process is left behind."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.operations.client import Client
from tests.operations.coordinator import Coordinator
from tests.operations.gateway_process import eventually, make_gateway, running, trino_backend

HOLD = "SELECT id AS hold FROM tri.trading.trades"
TRADES = "SELECT id, desk FROM tri.trading.trades"


def test_a_query_cut_off_by_kill_is_found_and_closed_at_the_next_start(
    tmp_path: Path, coordinator: Coordinator
) -> None:
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)) as gateway:
        assert gateway.client.rows(TRADES) == [[1, "CAISO"]]
        gateway.client.error("SELECT * FROM tri.trading.nothing")
        gateway.client.next(gateway.client.begin(HOLD))
        gateway.kill()

        gateway.start()
        rows = gateway.await_usage(3)
        found = {row["sql_text"]: row for row in rows}
        assert [row["outcome"] for row in rows] == ["FINISHED", "REFUSED", "CUT_OFF"]
        cut = found[HOLD]
        assert (cut["user_name"], cut["engine"], cut["decision"]) == ("ana", "trino", "allow")
        assert "tri.trading.trades" in cut["tables"]
        assert cut["engine_query_id"].endswith("_hold")
        assert cut["finished_at"] >= cut["received_at"]

        gateway.stop()
        gateway.start()
        gateway.client.rows("SELECT 1")
        gateway.await_usage(4)  # once that row is there, all else that this start writes is too


def test_fifty_statements_at_once_leave_fifty_rows(tmp_path: Path, coordinator: Coordinator) -> None:
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)) as gateway:
        taken: list[str] = []
        finished: list[str] = []

        def run(number: int) -> None:
            sql = f"{HOLD if number % 2 else TRADES} WHERE id < {number + 2}"
            try:
                page = gateway.client.begin(sql)
                taken.append(sql)
                gateway.client.finish(page)
                finished.append(sql)
            except (requests.RequestException, ValueError):
                return

        with ThreadPoolExecutor(50) as pool:
            for number in range(50):
                pool.submit(run, number)
            eventually(lambda: len(taken) >= 40 and finished, seconds=90)
            gateway.kill()
            coordinator.released.set()
        gateway.start()
        eventually(lambda: {row["sql_text"] for row in gateway.usage()} >= set(taken), seconds=20)
        counts = Counter(row["sql_text"] for row in gateway.usage())
        assert set(counts.values()) == {1}
        outcomes = {row["sql_text"]: row["outcome"] for row in gateway.usage()}
        assert {outcomes[sql] for sql in taken if "hold" in sql} == {"CUT_OFF"}
        assert "FINISHED" in outcomes.values()


def test_a_killed_gateway_leaves_no_process_behind(tmp_path: Path, coordinator: Coordinator) -> None:
    """Kill only the process that was started: its parse workers must notice by themselves."""
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)) as gateway:
        large = f"SELECT id FROM tri.trading.trades WHERE id IN ({', '.join(map(str, range(5000)))})"
        gateway.client.rows(large)
        assert len(gateway.processes()) > 1
        os.kill(gateway.running.pid, signal.SIGKILL)
        gateway.running.wait()
        eventually(lambda: not gateway.processes(), seconds=10)


def test_killed_supervisor_takes_its_workers_along(tmp_path: Path, coordinator: Coordinator) -> None:
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], {"workers": 2}, own_start=True)) as gateway:
        assert Client(gateway.url).rows(TRADES) == [[1, "CAISO"]]
        os.kill(gateway.running.pid, signal.SIGKILL)
        gateway.running.wait()
        eventually(lambda: not gateway.processes(), seconds=15)
        assert [row["outcome"] for row in gateway.usage()] == ["FINISHED"]
