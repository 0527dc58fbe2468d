"""`maxWait` and `targetResultSize` on page addresses: Trino 476 reads neither, and pages and waits stay bounded."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway
from tests.protocol.talking import begin

QUERIES = ("", "?maxWait=10ms", "?maxWait=nonsense", "?targetResultSize=1kB", "?targetResultSize=xx")
BOTH = ("?maxWait=0ms&targetResultSize=1GB", "?targetResultSize=999999999999999GB", "?maxWait=&targetResultSize=")
ORDERS = "SELECT * FROM tpch.tiny.orders"
NUMBERS = "SELECT a.n, b.n FROM UNNEST(sequence(1, 600)) AS a(n) CROSS JOIN UNNEST(sequence(1, 600)) AS b(n)"
USER = {"X-Trino-User": "ana"}


def fetch(url: str, sql: str, query: str) -> tuple[int, list[int]]:
    """Read a result with a query string on each address; return the number of rows and the sizes of pages."""
    answer = requests.post(f"{url}/v1/statement{query}", data=sql.encode(), headers=USER, timeout=60)
    page: dict[str, Any] = answer.json()
    rows, sizes = 0, []
    while "nextUri" in page:
        answer = requests.get(page["nextUri"] + query, headers=USER, timeout=60)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        sizes.append(len(answer.content))
        rows += len(page.get("data") or [])
    assert "error" not in page
    return rows, sizes


@pytest.mark.parametrize("query", QUERIES + BOTH)
def test_the_parameters_change_nothing_and_break_nothing(
    query: str, gateway: Gateway, trino_server: TrinoServer
) -> None:
    mine, real = fetch(gateway.url, ORDERS, query), fetch(trino_server.url, ORDERS, query)
    assert mine[0] == real[0] == 15_000
    assert max(mine[1]) < 4_000_000  # a megabyte at most from each of two splits, as they come


@pytest.mark.parametrize("query", QUERIES[1:] + BOTH)
def test_pages_that_the_gateway_makes_stay_at_a_megabyte(query: str, gateway: Gateway) -> None:
    rows, sizes = fetch(gateway.url, NUMBERS, query)
    assert rows == 360_000
    assert 500_000 < max(sizes) < 1_500_000


def test_no_poll_waits_longer_than_the_engines_second(gateway: Gateway) -> None:
    page = begin(gateway.url, "SELECT count(*) FROM tpch.tiny.lineitem a CROSS JOIN tpch.tiny.lineitem b")
    for _ in range(3):
        began = time.monotonic()
        page = requests.get(page["nextUri"] + "?maxWait=1h", headers=USER, timeout=60).json()
        assert time.monotonic() - began < 20
        assert "error" not in page
    assert requests.delete(page["nextUri"] + "?maxWait=1h", headers=USER, timeout=60).status_code == 204
