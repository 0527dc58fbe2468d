"""Leaving: running statements finish, new ones are turned away, nothing is left behind."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.operations.coordinator import Coordinator
from tests.operations.gateway_process import eventually, make_gateway, running, trino_backend

HOLD = "SELECT id AS hold FROM tri.trading.trades"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_running_query_finishes_while_new_ones_are_turned_away(
    tmp_path: Path, coordinator: Coordinator, number: signal.Signals
) -> None:
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)) as gateway:
        page = gateway.client.next(gateway.client.begin(HOLD))
        gateway.send(number)
        eventually(lambda: gateway.status("readyz") == 503, seconds=20)
        assert gateway.status("livez") == 200

        refused = gateway.client.post("SELECT 1")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0

        coordinator.released.set()
        last = gateway.client.finish(page)
        assert last["stats"]["state"] == "FINISHED"
        assert last["rows"] == [[1, "CAISO"]]
        assert gateway.running.wait(30) == 0
        assert gateway.processes() == []
        assert [row["outcome"] for row in gateway.usage()] == ["FINISHED"]


def test_a_query_that_does_not_end_is_cut_off_after_the_drain_time(tmp_path: Path, coordinator: Coordinator) -> None:
    with running(
        make_gateway(tmp_path, [trino_backend(coordinator.url)], {"drain_seconds": 1}, own_start=True)
    ) as gateway:
        gateway.client.begin(HOLD)
        start = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - start < 20
        assert gateway.processes() == []
        assert [row["outcome"] for row in gateway.usage()] == ["CUT_OFF"]


def test_an_error_page_is_still_given_out(tmp_path: Path, coordinator: Coordinator) -> None:
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)) as gateway:
        refused = gateway.client.begin("SELECT * FROM tri.trading.nothing")
        gateway.send(signal.SIGTERM)
        assert gateway.client.finish(refused)["error"]["errorName"] == "TABLE_NOT_FOUND"
        assert gateway.running.wait(30) == 0


def test_a_second_signal_ends_the_wait(tmp_path: Path, coordinator: Coordinator) -> None:
    with running(
        make_gateway(tmp_path, [trino_backend(coordinator.url)], {"drain_seconds": 60}, own_start=True)
    ) as gateway:
        gateway.client.begin(HOLD)
        gateway.send(signal.SIGINT)
        eventually(lambda: gateway.status("readyz") == 503, seconds=20)
        gateway.send(signal.SIGINT)
        assert gateway.running.wait(30) == 0
        assert [row["outcome"] for row in gateway.usage()] == ["CUT_OFF"]
