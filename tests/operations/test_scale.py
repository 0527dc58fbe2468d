"""What is large must not make what is small wait: long statements, many tables."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.operations.coordinator import Coordinator
from tests.operations.gateway_process import eventually, make_gateway, running, trino_backend

TRADES = "SELECT id, desk FROM tri.trading.trades"


def test_others_are_answered_while_a_long_statement_is_parsed(tmp_path: Path, coordinator: Coordinator) -> None:
    limits = {"max_nodes": 1_000_000, "parse_seconds": 30}
    values = ", ".join(f"'{n:018d}'" for n in range(46_000))
    long = f"SELECT id, desk FROM tri.trading.trades WHERE desk IN ({values})"
    assert 1_000_000 < len(long) < 1_048_576
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], {"limits": limits})) as gateway:
        gateway.client.rows(TRADES)
        with ThreadPoolExecutor(1) as pool:
            parsing = pool.submit(gateway.client.run, long)
            waits = []
            while not parsing.done():
                start = time.monotonic()
                gateway.client.rows(TRADES)
                waits.append(time.monotonic() - start)
            assert "error" not in parsing.result()
    print(f"waits: median {statistics.median(waits):.3f} s, longest {max(waits):.3f} s of {len(waits)}")
    assert len(waits) > 3
    assert statistics.median(waits) < sum(waits) / 4


@pytest.mark.long
def test_ten_thousand_tables_cost_no_statement_a_wait(tmp_path: Path, coordinator: Coordinator) -> None:
    for number in range(10_000):
        coordinator.tables["trading", f"t{number:05}"] = {"id": "bigint", "desk": "varchar", "price": "double"}
    coordinator.listing.clear()
    gateway = make_gateway(tmp_path, [trino_backend(coordinator.url, answer_seconds=60)])
    try:
        gateway.start(ready=False)
        gateway.wait_serving()
        assert gateway.client.rows(TRADES) == [[1, "CAISO"]], "answered although the listing is not"
        assert gateway.metric("penstock_catalog_tables") == 0
        coordinator.listing.set()

        eventually(lambda: gateway.metric("penstock_catalog_tables") == 10_001, seconds=60)
        sql = "SELECT count(*) FROM tri.information_schema.columns WHERE table_schema = 'trading'"
        rows, listed = timed(lambda: gateway.client.rows(sql))
        assert rows == [[30_002]]
        rows, shown = timed(lambda: gateway.client.rows("SHOW TABLES FROM tri.trading"))
        assert len(rows) == 10_001
        plain = min(timed(lambda: gateway.client.rows(TRADES))[1] for _ in range(5))
        print(f"information_schema {listed:.2f} s, SHOW TABLES {shown:.2f} s, a statement {plain:.3f} s")
        assert max(listed, shown) < 10
        assert plain < 1
    finally:
        gateway.kill()


def timed(ask: Callable[[], list[Any]]) -> tuple[list[Any], float]:
    start = time.monotonic()
    return ask(), time.monotonic() - start
