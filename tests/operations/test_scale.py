"""What is large must not make what is small wait: long statements, many tables."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.operations.coordinator import Coordinator
from tests.operations.gateway_process import eventually, make_gateway, running, trino_backend

TRADES = "SELECT id, desk FROM tri.trading.trades"


def test_others_are_answered_while_a_long_statement_is_parsed(tmp_path: Path, coordinator: Coordinator) -> None:
    limits = {"max_nodes": 1_000_000, "parse_seconds": 30}
    values = ", ".join(str(100_000 + n) for n in range(128_000))
    long = f"SELECT id, desk FROM tri.trading.trades WHERE id IN ({values})"
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
            assert "error" not in parsing.result() or parsing.result()["error"]["errorName"] != "GENERIC_INTERNAL_ERROR"
    print(f"waits: median {statistics.median(waits):.3f} s, longest {max(waits):.3f} s of {len(waits)}")
    assert len(waits) > 3
    assert statistics.median(waits) < 0.25


def test_ten_thousand_tables_cost_no_statement_a_wait(tmp_path: Path, coordinator: Coordinator) -> None:
    for number in range(10_000):
        coordinator.tables["trading", f"t{number:05}"] = {"id": "bigint", "desk": "varchar", "price": "double"}
    coordinator.listing_seconds = 8.0
    gateway = make_gateway(tmp_path, [trino_backend(coordinator.url, answer_seconds=20)])
    try:
        gateway.start(ready=False)
        eventually(lambda: gateway.status("livez") == 200, seconds=30)
        start = time.monotonic()
        assert eventually(lambda: gateway.client.rows(TRADES), seconds=5) == [[1, "CAISO"]]
        first = time.monotonic() - start
        assert first < 3, "the first statement waited for the listing"

        eventually(lambda: gateway.metric("penstock_catalog_tables") == 10_001, seconds=40)
        start = time.monotonic()
        rows = gateway.client.rows("SELECT count(*) FROM tri.information_schema.columns WHERE table_schema = 'trading'")
        listed = time.monotonic() - start
        assert rows == [[30_002]]
        start = time.monotonic()
        assert len(gateway.client.rows("SHOW TABLES FROM tri.trading")) == 10_001
        shown = time.monotonic() - start
        start = time.monotonic()
        gateway.client.rows(TRADES)
        after = time.monotonic() - start
        print(f"first {first:.2f} s, information_schema {listed:.2f} s, SHOW TABLES {shown:.2f} s, after {after:.3f} s")
        assert max(listed, shown) < 8
        assert after < 1
    finally:
        gateway.kill()
