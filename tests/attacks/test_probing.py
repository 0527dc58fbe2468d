"""The breaker of a real gateway: who probes is refused, by all workers of the replica, and nobody else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from tests.attacks.caller import Caller, Seen
from tests.attacks.judge import assert_no_canary
from tests.attacks.process import Gateway, run_gateway
from tests.attacks.stages import POLICIES
from tests.attacks.world import fill_lake

PROBE = "SELECT 1 / (order_id - 1) FROM orders WHERE order_id = 1 AND customer_id <> {n}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("probing")
    properties = {"uri": f"sqlite:///{folder / 'lake.db'}", "warehouse": f"file://{folder / 'warehouse'}"}
    catalog = SqlCatalog("lake", **properties)
    fill_lake(catalog)
    catalog.close()
    engine = {"kind": "lake", "name": "lake", "catalog": "lake", **properties}
    breaker = {"enabled": True, "slow_after": 2, "delay_seconds": 0, "refuse_after": 4}
    with run_gateway(folder, [engine], POLICIES, breaker=breaker) as running:
        yield running


def ask(gateway: Gateway, sql: str, user: str = "ana") -> Seen:
    return Caller(gateway, user).ask(sql)


def test_who_makes_values_fail_is_refused_and_nobody_else(gateway: Gateway) -> None:
    for _ in range(6):
        assert ask(gateway, "SELECT no_such_column FROM orders").says == "COLUMN_NOT_FOUND"
        assert ask(gateway, "SELEC 1").says == "SYNTAX_ERROR"
        assert ask(gateway, "SELECT 1 / (x - x) FROM lake.sandbox.t").says == "DIVISION_BY_ZERO"
    for n in range(4):
        assert ask(gateway, PROBE.format(n=n)).says == "DIVISION_BY_ZERO"
    refused = ask(gateway, "SELECT 1")
    assert refused.says == "QUERY_REJECTED"
    assert "Try again in" in refused.message
    assert not ask(gateway, "SELECT count(*) FROM orders", "bob").refused
    log, metrics = gateway.log(), gateway.metrics()
    assert '"verdict": "refused"' in log or '"verdict":"refused"' in log
    assert 'penstock_probing_total{verdict="refused"} 1.0' in metrics
    assert_no_canary("the log", log)


def test_other_workers_learn_it_from_files_that_do_not_name_anybody(gateway: Gateway) -> None:
    files = list((Path(gateway.folder) / "state" / "probing").iterdir())
    assert [len(path.read_text().splitlines()) for path in files] == [4]
    assert "ana" not in files[0].name
