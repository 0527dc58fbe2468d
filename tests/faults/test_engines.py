"""Engines that refuse, hang, talk nonsense or die: clear Trino errors, and nothing of the engine's address."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.operations.coordinator import Coordinator, Mode, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend

HOLD = "SELECT id AS hold FROM tri.trading.trades"
TRADES = "SELECT id, desk FROM tri.trading.trades"
FAULTS: list[Mode] = ["hang", "nonsense", "half a page", "unavailable", "broken"]


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


@pytest.mark.parametrize("mode", FAULTS)
@pytest.mark.timeout(60)
def test_a_fault_in_the_middle_is_a_clear_error(gateway: Gateway, coordinator: Coordinator, mode: Mode) -> None:
    page = gateway.client.next(gateway.client.begin(HOLD))
    coordinator.mode = mode
    check(gateway.client.finish(page)["error"], coordinator)


def test_a_short_storm_costs_no_query(gateway: Gateway, coordinator: Coordinator) -> None:
    page = gateway.client.next(gateway.client.begin(HOLD))
    coordinator.mode = "unavailable"
    polling = time.monotonic() + 1.0
    while time.monotonic() < polling:
        time.sleep(0.1)
    coordinator.mode = "good"
    coordinator.released.set()
    assert gateway.client.finish(page)["rows"] == [[1, "CAISO"]]


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
    assert time.monotonic() - start < 10
    assert str(coordinator.port) not in str(error)


def test_a_table_created_elsewhere_is_found_at_first_use(gateway: Gateway, coordinator: Coordinator) -> None:
    coordinator.tables["trading", "fresh"] = {"id": "bigint"}
    assert gateway.client.rows("SELECT id FROM tri.trading.fresh") == [[1, "CAISO"]]


def test_an_engine_that_returns_is_used_at_once(tmp_path: Path) -> None:
    stopped = Coordinator()
    with serving(stopped):
        pass
    with running(make_gateway(tmp_path, [trino_backend(stopped.url)])) as gateway_:
        raise_after = gateway_.client
        error = raise_after.error(TRADES)
        check(error, stopped)
        with serving(stopped, stopped.port):
            eventually(lambda: "error" not in raise_after.run(TRADES), seconds=10)
            raise_after.rows(TRADES)
        check(raise_after.error(TRADES), stopped)


def test_readiness_falls_with_the_last_engine_and_returns(tmp_path: Path) -> None:
    stopped = Coordinator()
    gateway_ = make_gateway(tmp_path, [trino_backend("http://127.0.0.1:9")])
    with serving(stopped):
        gateway_.config["engines"][0]["url"] = stopped.url
        gateway_.start()
    try:
        eventually(lambda: gateway_.status("readyz") == 503, seconds=15)
        assert gateway_.status("livez") == 200
        with serving(stopped, stopped.port):
            eventually(lambda: gateway_.status("readyz") == 200, seconds=15)
    finally:
        gateway_.kill()
