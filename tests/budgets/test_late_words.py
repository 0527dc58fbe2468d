"""Until an engine has said its last word of a statement, nobody else spends what that was let have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.budgets.lending import LendingSettings
from gateway.budgets.lingering import LINGERING_SECONDS
from gateway.budgets.model import Reservation, Short, Word
from gateway.budgets.settling import adjust
from gateway.recording.bounded import BoundedStore
from gateway.usage_record import Bill
from policies.budgets.model import Account
from tests.budgets.ledger_world import Worker, World, account, ledger_world, prepared, record, want

pytestmark = pytest.mark.asyncio


class Watch:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def world(budget_store: str) -> AsyncIterator[World]:
    async with ledger_world(budget_store) as found:
        found.settings = LendingSettings(last_word_seconds=0)
        yield found


async def ended(worker: Worker, word: Word, *days: Account, high: int = 40, so_far: int = 5) -> None:
    """Let a statement end of which its engine has said so much until now."""
    assert isinstance(await worker.reserve("q", *(want(day, 1, high) for day in days)), Reservation)
    charges = worker.ledger.settle("q", so_far, so_far, word)
    outcome = "CUT_OFF" if word == "leaving" else "CANCELED"
    worker.waiting.append(record("q", Bill(so_far, so_far, "measured", charges=charges), outcome))


async def corrected(world: World, total: int, worker: Worker | None = None) -> None:
    """Let the engine say its last word: the books first, as it is done, then the worker's own count."""
    store = prepared(BoundedStore(world.url))
    leases = worker.ledger.leases_of("q") if worker is not None else {}
    bill = Bill(total, total, "measured")
    await store.within(lambda connection: adjust(connection, "q", "q#1", bill, leases=leases))
    await store.close()
    if worker is not None:
        worker.ledger.last_word("q", total, total)


async def test_what_a_cancelled_statement_may_still_have_read_is_nobody_elses(world: World) -> None:
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await ended(one, "open", day)
    await world.ship("one")
    assert isinstance(await two.reserve("early", want(day, 70)), Short)
    assert isinstance(await one.reserve("early", want(day, 70)), Short)
    await corrected(world, 30, one)
    books = await world.books(day)
    assert (books.spent, books.balanced) == (30, True)
    assert isinstance(await two.reserve("more", want(day, 71)), Short)
    assert isinstance(await two.reserve("late", want(day, 70)), Reservation)
    assert books.spent + books.leased <= 100


async def test_what_it_had_not_read_is_free_at_once_when_its_engine_has_said_so(world: World) -> None:
    day, one = account(100), world.worker("one")
    await ended(one, "open", day)
    await world.ship("one")
    await corrected(world, 5, one)
    assert (await world.books(day)).spent == 5
    assert isinstance(await one.reserve("late", want(day, 95)), Reservation)


async def test_who_would_be_refused_waits_for_the_last_word_of_what_has_ended(world: World) -> None:
    world.settings = LendingSettings(last_word_seconds=30)
    day, one = account(100), world.worker("one")
    await ended(one, "open", day)
    await world.ship("one")
    asking = asyncio.create_task(one.reserve("next", want(day, 70)))
    await asyncio.sleep(0.1)
    assert not asking.done()
    await corrected(world, 30, one)
    assert isinstance(await asyncio.wait_for(asking, 10), Reservation)


async def test_an_engine_that_never_says_more_keeps_nothing_for_ever(world: World) -> None:
    watch = Watch()
    world.monotonic = watch
    day, one = account(100), world.worker("one")
    await ended(one, "open", day)
    await world.ship("one")
    watch.now += LINGERING_SECONDS + 1
    await one.ledger.look_after()
    assert isinstance(await one.reserve("late", want(day, 95)), Reservation)


async def test_a_worker_that_leaves_charges_all_that_its_statement_may_still_read(world: World) -> None:
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await ended(one, "leaving", day)
    await one.ledger.close()
    await world.ship("one")
    await world.usage.emptied(one.name)
    assert (await world.books(day)).spent == 40
    assert isinstance(await two.reserve("early", want(day, 61)), Short)
    await corrected(world, 12)
    books = await world.books(day)
    assert (books.spent, books.balanced) == (12, True)
    assert isinstance(await two.reserve("late", want(day, 88)), Reservation)


async def test_accounts_that_held_different_amounts_all_come_to_the_actual(world: World) -> None:
    narrow, wide = account(30, name="narrow"), account(1000, name="wide")
    one = world.worker("one")
    await ended(one, "leaving", narrow, wide)
    await world.ship("one")
    assert [(await world.books(day)).spent for day in (narrow, wide)] == [30, 40]
    await corrected(world, 12)
    for day in (narrow, wide):
        books = await world.books(day)
        assert (books.spent, books.balanced) == (12, True)


async def test_a_last_word_of_a_statement_that_nobody_waits_for_changes_nothing(world: World) -> None:
    day, one = account(100), world.worker("one")
    assert isinstance(await one.reserve("q", want(day, 1, 40)), Reservation)
    one.settle("q", 5)
    one.ledger.last_word("q", 90, 90)
    await world.ship("one")
    assert isinstance(await one.reserve("late", want(day, 95)), Reservation)
