"""Engines are probed in the background: one slow answer proves nothing, two in a row do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from catalog.errors import ErrorCode, Refusal
from engines.base import Engine, Health
from gateway.engine_watch import EngineWatch
from gateway.events import EngineHealthChanged

UP, DOWN = Health(True), Health(False, "status 503")


class Probed:
    """An engine that answers each probe as the test lists; the last answer stays. None means that it hangs."""

    name = "trino"

    def __init__(self, *answers: Health | Exception | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def health(self) -> Health:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer


@asynccontextmanager
async def watching(engine: Probed, told: list[bool]) -> AsyncIterator[EngineWatch]:
    def publish(event: EngineHealthChanged) -> None:
        told.append(event.healthy)

    watch = EngineWatch({"trino": cast(Engine, engine)}, publish, every=0.01, patience=0.05)
    watch.start()
    try:
        yield watch
    finally:
        await watch.close()


async def asked(engine: Probed, times: int) -> None:
    """Wait until the answer before the last probe was taken in."""
    async with asyncio.timeout(10):
        while engine.asked < times:
            await asyncio.sleep(0.005)


@pytest.mark.asyncio
async def test_an_engine_that_was_never_probed_counts_as_down() -> None:
    watch = EngineWatch({"trino": cast(Engine, Probed(UP))}, lambda _: None)
    assert watch.health() == {"trino": Health(False, "not probed yet")}


@pytest.mark.asyncio
@pytest.mark.parametrize("once", [None, DOWN, RuntimeError(), Refusal(ErrorCode.NO_NODES_AVAILABLE, "gone")])
async def test_one_bad_answer_of_an_engine_that_was_up_proves_nothing(once: Health | Exception | None) -> None:
    told: list[bool] = []
    engine = Probed(UP, once, UP)
    async with watching(engine, told) as watch:
        await asked(engine, 2)
        for _ in range(20):
            assert watch.health()["trino"] == UP
            await asyncio.sleep(0.005)
        await asked(engine, 5)
    assert told == [True]


@pytest.mark.asyncio
@pytest.mark.parametrize("forever", [None, DOWN, RuntimeError(), Refusal(ErrorCode.NO_NODES_AVAILABLE, "gone")])
async def test_two_bad_answers_in_a_row_take_it_down_and_one_good_one_brings_it_back(
    forever: Health | Exception | None,
) -> None:
    told: list[bool] = []
    engine = Probed(UP, forever, forever)
    async with watching(engine, told) as watch:
        await asked(engine, 4)
        assert not watch.health()["trino"].healthy
        assert watch.health()["trino"].detail
        engine.answers = [UP]
        seen = engine.asked
        await asked(engine, seen + 3)
        assert watch.health()["trino"] == UP
    assert told == [True, False, True]


@pytest.mark.asyncio
async def test_an_engine_that_was_never_up_is_down_at_its_first_bad_answer() -> None:
    told: list[bool] = []
    engine = Probed(DOWN)
    async with watching(engine, told) as watch:
        await asked(engine, 2)
        assert watch.health()["trino"] == DOWN
    assert told == [False]
