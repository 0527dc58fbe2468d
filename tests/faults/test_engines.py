"""Engines that refuse, hang, talk nonsense or die: clear Trino errors, and nothing of the engine's address."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.operations.coordinator import Coordinator, Mode, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend

HOLD = "SELECT id AS hold FROM tri.trading.trades"
TRADES = "SELECT id, desk FROM tri.trading.trades"
FAULTS: list[Mode] = ["hang", "nonsense", "half a page", "unavailable", "broken"]
PATIENT = {"hang", "half a page", "unavailable"}
"""Faults after which a poll waits for the engine to come back, for half a minute in all."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module")
def gateway(engine: Coordinator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    changes = {"catalogs": {"refresh_seconds": 1, "describe_seconds": 3}}
    with running(make_gateway(tmp_path_factory.mktemp("engines"), [trino_backend(engine.url)], changes)) as found:
        assert found.client.rows(TRADES) == [[1, "CAISO"]]
        yield found


@pytest.fixture
def coordinator(engine: Coordinator) -> Iterator[Coordinator]:
    """Use the module's coordinator, whole again afterwards."""
    yield engine
    engine.mode = engine.catalog_mode = "good"
    engine.released.clear()


def check(error: dict[str, Any], engine: Coordinator) -> None:
    """An error page that a client shows as it is."""
    assert error["errorName"] in {"NO_NODES_AVAILABLE", "REMOTE_HOST_GONE", "GENERIC_EXTERNAL", "CLUSTER_OUT_OF_MEMORY"}
    assert error["errorType"] == "EXTERNAL" or error["errorCode"] > 0
    for secret in (str(engine.port), "127.0.0.1", "169.254", "java.lang", "Traceback", "nextUri"):
        assert secret not in str(error)


@pytest.mark.parametrize("mode", FAULTS)
def test_a_fault_at_submission_is_a_clear_error(gateway: Gateway, coordinator: Coordinator, mode: Mode) -> None:
    coordinator.mode = mode
    check(gateway.client.error(TRADES), coordinator)


@pytest.mark.parametrize(
    "mode", [pytest.param(mode, marks=pytest.mark.long if mode in PATIENT else ()) for mode in FAULTS]
)
def test_a_fault_in_the_middle_is_a_clear_error(gateway: Gateway, coordinator: Coordinator, mode: Mode) -> None:
    page = gateway.client.next(gateway.client.begin(HOLD))
    coordinator.mode = mode
    check(gateway.client.finish(page)["error"], coordinator)


def test_a_short_storm_costs_no_query(gateway: Gateway, coordinator: Coordinator) -> None:
    page = gateway.client.next(gateway.client.begin(HOLD))
    coordinator.mode = "unavailable"
    with ThreadPoolExecutor(1) as pool:
        finishing = pool.submit(gateway.client.finish, page)
        time.sleep(2)
        coordinator.mode = "good"
        coordinator.released.set()
        assert finishing.result(30)["rows"] == [[1, "CAISO"]]


@pytest.mark.parametrize("mode", FAULTS)
def test_the_last_good_catalog_stays_when_it_cannot_be_read(
    gateway: Gateway, coordinator: Coordinator, mode: Mode
) -> None:
    failures = gateway.metric("penstock_catalog_refresh_errors_total")
    coordinator.catalog_mode = mode
    eventually(lambda: gateway.metric("penstock_catalog_refresh_errors_total") > failures, seconds=20)
    assert gateway.client.rows(TRADES) == [[1, "CAISO"]]
    assert gateway.client.rows("SHOW TABLES FROM tri.trading") == [["trades"]]
    start = time.monotonic()
    error = gateway.client.error("SELECT * FROM tri.trading.unknown")
    assert error["errorName"] != "TABLE_NOT_FOUND", "nobody could say that it is not there"
    assert time.monotonic() - start < 20
    assert str(coordinator.port) not in str(error)


def test_a_table_created_elsewhere_is_found_at_first_use(gateway: Gateway, coordinator: Coordinator) -> None:
    coordinator.tables["trading", "fresh"] = {"id": "bigint"}
    assert gateway.client.rows("SELECT id FROM tri.trading.fresh") == [[1, "CAISO"]]


def test_an_engine_that_returns_is_used_at_once(tmp_path: Path) -> None:
    stopped = Coordinator()
    with serving(stopped):
        pass
    down = make_gateway(tmp_path, [trino_backend(stopped.url)])
    try:
        down.start(ready=False)
        down.wait_serving()
        check(down.client.error(TRADES), stopped)
        assert (down.status("readyz"), down.status("livez")) == (503, 200)
        with serving(stopped, stopped.port):
            assert down.client.rows(TRADES) == [[1, "CAISO"]]
            eventually(lambda: down.status("readyz") == 200, seconds=15)
        check(down.client.error(TRADES), stopped)
        eventually(lambda: down.status("readyz") == 503, seconds=15)
    finally:
        down.kill()
