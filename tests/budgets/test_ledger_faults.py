"""What budgets do when the store vanishes, clocks step, and workers are not heard of."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import make_url, update

from catalog.errors import ErrorCode, Refusal
from engines.estimates import Actuals
from gateway.budgets.leases import Lease
from gateway.budgets.lending import LendingSettings
from gateway.budgets.model import Reservation, Short
from gateway.budgets.recovery import RUNNING, SILENT, UNASKED, UNKNOWN, CutOff, Price
from gateway.budgets.store import LedgerStore, Taken
from gateway.demo.postgres import PostgresServer
from gateway.recording.bounded import StoreAway
from gateway.recording.budget_tables import budget_accounts
from gateway.recording.database import connect_engine
from gateway.recording.entries import submitted
from gateway.usage_record import Bill, Charge, UsageRecord
from policies.budgets.model import Account
from policies.cost.money import price_of
from tests.budgets.conftest import copy_database
from tests.budgets.ledger_world import World, account, ledger_world, prepared, record, want
from tests.faults.relay import relaying

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(budget_store: str) -> AsyncIterator[World]:
    """Open a store with nothing spent."""
    async with ledger_world(budget_store) as found:
        yield found


def _vanish(world: World, name: str) -> None:
    """Let the store be somewhere else, for a worker."""
    worker = world.workers[name]
    lost = LedgerStore("postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    worker.ledger.lender._store = lost
    worker.ledger._keeper._store = lost


async def test_while_the_store_is_away_statements_run_within_what_is_lent_and_no_further(world: World) -> None:
    day, one = account(10_000), world.worker("one")
    await one.reserve("q1", want(day, 10))
    _vanish(world, "one")
    lent = one.ledger.lender.free(day.id)
    assert lent > 0
    assert isinstance(await one.reserve("q2", want(day, lent)), Reservation)
    with pytest.raises(Refusal, match="its store does not answer"):
        await one.reserve("q3", want(day, 1))


async def test_where_less_is_lent_than_a_statement_may_take_it_gets_all_of_that_while_the_store_is_away(
    world: World,
) -> None:
    day, one = account(10_000), world.worker("one")
    await one.reserve("q1", want(day, 10))
    _vanish(world, "one")
    lent = one.ledger.lender.free(day.id)
    found = await one.reserve("q2", want(day, 1, 10 * lent))
    assert isinstance(found, Reservation)
    assert found.holds[0].amount == lent


async def test_an_operator_may_have_all_refused_while_the_store_is_away(world: World) -> None:
    world.settings = LendingSettings(store_down="refuse")
    day, one = account(10_000), world.worker("one")
    await one.reserve("q1", want(day, 10))
    _vanish(world, "one")
    with pytest.raises(Refusal):
        await one.reserve("q2", want(day, 10_000))
    with pytest.raises(Refusal):
        await one.reserve("q3", want(day, 1))


async def test_a_store_that_vanishes_between_two_accounts_leaves_nothing_reserved(world: World) -> None:
    first, second, one = account(1_000, name="a"), account(1_000, name="b"), world.worker("one")
    await one.reserve("warm", want(first, 10))
    one.settle("warm", 0)
    _vanish(world, "one")
    with pytest.raises(Refusal):
        await one.reserve("q", want(first, 10), want(second, 10))
    assert one.ledger.lender.leases[first.id].held == 0
    assert not one.ledger.reservations


async def test_what_was_settled_while_the_store_was_away_is_charged_when_it_returns(world: World) -> None:
    day, one = account(10_000), world.worker("one")
    await one.reserve("q1", want(day, 10))
    real = one.store
    _vanish(world, "one")
    one.settle("q1", 7)
    one.ledger.lender._store = one.ledger._keeper._store = real
    await world.ship("one")
    await one.ledger.look_after()
    books = await world.books(day)
    assert (books.spent, books.balanced) == (7, True)


async def test_an_account_of_a_period_that_is_over_or_not_begun_is_not_opened_by_a_wrong_clock(world: World) -> None:
    one, now = world.worker("one"), time.time()
    for start in (now - 2 * 86_400, now + 3_600):
        with pytest.raises(Refusal, match="clock"):
            await one.reserve("q", want(account(1_000, start=start, name=f"p{start:.0f}"), 1))


async def test_a_lease_ends_with_its_period_though_the_wall_clock_goes_back(world: World) -> None:
    later = 0.0
    world.monotonic = lambda: time.monotonic() + later
    day, one = account(1_000, start=time.time() - 86_390), world.worker("one")
    await one.reserve("q1", want(day, 1))
    assert one.ledger.reserve("q2", [want(day, 1)]) is not None
    later = 10 + 61  # beyond the end of the period, and what clocks may differ by
    assert one.ledger.reserve("q3", [want(day, 1)]) is None
    with pytest.raises(Refusal, match="clock"):  # though a store whose clock stands still would open it again
        await one.reserve("q3", want(day, 1))


async def test_a_lease_whose_worker_is_not_heard_of_goes_back_and_is_noted(world: World) -> None:
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await one.reserve("q1", want(day, 100))
    await world.kill("one")
    assert isinstance(await two.reserve("q2", want(day, 1)), Short)
    assert await two.store.release_orphans(3600.0) == []
    orphans = await two.store.release_orphans(0.0)
    assert [(each.account, each.amount) for each in orphans] == [(day.id, 100)]
    assert isinstance(await two.reserve("q3", want(day, 100)), Reservation)


async def test_a_worker_that_was_not_heard_of_ceases_to_lend_before_its_leases_go_back(world: World) -> None:
    later = 0.0
    world.monotonic, world.settings = (lambda: time.monotonic() + later), LendingSettings(orphan_seconds=100.0)
    day, one = account(1_000), world.worker("one")
    await one.reserve("q1", want(day, 1))
    later = 51.0
    assert one.ledger.reserve("q2", [want(day, 1)]) is None
    assert one.ledger.lender.free(day.id) > 0
    assert not one.ledger.extend("q1", 2, 0), "nor does what runs get more of it"


async def test_a_worker_whose_lease_went_back_charges_what_ran_and_begins_anew(world: World) -> None:
    day, one, two = account(100), world.worker("one"), world.worker("two")
    await one.reserve("q1", want(day, 60))
    await two.store.release_orphans(0.0)
    await one.ledger.look_after()
    one.settle("q1", 50)
    await world.ship("one")
    books = await world.books(day)
    assert (books.spent, books.leased, books.balanced) == (50, 0, True)
    assert isinstance(await one.reserve("q2", want(day, 50)), Reservation)


@dataclass
class _Engine:
    answers: list[Actuals | Refusal | None]

    async def actuals(self, query_id: str, engine_query_id: str | None) -> Actuals | None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Refusal):
            raise answer
        return answer


_AWAY = Refusal(ErrorCode.NO_NODES_AVAILABLE, "away")


@pytest.mark.parametrize(
    ("answers", "charged", "note"),
    [
        ([Actuals(2_000)], 10, ""),
        ([Actuals(None, final=False), Actuals(2_000)], 10, ""),
        ([_AWAY, Actuals(2_000)], 10, ""),
        ([Actuals(500, final=False)], 40, RUNNING),
        ([None], 0, UNKNOWN),
        ([_AWAY], 0, SILENT),
    ],
)
async def test_a_statement_that_was_cut_off_is_charged_what_its_engine_says_or_let_go_with_a_note(
    answers: list[Actuals | Refusal | None], charged: int, note: str
) -> None:
    judge = CutOff({"e": _Engine(list(answers))}, _priced, seconds=0.7)  # type: ignore[dict-item]  # a stand-in
    judged = await judge.judge(_cut_off("e"))
    assert judged.bill is not None
    assert ([each.charged for each in judged.bill.charges], judged.bill.note) == ([charged], note)


async def test_an_engine_that_keeps_no_account_is_not_asked() -> None:
    judged = await CutOff({}, _priced).judge(_cut_off("e"))
    assert judged.bill is not None
    assert (judged.bill.note, judged.bill.charges[0].charged) == (UNASKED, 0)


def _cut_off(engine: str) -> UsageRecord:
    held = (Charge("b/all/usd/1", 40, 0, "w/1"),)
    return submitted(record("q", None, "CUT_OFF"), None, False, engine, "e1", held)


def _priced(_: UsageRecord, size: int) -> Price:
    return Price(price_of(size, 5 * 10**9), "r", "")


async def test_a_statement_that_was_released_is_charged_when_its_real_row_comes(world: World) -> None:
    day, one = account(100), world.worker("one")
    await one.reserve("q", want(day, 40))
    dead = await world.kill("one")
    await world.recover(dead)
    assert (await world.books(day)).spent == 0
    await world.usage.insert([record("q", Bill(30, 30, "measured"))])
    books = await world.books(day)
    assert (books.spent, books.balanced) == (30, True)


async def test_a_locked_store_is_waited_for_no_longer_than_a_statement_may(tmp_path: Path, migrated_file: Path) -> None:
    path = shutil.copy(migrated_file, tmp_path / "usage.db")
    async with ledger_world(f"sqlite:///{path}") as world:
        one = world.worker("one")
        one.store._timeout = 0.5
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Refusal, match="its store does not answer"):
                await one.reserve("q", want(account(100), 1))
            other.rollback()


@pytest.mark.postgres
async def test_a_store_whose_connections_fall_silent_is_found_again_by_new_ones(
    migrated_database: PostgresServer,
) -> None:
    name = "silent_store"
    await copy_database(migrated_database.url("postgres"), name)
    address = make_url(migrated_database.url(name))
    with relaying(address.port or 5432) as relay:
        url = address.set(host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
        store, numbers = prepared(LedgerStore(url, timeout=1.0)), itertools.count(1)

        async def take(day: Account) -> Taken:
            return await store.take("one", Lease(f"one/{next(numbers)}", day), day, lambda left: 10)

        days = [account(1000, name=f"day-{number}") for number in range(4)]
        await asyncio.gather(*map(take, days))  # all connections that there may be
        relay.mode = "hang"  # no answer comes, and nobody says that a connection is gone
        lost = await asyncio.gather(*map(take, days), return_exceptions=True)
        assert all(isinstance(each, StoreAway) for each in lost)
        relay.forsake()
        relay.mode = "good"
        began, found = time.monotonic(), None
        while found is None and time.monotonic() - began < 30:
            with suppress(StoreAway):
                found = await take(days[0])
        assert found is not None
        await store.close()


@pytest.mark.postgres
async def test_a_host_that_is_gone_in_the_midst_of_a_transaction_holds_an_account_for_a_while_only(
    migrated_database: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await copy_database(migrated_database.url("postgres"), "gone_host")
    url, day = migrated_database.url("gone_host"), account(1000)
    monkeypatch.setattr("gateway.recording.database._IDLE_MILLISECONDS", 500)
    gone, alive = connect_engine(url), prepared(LedgerStore(url, timeout=20))
    await alive.take("one", Lease("one/1", day), day, lambda left: 10)
    async with gone.connect() as connection:
        await connection.execute(update(budget_accounts).values(spent=budget_accounts.c.spent))
        taken = await alive.take("two", Lease("two/1", day), day, lambda left: 10)
        assert taken.sums.leased == 20
        await connection.invalidate()
    await gone.dispose()
    await alive.close()
