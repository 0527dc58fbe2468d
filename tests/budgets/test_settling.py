"""What statements took is in the accounts once, whoever sends it, however often, and wherever it is cut short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from gateway.budgets.model import Reservation, Short
from gateway.budgets.settling import adjust
from gateway.recording.bounded import BoundedStore
from gateway.recording.store import StoreError, UsageStore
from gateway.usage_record import Bill, Charge
from policies.budgets.model import Account
from tests.budgets.ledger_world import World, account, ledger_world, prepared, record, want

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(budget_store: str) -> AsyncIterator[World]:
    """Open a store with nothing spent."""
    async with ledger_world(budget_store) as found:
        yield found


async def _taken(world: World, day: Account, query_id: str = "q", nano: int = 25) -> tuple[Charge, ...]:
    """Let a worker run a statement; what it settled is not shipped yet."""
    one = world.worker("one")
    assert isinstance(await one.reserve(query_id, want(day, 10, 40)), Reservation)
    charges = one.settle(query_id, nano)
    one.waiting.clear()
    return charges


def _bill(nano: int, *charges: Charge) -> Bill:
    return Bill(nano, nano, "measured", charges=charges)


async def _kept(world: World, query_id: str = "q") -> dict[str, int]:
    found = await world.usage.by_id(query_id)
    assert found is not None
    assert found.bill is not None
    return {each.account: each.charged for each in found.bill.charges}


async def test_a_batch_that_is_sent_twice_is_charged_once(world: World) -> None:
    day = account(1_000)
    row = record("q", _bill(25, *await _taken(world, day)))
    await world.usage.insert([row])
    await world.usage.insert([row])
    books = await world.books(day)
    assert (books.spent, books.balanced) == (25, True)


async def test_two_replicas_that_settle_the_same_statement_at_once_charge_it_once(world: World) -> None:
    day, other = account(1_000), UsageStore(world.url, run_migrations=False)
    charges = await _taken(world, day)
    rows = [record("q", _bill(nano, *(Charge(day.id, 40, nano, charges[0].lease),))) for nano in (25, 30)]
    await asyncio.gather(world.usage.insert(rows[:1]), other.insert(rows[1:]))
    await other.close()
    books = await world.books(day)
    assert books.balanced
    assert books.spent == (await _kept(world))[day.id]


async def test_the_real_row_of_a_statement_that_was_cut_off_changes_its_charge_by_the_difference(world: World) -> None:
    day = account(1_000)
    charges = await _taken(world, day)
    await world.usage.insert([record("q", _bill(40, Charge(day.id, 40, 40, charges[0].lease)), "CUT_OFF")])
    assert (await world.books(day)).spent == 40
    await world.usage.insert([record("q", _bill(25, *charges))])
    books = await world.books(day)
    assert (books.spent, books.balanced) == (25, True)


async def test_a_replica_that_knows_of_no_budget_still_charges_what_it_ended(world: World) -> None:
    day = account(1_000)
    charges = await _taken(world, day)
    await world.usage.insert([record("q", _bill(0, Charge(day.id, 40, 0, charges[0].lease)), "CUT_OFF")])
    await world.usage.insert([record("q", _bill(33))])
    books = await world.books(day)
    assert (books.spent, books.balanced) == (33, True)
    assert await _kept(world) == {day.id: 33}


async def test_who_reserved_is_charged_what_the_row_says_that_came_first(world: World) -> None:
    day = account(1_000)
    charges = await _taken(world, day)
    await world.usage.insert([record("q", _bill(33))])
    await world.usage.insert([record("q", _bill(25, *charges))])
    books = await world.books(day)
    assert (books.spent, books.leased, books.balanced) == (33, (await world.books(day)).held, True)
    assert await _kept(world) == {day.id: 33}


async def test_a_correction_is_charged_once_and_may_lower_what_was_spent(world: World) -> None:
    day, store = account(1_000), prepared(BoundedStore(world.url))
    await world.usage.insert([record("q", _bill(25, *await _taken(world, day)))])
    for _ in range(2):
        await store.within(lambda connection: adjust(connection, "q", "q#1", _bill(20)))
        await store.within(lambda connection: adjust(connection, "unheard", "unheard#1", _bill(9)))
    await store.close()
    books = await world.books(day)
    assert (books.spent, books.balanced) == (20, True)


async def test_a_batch_that_is_cut_short_at_any_statement_leaves_nothing_and_is_charged_once_when_it_is_sent_again(
    world: World,
) -> None:
    day, night = account(10_000, name="day"), account(10_000, name="night")
    one = world.worker("one")
    for number in range(3):
        await one.reserve(f"q{number}", want(day, 10), want(night, 20))
        one.settle(f"q{number}", 7)
    batch, one.waiting = one.waiting, []
    steps = 0
    while not await _inserted_but_for(world, batch, steps):
        assert (await world.books(day)).spent == 0
        steps += 1
    assert steps > 5
    await world.usage.insert(batch)
    for each in (day, night):
        books = await world.books(each)
        assert (books.spent, books.balanced) == (21, True)


async def _inserted_but_for(world: World, batch: list[Any], step: int) -> bool:
    """Send a batch, and let the database fail after so many statements; tell whether it had no more than that."""
    left = step

    def die(*_: object) -> None:
        nonlocal left
        if left == 0:
            raise OSError("the connection is gone")
        left -= 1

    engine = world.usage._engine.sync_engine
    event.listen(engine, "after_cursor_execute", die)
    try:
        await world.usage.insert(batch)
    except StoreError:
        return False
    finally:
        event.remove(engine, "after_cursor_execute", die)
    return True


async def test_a_dead_workers_lease_goes_back_with_its_journal_and_what_it_ran_is_charged(world: World) -> None:
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await one.reserve("done", want(day, 10, 20))
    one.settle("done", 15)
    await one.reserve("running", want(day, 10, 60))
    dead = await world.kill("one")
    assert isinstance(await two.reserve("early", want(day, 50)), Short)
    await world.recover(dead, charged=lambda charge: charge.reserved // 2)
    books = await world.books(day)
    assert (books.spent, books.balanced) == (45, True)
    assert isinstance(await two.reserve("late", want(day, 55)), Reservation)


async def test_recovering_a_journal_twice_changes_nothing(world: World) -> None:
    day, one = account(100), world.worker("one")
    await one.reserve("running", want(day, 10, 60))
    dead = await world.kill("one")
    for _ in range(2):
        await world.recover(dead, charged=lambda charge: charge.reserved)
    books = await world.books(day)
    assert (books.spent, books.leased, books.balanced) == (60, 0, True)
