"""Two gateways with the same keys and store: what one began, the other serves."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.operations.lake import make_lake

OWN = "SELECT id FROM lake.trading.trades ORDER BY id"
HOLD = "SELECT id AS hold FROM tri.trading.trades"
Pair = tuple[Gateway, Gateway]


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module")
def pair(engine: Coordinator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("replicas")
    lake, store = make_lake(folder / "lake"), {"url": f"sqlite:///{folder / 'a' / 'usage.db'}"}
    a, b = (make_gateway(folder / name, [lake, trino_backend(engine.url)], {"store": store}) for name in ("a", "b"))
    with running(a), running(b):
        yield a, b


def outcomes(gateway: Gateway, sql: str) -> list[str]:
    return [row["outcome"] for row in gateway.usage() if row["sql_text"] == sql]


def test_pages_of_one_are_served_by_the_other(pair: Pair, engine: Coordinator) -> None:
    a, b = pair
    own, relayed = a.client.begin(OWN), a.client.next(a.client.begin(HOLD))
    engine.released.set()
    for page, rows in ((own, [[n] for n in range(5)]), (relayed, [[1, "CAISO"]])):
        page["nextUri"] = page["nextUri"].replace(a.url, b.url)
        assert b.client.finish(page)["rows"] == rows
    eventually(lambda: outcomes(a, OWN) == outcomes(a, HOLD) == ["FINISHED"], seconds=20)


def test_ddl_through_one_is_seen_at_once_by_the_other(pair: Pair) -> None:
    a, b = pair
    b.root.error("SELECT * FROM lake.trading.made")
    a.root.rows("CREATE TABLE lake.trading.made AS SELECT 1 AS one")
    assert b.root.rows("SELECT one FROM lake.trading.made") == [[1]]
    b.root.rows("DROP TABLE lake.trading.made")
    assert a.root.error("SELECT one FROM lake.trading.made")["errorName"] == "TABLE_NOT_FOUND"


def test_a_relayed_query_outlives_the_gateway_that_began_it(pair: Pair, engine: Coordinator) -> None:
    """The last test here: it kills one of the two."""
    a, b = pair
    engine.released.clear()
    page = a.client.next(a.client.begin(HOLD))
    a.send(signal.SIGKILL)
    engine.released.set()
    page["nextUri"] = page["nextUri"].replace(a.url, b.url)
    assert b.client.finish(page)["rows"] == [[1, "CAISO"]]
