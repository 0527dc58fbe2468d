"""How often partners may ask: fairly over workers and replicas, and without harm to anybody else."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from pathlib import Path

import pytest
import requests

from gateway.partners.buckets import Buckets, BucketsAway, Lease
from gateway.partners.rates import Rates
from tests.operations.gateway_process import Gateway
from tests.partners.sharing_world import NODES, PRICES, Steward, connect, rows


class Hands:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class OneStore:
    """A store of one bucket, that may be away."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.asked = 0
        self.away = False

    async def take(self, bucket: str, per_minute: float, wanted: int) -> Lease:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise BucketsAway("OSError")
        taken = min(self.tokens, wanted)
        self.tokens -= taken
        return Lease(taken, 0.0 if taken else 5.0)


async def granted(rates: Rates, times: int, per_minute: float = 60) -> int:
    """Return how many of so many statements at once may begin."""
    waits = await asyncio.gather(*(rates.take("partner a", per_minute) for _ in range(times)))
    return sum(wait == 0 for wait in waits)


@pytest.mark.asyncio
async def test_a_flood_is_answered_without_asking_the_store_for_each_statement() -> None:
    store, hands = OneStore(7), Hands()
    rates = Rates(store, lambda: 1, monotonic=hands)
    assert await granted(rates, 1000) == 7
    assert store.asked == 8
    hands.now = 5.1
    assert await granted(rates, 10) == 0
    assert store.asked == 9


@pytest.mark.asyncio
async def test_a_busy_partner_costs_a_round_trip_now_and_then_only() -> None:
    store = OneStore(10_000)
    assert await granted(Rates(store, lambda: 1, monotonic=Hands()), 1000, per_minute=6000) == 1000
    assert store.asked == 20


@pytest.mark.asyncio
async def test_while_the_store_is_away_each_worker_gives_its_share() -> None:
    store, hands = OneStore(1000), Hands()
    store.away = True
    rates = Rates(store, lambda: 4, monotonic=hands)
    assert await granted(rates, 1000, per_minute=600) == 25, "ten seconds' worth of a quarter"
    hands.now = 1.0
    assert await granted(rates, 1000, per_minute=600) == 2
    assert store.asked == 1, "a store that is away is not asked for each statement"
    store.away = False
    hands.now = 4.0
    assert await granted(rates, 100, per_minute=600) == 100


@pytest.mark.asyncio
@pytest.mark.parametrize("workers", [1, 3])
async def test_workers_share_one_bucket_in_the_store(tmp_path: Path, workers: int) -> None:
    stores = [Buckets(f"sqlite:///{tmp_path / 'store.db'}", timeout=30) for _ in range(workers)]
    assert (await stores[0].take("partner a", 30, 1)).tokens == 1
    everybody = [Rates(store, lambda: workers) for store in stores]
    found = await asyncio.gather(*(granted(rates, 40, per_minute=30) for rates in everybody))
    assert sum(found) == pytest.approx(29, abs=2), "a minute's worth, and what is filled meanwhile"
    lease = await stores[-1].take("partner a", 30, 5)
    assert lease.tokens == 0
    assert 0 < lease.wait <= 2
    assert (await stores[0].take("partner b", 30, 5)).tokens == 5, "buckets are apart"
    for store in stores:
        await store.close()


@pytest.mark.asyncio
async def test_a_store_that_cannot_be_had_is_said_to_be_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Buckets(f"sqlite:///{tmp_path / 'file' / 'store.db'}")
    with pytest.raises(BucketsAway):
        await store.take("partner a", 30, 1)
    await store.close()


def post(market: Gateway, user: str, sql: str) -> requests.Response:
    return requests.post(f"{market.url}/v1/statement", data=sql, headers={"X-Trino-User": user}, timeout=30)


def test_who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is(market: Gateway, granting: Steward) -> None:
    body = {"partner_id": "slow", "organization": "Slow Trading", "rate": 3}
    granting.answer("POST", "/partners/", 201, json=body)
    granting.entitle("slow")
    answers = [post(market, "slow", "SELECT 1") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
    assert "the partner slow allows 3 a minute" in answers[-1].text
    assert post(market, "ana", "SELECT 1").status_code == 200
    assert market.metric("sharing_access_total", partner="slow", decision="allow") == 3
    assert market.metric("sharing_access_total", partner="slow", decision="throttle") == 2


def test_an_entitlement_has_a_rate_of_its_own(market: Gateway, granting: Steward) -> None:
    granting.register("picky")
    granting.entitle("picky", rate=2)
    granting.entitle("picky", NODES)
    found = [post(market, "picky", f"SELECT count(*) FROM {table}").status_code for table in (PRICES, NODES) * 3]
    assert found == [200, 200, 200, 200, 429, 200]


def test_the_stock_client_waits_as_long_as_it_is_told(market: Gateway, granting: Steward) -> None:
    granting.answer("POST", "/partners/", 201, json={"partner_id": "patient", "organization": "P", "rate": 60})
    connection = connect(market, "patient", max_attempts=5)
    while post(market, "patient", "SELECT 1").status_code == 200:
        pass
    assert rows(connection, "SELECT 1") == [[1]]


@pytest.mark.long
def test_a_flood_does_not_slow_others(market: Gateway, granting: Steward) -> None:
    granting.answer("POST", "/partners/", 201, json={"partner_id": "flood", "organization": "F", "rate": 60})
    granting.entitle("flood")

    def p95() -> float:
        spent = []
        session = requests.Session()
        for _ in range(100):
            begun = time.perf_counter()
            answer = session.post(f"{market.url}/v1/statement", data="SELECT 1", headers={"X-Trino-User": "ana"})
            spent.append(time.perf_counter() - begun)
            assert answer.status_code == 200
        return statistics.quantiles(spent, n=20)[-1]

    alone, stop = p95(), threading.Event()

    def ask() -> None:
        session = requests.Session()
        while not stop.is_set():
            headers = {"X-Trino-User": "flood"}
            session.post(f"{market.url}/v1/statement", data=f"SELECT * FROM {PRICES}", headers=headers)

    floods = [threading.Thread(target=ask) for _ in range(4)]
    for each in floods:
        each.start()
    try:
        beside = p95()
    finally:
        stop.set()
        for each in floods:
            each.join()
    assert beside < max(10 * alone, 0.1), (alone, beside)
