"""Budgets hold, whoever spends from them: on SQLite and on Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.budgets.model import Reservation, Short
from tests.budgets.ledger_world import World, account, ledger_world, want, with_limit

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(budget_store: str) -> AsyncIterator[World]:
    """Open a store with nothing spent."""
    async with ledger_world(budget_store) as found:
        yield found


async def test_what_is_reserved_is_charged_once_the_row_is_in_the_store(world: World) -> None:
    day, one = account(1_000), world.worker("one")
    assert isinstance(await one.reserve("q1", want(day, 10, 40)), Reservation)
    one.settle("q1", 25)
    assert (await world.books(day)).spent == 0
    await world.ship("one")
    books = await world.books(day)
    assert (books.spent, books.balanced) == (25, True)


async def test_the_second_statement_asks_nobody(world: World) -> None:
    day, one = account(1_000_000), world.worker("one")
    await one.reserve("q1", want(day, 10))
    assert one.ledger.reserve("q2", [want(day, 10)]) is not None


async def test_a_budget_for_fifty_lets_fifty_of_two_hundred_run_over_three_workers(world: World) -> None:
    day, workers = account(50 * 7), [world.worker(name) for name in ("one", "two", "three")]

    async def statement(number: int) -> bool:
        worker = workers[number % 3]
        found = await worker.reserve(f"q{number}", want(day, 7))
        if isinstance(found, Short):
            return False
        await asyncio.sleep(0)
        worker.settle(f"q{number}", 7)
        return True

    ran = await asyncio.gather(*(statement(number) for number in range(200)))
    assert sum(ran) == 50
    for name in ("one", "two", "three"):
        await world.ship(name)
    books = await world.books(day)
    assert (books.spent, books.balanced) == (350, True)


async def test_a_refusal_says_the_truth_of_what_is_used_reserved_and_left(world: World) -> None:
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await one.reserve("spent", want(day, 30))
    one.settle("spent", 30)
    await world.ship("one")
    await one.reserve("running", want(day, 20))
    found = await two.reserve("q", want(day, 60))
    assert isinstance(found, Short)
    assert (found.limit, found.used, found.reserved, found.left) == (100, 30, 20, 50)


async def test_what_lies_idle_with_another_worker_is_called_back_before_anybody_is_refused(world: World) -> None:
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await one.reserve("q1", want(day, 10, 60))
    one.settle("q1", 10)
    assert isinstance(await two.reserve("q2", want(day, 90)), Reservation)
    assert isinstance(await one.reserve("q3", want(day, 1)), Short)


async def test_a_worker_that_cannot_be_called_finds_the_call_in_the_store(world: World) -> None:
    world.reached = False
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await one.reserve("q1", want(day, 10, 60))
    one.settle("q1", 10)
    await one.ledger.start()
    assert isinstance(await two.reserve("q2", want(day, 90)), Reservation)


async def test_of_several_accounts_all_are_reserved_or_none(world: World) -> None:
    wide, narrow = account(1_000, name="wide"), account(5, name="narrow")
    one = world.worker("one")
    found = await one.reserve("q", want(wide, 10), want(narrow, 10))
    assert isinstance(found, Short)
    assert found.account.id == narrow.id
    assert isinstance(await one.reserve("q2", want(wide, 1_000)), Reservation)


async def test_an_account_with_less_than_expected_but_enough_gives_all_that_is_left(world: World) -> None:
    day, one = account(100), world.worker("one")
    await one.reserve("q1", want(day, 30))
    found = await one.reserve("q2", want(day, 50, 500))
    assert isinstance(found, Reservation)
    assert [each.amount for each in found.holds] == [70]


async def test_nothing_left_still_lets_what_costs_nothing_run(world: World) -> None:
    nothing, one = account(0), world.worker("one")
    assert isinstance(await one.reserve("free", want(nothing, 0)), Reservation)
    assert isinstance(await one.reserve("dear", want(nothing, 1)), Short)


async def test_a_statement_holds_more_while_there_is_more(world: World) -> None:
    day, one = account(100), world.worker("one")
    await one.reserve("q", want(day, 10))
    assert one.ledger.extend("q", 25, 0)
    assert not one.ledger.extend("q", 101, 0)
    assert one.ledger.holds("q")[0].reserved == 25


async def test_what_a_statement_took_beyond_its_hold_is_charged_all_the_same(world: World) -> None:
    day, one = account(100), world.worker("one")
    await one.reserve("q", want(day, 100))
    one.settle("q", 130)
    await world.ship("one")
    books = await world.books(day)
    assert (books.spent, books.leased, books.balanced) == (130, 0, True)
    assert isinstance(await one.reserve("more", want(day, 1)), Short)


async def test_a_limit_that_is_lowered_holds_at_once_and_one_that_is_raised_too(world: World) -> None:
    day, one = account(1_000), world.worker("one")
    await one.reserve("q1", want(day, 10))
    lowered = with_limit(day, 15)
    assert isinstance(await one.reserve("q2", want(lowered, 6)), Short)
    assert isinstance(await one.reserve("q3", want(lowered, 5)), Reservation)
    assert isinstance(await one.reserve("q4", want(with_limit(day, 2_000), 1_900)), Reservation)


async def test_a_statement_is_settled_once(world: World) -> None:
    day, one = account(100), world.worker("one")
    await one.reserve("q", want(day, 10))
    assert [each.charged for each in one.ledger.settle("q", 7, 0)] == [7]
    assert one.ledger.settle("q", 7, 0) == ()


async def test_bytes_and_dollars_are_charged_each_in_its_own_unit(world: World) -> None:
    money, size = account(1_000), account(10**12, unit="bytes", name="s")
    one = world.worker("one")
    await one.reserve("q", want(money, 10), want(size, 10**9))
    one.settle("q", 12, 2 * 10**9)
    await world.ship("one")
    assert ((await world.books(money)).spent, (await world.books(size)).spent) == (12, 2 * 10**9)


async def test_what_nobody_uses_goes_back_when_a_worker_leaves(world: World) -> None:
    day, one = account(1_000), world.worker("one")
    await one.reserve("q", want(day, 10))
    one.settle("q", 4)
    await one.ledger.close()
    assert (await world.books(day)).leased == 4
    await world.ship("one")
    books = await world.books(day)
    assert (books.spent, books.leased, books.balanced) == (4, 0, True)
