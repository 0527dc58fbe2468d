"""A query that ends before its engine is done with it is ended on the engine too, also when the engine hangs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend

HOLD = "SELECT id AS hold FROM tri.trading.trades"
ABANDON_SECONDS = 5


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module")
def gateway(engine: Coordinator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    changes = {"limits": {"abandon_seconds": ABANDON_SECONDS}}
    with running(make_gateway(tmp_path_factory.mktemp("cancelling"), [trino_backend(engine.url)], changes)) as found:
        yield found


@pytest.fixture
def coordinator(engine: Coordinator) -> Iterator[Coordinator]:
    """Use the module's coordinator, whole again afterwards."""
    engine.canceled.clear()
    yield engine
    engine.mode = "good"


def ends(gateway: Gateway, sql: str) -> list[tuple[str, str]]:
    """Wait for the usage rows of a statement; return how it ended, once for each."""
    found = eventually(lambda: [row for row in gateway.usage() if row["sql_text"] == sql], seconds=30)
    return [(row["outcome"], row["error_code"]) for row in found]


def test_a_query_that_its_client_cancels_is_cancelled_on_the_engine(gateway: Gateway, coordinator: Coordinator) -> None:
    sql = f"{HOLD} WHERE id <> 1"
    page = gateway.client.next(gateway.client.begin(sql))
    assert gateway.client.delete(page["nextUri"]).status_code == 204
    eventually(lambda: len(coordinator.canceled) == 1)
    assert ends(gateway, sql) == [("CANCELED", "USER_CANCELED")]


def test_a_query_that_nobody_asks_for_any_more_is_cancelled_on_the_engine(
    gateway: Gateway, coordinator: Coordinator
) -> None:
    sql = f"{HOLD} WHERE id <> 2"
    gateway.client.next(gateway.client.begin(sql))
    begun = time.monotonic()
    eventually(lambda: coordinator.canceled, seconds=ABANDON_SECONDS + 20)
    assert time.monotonic() - begun > ABANDON_SECONDS - 1
    assert ends(gateway, sql) == [("ABANDONED", "ABANDONED_QUERY")]
    time.sleep(1)
    assert len(coordinator.canceled) == 1


def test_a_cancel_waits_for_no_engine_and_reaches_one_that_hung(gateway: Gateway, coordinator: Coordinator) -> None:
    sql = f"{HOLD} WHERE id <> 3"
    page = gateway.client.next(gateway.client.begin(sql))
    coordinator.mode = "hang"
    begun = time.monotonic()
    assert gateway.client.delete(page["nextUri"]).status_code == 204
    assert time.monotonic() - begun < 2, "the engine would have answered after 3 s"
    assert ends(gateway, sql) == [("CANCELED", "USER_CANCELED")]
    assert coordinator.canceled == []
    coordinator.mode = "good"
    eventually(lambda: len(coordinator.canceled) == 1, seconds=30)
