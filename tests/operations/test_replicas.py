"""Two gateways with the same keys and store: what one began, the other serves."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.coordinator import Coordinator
from tests.operations.gateway_process import Gateway, make_gateway, running, trino_backend
from tests.operations.lake import make_lake


@pytest.fixture
def pair(tmp_path: Path, coordinator: Coordinator) -> Iterator[tuple[Gateway, Gateway]]:
    lake, store = make_lake(tmp_path / "lake"), {"url": f"sqlite:///{tmp_path / 'a' / 'usage.db'}"}
    made = [
        make_gateway(tmp_path / name, [lake, trino_backend(coordinator.url)], {"store": store}) for name in ("a", "b")
    ]
    with running(made[0]), running(made[1]):
        time.sleep(2.5)  # each has read the other's address
        yield made[0], made[1]


def test_pages_of_one_are_served_by_the_other(pair: tuple[Gateway, Gateway], coordinator: Coordinator) -> None:
    a, b = pair
    for sql, expected in (
        ("SELECT id FROM lake.trading.trades ORDER BY id", [[n] for n in range(5)]),
        ("SELECT id AS hold FROM tri.trading.trades", [[1, "CAISO"]]),
    ):
        page = a.client.begin(sql)
        if "hold" in sql:
            page = a.client.next(page)
            coordinator.released.set()
        page["nextUri"] = page["nextUri"].replace(a.url, b.url)
        last = b.client.finish(page)
        assert last["rows"] == expected
    a.stop()
    b.stop()
    assert [row["outcome"] for row in a.usage()] == ["FINISHED", "FINISHED"]


def test_a_relayed_query_outlives_the_gateway_that_began_it(
    pair: tuple[Gateway, Gateway], coordinator: Coordinator
) -> None:
    a, b = pair
    page = a.client.next(a.client.begin("SELECT id AS hold FROM tri.trading.trades"))
    a.send(signal.SIGKILL)
    coordinator.released.set()
    page["nextUri"] = page["nextUri"].replace(a.url, b.url)
    assert b.client.finish(page)["rows"] == [[1, "CAISO"]]


def test_ddl_through_one_is_seen_at_once_by_the_other(pair: tuple[Gateway, Gateway]) -> None:
    a, b = pair
    b.root.error("SELECT * FROM lake.trading.made")
    a.root.rows("CREATE TABLE lake.trading.made AS SELECT 1 AS one")
    assert b.root.rows("SELECT one FROM lake.trading.made") == [[1]]
    b.root.rows("DROP TABLE lake.trading.made")
    assert a.root.error("SELECT one FROM lake.trading.made")["errorName"] == "TABLE_NOT_FOUND"
