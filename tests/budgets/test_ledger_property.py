"""Whatever order workers do things in: budgets hold, and what was spent is what was taken."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.budgets.lending import LendingSettings
from gateway.budgets.model import Reservation, Short
from gateway.demo.postgres import PostgresServer
from policies.budgets.model import Account
from tests.budgets.conftest import copy_database
from tests.budgets.ledger_world import PATIENCE, World, account, ledger_world, want, with_limit

WORKERS = st.sampled_from(["one", "two", "three"])
_LIMIT = 100
_numbers = itertools.count(1)


class Spending(RuleBasedStateMachine):
    """Several workers over one store. Statements take at most what they hold, but for those said to overrun."""

    fresh: Callable[[], str]
    """Return the address of a store with nothing in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.opened = ledger_world(type(self).fresh())
        self.world: World = self.do(self.opened.__aenter__())
        self.world.settings = LendingSettings(last_word_seconds=0)
        self.numbers = itertools.count(1)
        self.running: dict[str, tuple[str, Reservation]] = {}
        self.taken: dict[str, int] = {}
        """By account: what statements took whose rows are in the store or in a journal that will be read."""
        self.overrun: dict[str, int] = {}
        self.open: dict[str, tuple[str, int, int, tuple[str, ...]]] = {}
        """Ended statements that their engines will say more of: worker, taken so far, held at most, accounts."""

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.days = [account(_LIMIT, name="narrow"), account(3 * _LIMIT, name="wide")]
        self.past: list[Account] = []
        self.top = {day.id: day.limit for day in self.days}

    @rule(worker=WORKERS, low=st.integers(0, 60), more=st.integers(0, 60), both=st.booleans())
    def reserve(self, worker: str, low: int, more: int, both: bool) -> None:
        query_id = f"q{next(self.numbers)}"
        wants = [want(day, low, low + more) for day in (self.days if both else self.days[:1])]
        found = self.do(self.world.worker(worker).reserve(query_id, *wants))
        if isinstance(found, Short):
            assert low > self._truly_left(found.account)
        else:
            self.running[query_id] = (worker, found)
            assert all(hold.amount >= low for hold in found.holds)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), share=st.sampled_from([0.0, 0.3, 1.0, 1.0, 1.4]))
    def settle(self, data: st.DataObject, share: float) -> None:
        query_id = data.draw(st.sampled_from(sorted(self.running)))
        worker, reservation = self.running.pop(query_id)
        amount = int(share * min(hold.amount for hold in reservation.holds))
        for charge in self.world.workers[worker].settle(query_id, amount):
            self.taken[charge.account] = self.taken.get(charge.account, 0) + charge.charged
            beyond = max(0, charge.charged - charge.reserved)
            self.overrun[charge.account] = self.overrun.get(charge.account, 0) + beyond

    @precondition(lambda self: self.running)
    @rule(data=st.data(), share=st.sampled_from([0.0, 0.3, 1.0]))
    def cancel(self, data: st.DataObject, share: float) -> None:
        """End a statement of which its engine has not said all that it read."""
        query_id = data.draw(st.sampled_from(sorted(self.running)))
        worker, reservation = self.running.pop(query_id)
        most = min(hold.amount for hold in reservation.holds)
        so_far = int(share * most)
        for charge in self.world.workers[worker].settle(query_id, so_far, word="open"):
            self.taken[charge.account] = self.taken.get(charge.account, 0) + so_far
        self.open[query_id] = (worker, so_far, most, tuple(hold.account.id for hold in reservation.holds))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.sampled_from([0.0, 0.5, 1.0]))
    def last_word(self, data: st.DataObject, share: float) -> None:
        """Let an engine say its last word: no more than the statement was held to."""
        query_id = data.draw(st.sampled_from(sorted(self.open)))
        worker, so_far, most, of = self.open.pop(query_id)
        total = so_far + int(share * (most - so_far))
        self.do(self.world.ship(worker))
        self.do(self.world.correct(worker, query_id, total))
        for name in of:
            self.taken[name] += total - so_far

    @precondition(lambda self: self.running)
    @rule(data=st.data(), so_far=st.integers(1, 120))
    def extend(self, data: st.DataObject, so_far: int) -> None:
        query_id = data.draw(st.sampled_from(sorted(self.running)))
        worker, reservation = self.running[query_id]
        if self.world.workers[worker].ledger.extend(query_id, so_far, 0):
            assert all(hold.amount >= so_far for hold in reservation.holds)

    @rule(worker=WORKERS)
    def ship(self, worker: str) -> None:
        if worker in self.world.workers:
            self.do(self.world.ship(worker))

    @rule(worker=WORKERS)
    def look_after(self, worker: str) -> None:
        if worker in self.world.workers:
            self.do(self.world.workers[worker].ledger.look_after())

    @rule(asking=WORKERS)
    def call_back(self, asking: str) -> None:
        self.do(self.world._recall(asking, [day.id for day in self.days]))

    @rule(worker=WORKERS, share=st.sampled_from([0.0, 0.5, 1.0]))
    def die(self, worker: str, share: float) -> None:
        """Die by kill -9; a moment later its journal is read."""
        if worker not in self.world.workers:
            return
        dead = self.do(self.world.kill(worker))
        self.open = {query_id: each for query_id, each in self.open.items() if each[0] != worker}
        for query_id, (where, reservation) in list(self.running.items()):
            if where == worker:
                del self.running[query_id]
                for hold in reservation.holds:
                    charged = int(hold.amount * share)
                    self.taken[hold.account.id] = self.taken.get(hold.account.id, 0) + charged
        self.do(self.world.recover(dead, charged=lambda charge: int(charge.reserved * share)))

    @rule(limit=st.integers(0, 2 * _LIMIT))
    def change_the_limit(self, limit: int) -> None:
        self.days[0] = with_limit(self.days[0], limit)
        self.top[self.days[0].id] = max(limit, self.top[self.days[0].id])

    @rule()
    def begin_another_period(self) -> None:
        self.past.append(self.days[0])
        self.days[0] = account(_LIMIT, name="narrow", start=self.days[0].period_start + len(self.past))
        self.top[self.days[0].id] = _LIMIT

    @invariant()
    def nothing_is_overspent(self) -> None:
        for day in (*getattr(self, "days", ()), *getattr(self, "past", ())):
            books = self.do(self.world.books(day))
            assert books.balanced, books
            allowed = self.top[day.id] + self.overrun.get(day.id, 0)
            assert books.spent + books.leased <= allowed, (books, allowed)
            assert self._spent_or_held(day) <= allowed

    def _spent_or_held(self, day: Account) -> int:
        held = [hold.amount for _, each in self.running.values() for hold in each.holds if hold.account.id == day.id]
        still = [most - so_far for _, so_far, most, of in self.open.values() if day.id in of]
        return self.taken.get(day.id, 0) + sum(held) + sum(still)

    def _truly_left(self, day: Account) -> int:
        return day.limit - self._spent_or_held(day)

    def teardown(self) -> None:
        for query_id in list(self.running):
            worker, _ = self.running.pop(query_id)
            for charge in self.world.workers[worker].settle(query_id, 0):
                assert charge.charged == 0
        for name in list(self.world.workers):
            self.do(self.world.ship(name))
        for query_id in list(self.open):
            worker, so_far, *_ = self.open.pop(query_id)
            self.do(self.world.correct(worker, query_id, so_far))
        for day in (*getattr(self, "days", ()), *getattr(self, "past", ())):
            assert self.do(self.world.books(day)).spent == self.taken.get(day.id, 0)
        self.do(self.opened.__aexit__(None, None, None))
        for day in (*getattr(self, "days", ()), *getattr(self, "past", ())):
            assert self.do(self.world.books(day)).leased == 0
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


def _machine(fresh: Callable[[], str]) -> type[Spending]:
    return type("SpendingHere", (Spending,), {"fresh": staticmethod(fresh)})


def _files(template: Path, folder: Path) -> Callable[[], str]:
    def fresh() -> str:
        copy = folder / f"{next(_numbers)}.db"
        shutil.copy(template, copy)
        return f"sqlite:///{copy}"

    return fresh


def _databases(server: PostgresServer) -> Callable[[], str]:
    def fresh() -> str:
        name = f"spending_{next(_numbers)}"
        asyncio.run(copy_database(server.url("postgres"), name))
        return server.url(name)

    return fresh


_HEALTH = list(HealthCheck)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connecting, too, take as long as it takes on a busy machine."""
    monkeypatch.setattr("gateway.recording.database._CONNECT_SECONDS", PATIENCE)


def test_no_order_of_events_overspends_or_loses_anything(migrated_file: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(
        _machine(_files(migrated_file, tmp_path)),
        settings=settings(max_examples=8, stateful_step_count=20, suppress_health_check=_HEALTH),
    )


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_order_of_many_events_overspends_or_loses_anything(migrated_file: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(
        _machine(_files(migrated_file, tmp_path)),
        settings=settings(max_examples=80, stateful_step_count=50, suppress_health_check=_HEALTH),
    )


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.timeout(7200)
def test_no_order_of_many_events_overspends_or_loses_anything_on_postgres(migrated_database: PostgresServer) -> None:
    run_state_machine_as_test(
        _machine(_databases(migrated_database)),
        settings=settings(max_examples=30, stateful_step_count=40, suppress_health_check=_HEALTH),
    )
