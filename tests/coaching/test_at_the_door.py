"""The coach at the door of a real house: hints that ride with plans, cheaper forms for sessions that ask, savings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.coaching.model import Room
from gateway.config import Config
from gateway.events import AdviceFollowed, CoachAdvised, EventBus, StatementFinished
from gateway.house import House, open_house
from gateway.models import Planned
from gateway.received import Received
from gateway.simulation.question import Question, received
from gateway.spending import Spending, open_spending
from gateway.usage_record import Bill
from tests.gateway.recording.usage_records import finished

PRUNABLE = "SELECT note FROM ticks WHERE year(ts) = 2025"


@dataclass(frozen=True, slots=True)
class Door:
    """A house without its listeners."""

    house: House
    spending: Spending
    told: list[Any]

    def ask(self, sql: str, user: str = "ana", **properties: str) -> Received:
        question = Question(user, sql, "lake", "market", properties=properties)
        return received(question, self.house.policies.governing())

    async def plan(self, asked: Received) -> Planned:
        """Take a statement through planning, price and coach."""
        planned = await self.house.pipeline.plan(asked)
        assert isinstance(planned, Planned), planned
        found = await self.spending.after_plan(planned, asked)
        assert isinstance(found, Planned), found
        return found

    async def measured(self, sql: str, user: str = "ana", **properties: str) -> Planned:
        """The same, once the manifests are read: the first statement waits for them so long and no longer."""
        async with asyncio.timeout(30):
            while True:
                found = await self.plan(self.ask(sql, user, **properties))
                if found.estimate is not None and "manifest" in found.estimate.basis:
                    return found
                await asyncio.sleep(0.05)


@asynccontextmanager
async def door(config: Config, folder: Path, **coaching: object) -> AsyncIterator[Door]:
    changes = {
        "data_dir": str(folder / "data"),
        "store": {"url": f"sqlite:///{folder / 'usage.db'}", "policies": False},
        "coaching": coaching,
    }
    plain = config.model_dump()
    for engine in plain["engines"]:
        engine["uri"] = engine["uri"].get_secret_value()
    plain["keys"] = [{"id": "a", "secret": "a-secret-of-at-least-thirty-two-characters"}]
    async with AsyncExitStack() as stack:
        bus, told = EventBus(), list[Any]()
        for kind in (CoachAdvised, AdviceFollowed):
            bus.subscribe(kind, told.append)
        house = await open_house(Config.model_validate({**plain, **changes}), stack, bus)
        yield Door(house, await open_spending(house, stack), told)


EVERYTHING: dict[str, Any] = {"least_saving_bytes": 0, "seconds": 5}


@pytest.mark.asyncio
async def test_hints_say_what_would_cost_less_and_ride_with_the_plan(market_config: Config, tmp_path: Path) -> None:
    async with door(market_config, tmp_path, **EVERYTHING) as there:
        sql = "SELECT * FROM ticks ORDER BY id LIMIT 5"
        await there.measured("SELECT id FROM ticks")
        first = await there.plan(there.ask(sql))
        async with asyncio.timeout(10):
            while not (again := await there.plan(there.ask(sql))).warnings:
                await asyncio.sleep(0.01)
        assert first.warnings in ((), again.warnings)
        assert again.cached
        assert any("by a filter on ts would read" in each for each in again.warnings), again.warnings
        assert any("LIMIT" in each for each in again.warnings)
        assert CoachAdvised("hint", "partition_filter") in there.told
        narrow = "SELECT id FROM ticks WHERE ts >= TIMESTAMP '2026-04-02 00:00:00 UTC'"
        assert not (await there.measured(narrow)).warnings


@pytest.mark.long
@pytest.mark.asyncio
async def test_what_reads_little_goes_without_hints_and_so_does_everything_where_they_are_off(
    market_config: Config, tmp_path: Path
) -> None:
    for number, coaching in enumerate(
        ({}, {**EVERYTHING, "hints": False}, {"least_saving_bytes": 0, "least_saving_usd": 1})
    ):
        async with door(market_config, tmp_path / str(number), **coaching) as there:
            await there.measured("SELECT * FROM ticks ORDER BY id LIMIT 5")
            await asyncio.sleep(0.2)
            assert not (await there.plan(there.ask("SELECT * FROM ticks ORDER BY id LIMIT 5"))).warnings
            assert not there.told


@pytest.mark.asyncio
async def test_a_session_that_asks_for_it_gets_the_cheaper_form_and_is_told(
    market_config: Config, tmp_path: Path
) -> None:
    async with door(market_config, tmp_path, seconds=5) as there:
        plain = await there.measured(PRUNABLE)
        fixed = await there.measured(PRUNABLE, autofix="true")
        assert plain.estimate is not None
        assert fixed.estimate is not None
        assert fixed.plan.sql != plain.plan.sql
        assert fixed.plan.columns == plain.plan.columns
        assert fixed.estimate.bytes.likely < plain.estimate.bytes.likely
        assert fixed.saved_bytes == int(plain.estimate.bytes.likely - fixed.estimate.bytes.likely) > 0
        assert any(each.startswith("autofix: ") for each in fixed.warnings)
        assert (
            "autofix" not in there.house.statement(fixed.plan, there.ask(PRUNABLE, autofix="true")).session_properties
        )
        again = await there.plan(there.ask(PRUNABLE, autofix="true"))
        assert again.cached
        assert again.plan is fixed.plan
        same = await there.plan(there.ask("SELECT id FROM ticks WHERE id = 7", autofix="true"))
        assert not same.warnings


@pytest.mark.asyncio
async def test_savings_are_counted_by_the_bills_of_both_and_by_nothing_else(
    market_config: Config, tmp_path: Path
) -> None:
    def bill(nano: int, basis: Any = "measured") -> Bill:
        return Bill(nano, nano, basis)

    async with door(market_config, tmp_path, seconds=5) as there:
        publish = there.house.bus.publish

        async def end(planned: Planned, asked: Received, made: Bill) -> None:
            record = finished(asked.query_id, "FINISHED", fingerprint=planned.fingerprint, user="ana", bill=made)
            publish(StatementFinished(msgspec.structs.replace(record, received_at=asked.received_at)))

        async def run(sql: str, made: Bill, **properties: str) -> None:
            asked = there.ask(sql, **properties)
            await end(await there.plan(asked), asked, made)

        async def followed(count: int) -> AdviceFollowed:
            async with asyncio.timeout(30):
                while len(found := [each for each in there.told if isinstance(each, AdviceFollowed)]) < count:
                    await asyncio.sleep(0.01)
            assert len(found) == count
            last: AdviceFollowed = found[-1]
            return last

        planned = await there.measured(PRUNABLE)
        await there.measured(PRUNABLE, autofix="true")
        await run(PRUNABLE, bill(300), autofix="true")
        assert await followed(1) == AdviceFollowed("prunable_filter", by_autofix=True, saved_nano=None)
        coach = there.spending.coach
        assert coach is not None
        asked = there.ask(PRUNABLE)
        advice = await coach.advise(planned, asked)
        assert planned.estimate is not None
        known = msgspec.structs.replace(planned, estimate=replace(planned.estimate, kind="calibrated"))
        coach.offer(known, asked, advice.alternatives)
        await run(advice.alternatives[0].sql, bill(250))
        assert (await followed(2)).saved_nano is None, "an estimate is no measure, however calibrated"
        await run(PRUNABLE, bill(1000))
        await run(PRUNABLE, bill(300, "estimated"), autofix="true")
        await run(PRUNABLE, bill(300), autofix="true")
        assert await followed(3) == AdviceFollowed("prunable_filter", by_autofix=True, saved_nano=700)

        await coach.advise(planned, there.ask(PRUNABLE))
        await run(advice.alternatives[0].sql, bill(250))
        assert await followed(4) == AdviceFollowed("prunable_filter", by_autofix=False, saved_nano=750)
        await run(advice.alternatives[0].sql, bill(250))
        await run(PRUNABLE, bill(300), autofix="true")
        assert (await followed(5)).by_autofix


@pytest.mark.long
@pytest.mark.asyncio
async def test_each_alternative_is_priced_is_cheaper_and_runs_as_the_caller(
    market_config: Config, tmp_path: Path
) -> None:
    async with door(market_config, tmp_path, seconds=5) as there:
        coach = there.spending.coach
        assert coach is not None
        for user, sql in (
            ("ana", "SELECT * FROM ticks WHERE year(ts) = 2025"),
            ("ana", "SELECT * FROM ticks"),
            ("kay", "SELECT * FROM ticks t LEFT JOIN nodes n ON t.node = n.node"),
        ):
            planned = await there.measured(sql, user)
            asked = there.ask(sql, user)
            advice = await coach.advise(planned, asked, Room())
            assert planned.estimate is not None
            assert advice.alternatives, sql
            assert [each.same_result for each in advice.alternatives] == sorted(
                (each.same_result for each in advice.alternatives), reverse=True
            )
            for each in advice.alternatives:
                found = await there.measured(each.sql, user)
                assert found.estimate is not None
                assert each.estimate.bytes.likely <= planned.estimate.bytes.likely * 0.9
                assert found.estimate.bytes == each.estimate.bytes


@pytest.mark.asyncio
async def test_the_coach_that_has_no_time_or_fails_costs_no_statement_anything(
    market_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with door(market_config, tmp_path, least_saving_bytes=0, seconds=0.000001) as there:
        planned = await there.measured("SELECT * FROM ticks", autofix="true")
        assert planned.saved_bytes == 0
        coach = there.spending.coach
        assert coach is not None
        assert not (await coach.advise(planned, there.ask("SELECT * FROM ticks"))).alternatives

        async def broken(*_: object) -> None:
            raise ValueError("the estimator broke")

        monkeypatch.setattr(coach, "_estimate_of", broken)
        monkeypatch.setattr("gateway.coaching.coach.Coach.look", coach.look)
        assert await coach.advise(planned, there.ask("SELECT * FROM ticks"))


@pytest.mark.asyncio
async def test_a_warm_statement_pays_a_few_microseconds_for_the_coach(market_config: Config, tmp_path: Path) -> None:
    async with door(market_config, tmp_path) as there:
        await there.measured("SELECT id FROM ticks")
        coach, asked = there.spending.coach, there.ask("SELECT id FROM ticks")
        planned = await there.plan(asked)
        assert coach is not None
        best = float("inf")
        for _ in range(20):
            begun = time.perf_counter()
            for _ in range(100):
                await coach.step(planned, asked)
            best = min(best, (time.perf_counter() - begun) / 100)
        assert best < 20e-6, best
