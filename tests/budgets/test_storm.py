"""Statements by the hundred against budgets for a part of them, at gateways that are killed in the midst."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer
from loadtests.budget_storm.arena import Scale, contend, make_lake, price_of_one
from loadtests.budget_storm.servers import Server


def _kill(servers: Sequence[Server], number: int) -> Server:
    dead = servers[number % len(servers)]
    dead.kill()
    return dead


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_gateway_killed_amid_statements_overspends_nothing_and_loses_nothing(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake")
    price = price_of_one(tmp_path, lake)
    store = f"sqlite:///{tmp_path / 'usage.db'}"
    books, sent = contend(tmp_path / "one", lake, store, price, Scale(40, 8, 2, 0.3), _kill, 1, 1)
    assert (books.overspend_cents, books.settled_twice, books.lost) == (0, 0, 0)
    assert sent >= 80
    assert any(books.spent.values())


@pytest.mark.long
@pytest.mark.timeout(600)
def test_three_gateways_on_one_postgres_keep_to_a_budget_for_fifty_of_two_hundred(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    lake = make_lake(tmp_path / "lake")
    price = price_of_one(tmp_path, lake)
    postgres_server.create_database("storm")
    books, _ = contend(tmp_path / "three", lake, postgres_server.url("storm"), price, Scale(waves=2), _kill, 3, 1)
    assert (books.overspend_cents, books.settled_twice, books.lost) == (0, 0, 0)
    assert max(books.spent.values()) >= 49 * price
