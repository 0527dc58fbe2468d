"""Three gateways over one Postgres: one begins a statement on Trino and dies, and the others hold it to its limits."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.demo.postgres import PostgresServer
from tests.operations.client import Client
from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend

pytestmark = [pytest.mark.long, pytest.mark.postgres, pytest.mark.timeout(600)]
POLICIES = """\
version: 1
roles: {analyst: }
users: {capped: {roles: [analyst]}, budgeted: {roles: [analyst]}, timed: {roles: [analyst]}, free: {roles: [analyst]}}
grants: [{id: trading, roles: [analyst], assets: "tri.trading.*", allow: [read]}]
caps:
  - {id: small, users: [capped], bytes: 1000}
  - {id: short, users: [timed], seconds: 6}
budgets: [{id: day, users: [budgeted], each: user, period: day, bytes: 1000}]
"""
HOLD = "SELECT id AS hold FROM tri.trading.trades"
Three = tuple[Gateway, Gateway, Gateway]


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module")
def three(
    engine: Coordinator, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Three]:
    postgres_server.create_database("watching")
    folder, store = tmp_path_factory.mktemp("watching"), {"url": postgres_server.url("watching")}
    made = [make_gateway(folder / name, [trino_backend(engine.url)], {"store": store}) for name in "abc"]
    for each in made:
        each.policies.write_text(POLICIES)
    a, b, c = made
    with running(a), running(b), running(c):
        yield a, b, c


def read_so_far(engine: Coordinator, size: int) -> None:
    """Have the engine say on each page how much it has read for a statement."""

    def told(page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "stats": {**page["stats"], "physicalInputBytes": size}}

    engine.alter = told  # type: ignore[assignment]  # a page is a dictionary of anything


def begun(gateway: Gateway, user: str) -> dict[str, Any]:
    """Begin a statement that runs until it is let."""
    client = Client(gateway.url, user)
    page = client.begin(HOLD)
    while page["stats"]["state"] == "QUEUED":
        page = client.next(page)
    return page


def elsewhere(page: dict[str, Any], at: Gateway, to: Gateway, user: str) -> dict[str, Any]:
    """Ask another gateway for the page that follows."""
    page["nextUri"] = page["nextUri"].replace(at.url, to.url)
    return Client(to.url, user).next(page)


def test_whoever_goes_on_with_a_statement_stops_it_where_its_own_gateway_would_have(
    three: Three, engine: Coordinator
) -> None:
    a, b, c = three
    read_so_far(engine, 900)
    pages = {user: begun(a, user) for user in ("capped", "budgeted", "timed", "free")}
    at = time.monotonic()
    a.send(signal.SIGKILL)
    a.running.wait(10)
    for user, page in pages.items():
        pages[user] = elsewhere(page, a, b, user)
        assert "error" not in pages[user], user
    read_so_far(engine, 1001)
    for user, says in (("capped", "cap small allows 1 kB"), ("budgeted", "budget day (budgeted) had 1 kB for it")):
        stopped = elsewhere(pages[user], b, c, user)
        assert stopped["error"]["errorName"] == "EXCEEDED_SCAN_LIMIT"
        assert says in stopped["error"]["message"]
        assert "nextUri" not in stopped
    free = elsewhere(pages["free"], b, c, "free")
    assert "error" not in free
    eventually(lambda: time.monotonic() - at > 7, seconds=10)
    late = elsewhere(pages["timed"], b, c, "timed")
    assert late["error"]["errorName"] == "EXCEEDED_TIME_LIMIT"
    eventually(lambda: len(engine.canceled) == 3)
    assert c.metric("penstock_budget_refusals_total", limit="small", when="midway") == 1
    engine.released.set()
    assert Client(c.url, "free").finish(free)["rows"] == [[1, "CAISO"]]
