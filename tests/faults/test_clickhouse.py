"""ClickHouse over HTTP that is gone, hangs, talks nonsense or dies in the middle of a page; through the whole gateway."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import pytest

from tests.faults.relay import Mode, Relay, relaying
from tests.operations.client import Client
from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.real.clickhouse import http_front

SMALL = "SELECT id, desk FROM clickhouse.marts.small ORDER BY id"
LARGE = "SELECT id, filler FROM clickhouse.marts.large"
OTHER = "SELECT id, desk FROM tri.trading.trades"
ROWS = 200_000
QUERY_SECONDS = 8
"""Of the server's own clock, which on a busy machine runs while the server waits for the processor."""


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with http_front(tmp_path_factory.mktemp("clickhouse")) as port:
        client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
        for sql in (
            "CREATE DATABASE marts",
            "CREATE TABLE marts.small (id Int64, desk String) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO marts.small VALUES (1, 'CAISO'), (2, 'MISO')",
            "CREATE TABLE marts.large (id Int64, filler String) ENGINE = MergeTree ORDER BY id",
            f"INSERT INTO marts.large SELECT number, repeat('x', 100) FROM numbers({ROWS})",
        ):
            client.command(sql)
        client.close()
        with relaying(port) as found:
            yield found


@pytest.fixture(scope="module")
def gateway(relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    clickhouse = {
        "kind": "clickhouse",
        "name": "clickhouse",
        "url": f"http://127.0.0.1:{relay.port}",
        "query_seconds": QUERY_SECONDS,
    }
    with serving(Coordinator()) as other:
        made = make_gateway(tmp_path_factory.mktemp("gateway"), [clickhouse, trino_backend(other.url)])
        with running(made) as found:
            yield found


@pytest.fixture
def broken(relay: Relay, gateway: Gateway) -> Iterator[Relay]:
    """Use the module's relay, whole again afterwards."""
    assert gateway.root.rows(SMALL) == [[1, "CAISO"], [2, "MISO"]]
    yield relay
    relay.vanish()
    relay.mode = "good"
    eventually(lambda: gateway.root.run(SMALL)["rows"] == [[1, "CAISO"], [2, "MISO"]], seconds=20)


def check(gateway: Gateway, relay: Relay, last: dict[str, Any], *names: str) -> None:
    """One clear error that tells nothing of the server, in the page and in the usage row."""
    error = last["error"]
    assert error["errorName"] in names
    for secret in (str(relay.port), "127.0.0.1", "html", "Traceback", "clickhouse_connect"):
        assert secret not in str(error)
    rows = eventually(lambda: [row for row in gateway.usage() if row["query_id"] == last["id"]], seconds=20)
    assert [(row["outcome"], row["error_code"], row["engine"]) for row in rows] == [
        ("FAILED", error["errorName"], "clickhouse")
    ]


@pytest.mark.parametrize("mode", ["nonsense", "gone", "hang"])
def test_a_server_that_does_not_answer_a_statement_is_a_clear_error(
    gateway: Gateway, broken: Relay, mode: Mode
) -> None:
    if mode == "gone":
        broken.vanish()
    broken.mode = mode
    start = time.monotonic()
    last = gateway.root.run(SMALL)
    assert time.monotonic() - start < QUERY_SECONDS + 20
    check(gateway, broken, last, "NO_NODES_AVAILABLE", "GENERIC_EXTERNAL", "REMOTE_HOST_GONE")
    assert gateway.client.rows(OTHER) == [[1, "CAISO"]], "the other engine has nothing to do with it"
    assert gateway.status("readyz") == 200


def test_a_server_that_dies_in_the_middle_of_a_result_is_an_error_after_the_rows_it_gave(
    gateway: Gateway, broken: Relay
) -> None:
    assert len(gateway.root.rows(LARGE)) == ROWS
    broken.mode = "cut"
    last = gateway.root.run(LARGE)
    assert 0 < len(last["rows"]) < ROWS
    check(gateway, broken, last, "REMOTE_HOST_GONE")


def test_a_statement_that_hangs_can_be_cancelled(gateway: Gateway, broken: Relay) -> None:
    broken.mode = "hang"
    client = Client(gateway.url, "root")
    page = client.begin(SMALL)
    start = time.monotonic()
    assert client.delete(page["nextUri"]).status_code == 204
    assert time.monotonic() - start < 2
    rows = eventually(lambda: [row for row in gateway.usage() if row["query_id"] == page["id"]], seconds=20)
    assert [(row["outcome"], row["error_code"]) for row in rows] == [("CANCELED", "USER_CANCELED")]


def test_readiness_and_metrics_tell_which_engine_is_away_and_that_it_is_back(gateway: Gateway, broken: Relay) -> None:
    def up() -> bool:
        return gateway.metric("penstock_engine_up", engine="clickhouse") == 1

    eventually(up, seconds=30)
    broken.vanish()
    eventually(lambda: not up(), seconds=30)
    assert gateway.metric("penstock_engine_up", engine="trino") == 1
    assert gateway.status("readyz") == 200
    broken.mode = "good"
    eventually(up, seconds=30)
