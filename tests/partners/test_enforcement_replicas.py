"""Partners on gateways of one Postgres: every worker and replica refuses soon, whatever becomes of the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import trino.exceptions

from gateway.demo.postgres import PostgresServer
from tests.admin.api_client import ISSUER
from tests.faults.test_store_away import Gate, gate_to
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running
from tests.partners.sharing_world import PARTNERS, POLICIES, PRICES, Steward, connect, make_market, rows

pytestmark = pytest.mark.long
Shared = tuple[Gateway, Gateway, Gate]
STALE_SECONDS = 5


@pytest.fixture(scope="module")
def shared(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Run a gateway of two workers and one of one, whose store is reached through a gate."""
    postgres_server.create_database("partners_shared")
    folder = tmp_path_factory.mktemp("replicas")
    lake = make_market(folder / "lake")
    with gate_to(postgres_server) as gate:
        gate.open()
        url = f"postgresql://{postgres_server.user}:{postgres_server.password}@127.0.0.1:{gate.port}/partners_shared"
        a, b = (_made(folder / name, lake, url, workers) for name, workers in (("a", 2), ("b", 1)))
        with running(a), running(b):
            yield a, b, gate


def _made(folder: Path, lake: dict[str, Any], url: str, workers: int) -> Gateway:
    parts = {
        "identity": {"insecure": True, "jwt": [ISSUER]},
        "partners": {**PARTNERS, "stale_seconds": STALE_SECONDS},
        "store": {"url": url},
        "workers": workers,
    }
    made = make_gateway(folder, [lake], parts)
    made.policies.write_text(POLICIES)
    return made


@pytest.fixture(scope="module")
def steward(shared: Shared) -> Iterator[Steward]:
    with Steward(shared[0]) as found:
        yield found


def answers(gateway: Gateway, partner: str, token: str | None = None) -> str:
    """Return `rows` where a new connection is answered, else the name of the error."""
    try:
        return "rows" if rows(connect(gateway, partner, token), f"TABLE {PRICES}") else "none"
    except trino.exceptions.TrinoQueryError as error:
        return str(error.error_name)
    except trino.exceptions.HttpError as error:
        return str(error)


def everywhere(shared: Shared, partner: str, token: str | None = None) -> set[str]:
    """Return how each replica answers, and each of its workers most probably."""
    return {answers(gateway, partner, token) for gateway in shared[:2] for _ in range(6)}


def test_what_is_granted_and_revoked_acts_everywhere_within_five_seconds(shared: Shared, steward: Steward) -> None:
    steward.register("near")
    for _ in range(3):
        entitlement = steward.entitle("near")
        _revoke_a_token(shared, steward)
        assert everywhere(shared, "near") == {"rows"}
        steward.answer("DELETE", f"/entitlements/{entitlement}", 204)
        eventually(lambda: "rows" not in everywhere(shared, "near"), seconds=5)


def _revoke_a_token(shared: Shared, steward: Steward) -> None:
    made = steward.token("near")
    eventually(lambda: everywhere(shared, "near", made["token"]) == {"rows"}, seconds=5)
    steward.answer("DELETE", f"/tokens/{made['id']}", 204)
    eventually(lambda: all("revoked" in said for said in everywhere(shared, "near", made["token"])), seconds=5)


def test_a_statement_that_runs_on_another_replica_ends_too(shared: Shared, steward: Steward) -> None:
    steward.register("far")
    entitlement = steward.entitle("far")
    eventually(lambda: answers(shared[1], "far") == "rows", seconds=5)
    cursor, seen = connect(shared[1], "far").cursor(), []
    crossed = " CROSS JOIN ".join(f"{PRICES} t{number}" for number in range(12))

    def read() -> None:
        try:
            cursor.execute(f"SELECT t0.node_id FROM {crossed}")
            for _ in cursor.genall():
                pass
        except trino.exceptions.TrinoQueryError as error:
            seen.append(error.message)

    reading = threading.Thread(target=read)
    reading.start()
    eventually(lambda: bool(cursor.query_id), seconds=30)
    steward.answer("DELETE", f"/entitlements/{entitlement}", 204)
    begun = time.monotonic()
    reading.join(timeout=60)
    assert time.monotonic() - begun < 5
    assert "has ended" in seen[0]


def test_without_the_store_partners_and_only_they_are_refused_after_a_time(shared: Shared, steward: Steward) -> None:
    _, _, gate = shared
    steward.register("patient")
    steward.entitle("patient")
    token = steward.token("patient")["token"]
    eventually(lambda: everywhere(shared, "patient", token) == {"rows"}, seconds=5)
    gate.shut()
    try:
        assert everywhere(shared, "patient", token) == {"rows"}, "what was known last stays in force at first"
        eventually(lambda: everywhere(shared, "patient", token) == {"SERVER_STARTING_UP"}, seconds=STALE_SECONDS + 10)
        assert everywhere(shared, "patient") == {"SERVER_STARTING_UP"}
        assert everywhere(shared, "ana") == {"rows"}
    finally:
        gate.open()
    eventually(lambda: everywhere(shared, "patient", token) == {"rows"}, seconds=20)


def test_replicas_and_workers_share_one_rate(shared: Shared, steward: Steward) -> None:
    body = {"partner_id": "counted", "organization": "Counted Trading", "rate": 20}
    steward.answer("POST", "/partners/", 201, json=body)
    gateways = [shared[number % 2] for number in range(80)]

    def ask(gateway: Gateway) -> int:
        headers = {"X-Trino-User": "counted"}
        return requests.post(f"{gateway.url}/v1/statement", data="SELECT 1", headers=headers, timeout=30).status_code

    eventually(lambda: ask(shared[1]) == 200, seconds=5)
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, gateways))
    filled = (time.monotonic() - begun) * 20 / 60
    assert set(found) == {200, 429}
    assert found.count(200) == pytest.approx(20 + filled, abs=3)
