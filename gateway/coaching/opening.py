"""Open a worker's coach: over its pipeline and its prices, told of what statements come to in the end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

from gateway.coaching.alternatives import EstimateOf
from gateway.coaching.coach import Coach
from gateway.coaching.measured import Measured
from gateway.coaching.offers import Saved
from gateway.coaching.recorded import RecordedStatements
from gateway.events import AdviceFollowed, StatementFinished
from gateway.house import House
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.rewriting.step import Rewrites, RewriteSettings
from gateway.usage_record import UsageRecord

_log = logging.getLogger("penstock.coach")


def open_coach(house: House, estimate_of: EstimateOf, stack: AsyncExitStack) -> tuple[Coach, RecordedStatements]:
    """Begin to advise, on recorded statements too; `stack` ends it."""
    margin = house.config.materialized_views.cost_margin
    coach = Coach(
        lambda: house.pipeline.under(house.policies.governing(), outlines=True),
        estimate_of,
        house.config.coaching,
        house.bus.publish,
        choose=Rewrites(
            house.engines, RewriteSettings(margin), estimate=estimate_of
        ).step,  # nothing runs: it tells nobody
    )
    store = BoundedStore(house.config.store.url.get_secret_value())
    stack.push_async_callback(store.close)
    following = Following(house, coach, Measured(store))
    stack.push_async_callback(following.close)
    stack.push_async_callback(coach.close)
    house.bus.subscribe(StatementFinished, lambda event: following.heard(event.record))
    return coach, RecordedStatements(store)


class Following:
    """Say of each cheaper form that was run what it saved."""

    def __init__(self, house: House, coach: Coach, measured: Measured) -> None:
        """Say it on the house's bus."""
        self._bus = house.bus
        self._coach = coach
        self._measured = measured
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Say no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def heard(self, record: UsageRecord) -> None:
        """Take a statement's end."""
        saved = self._coach.offers.ended(record)
        if saved is not None:
            task = asyncio.get_running_loop().create_task(self._tell(saved))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, saved: Saved) -> None:
        original = self._coach.offers.measured(saved.original)
        if original is None:
            try:
                original = await self._measured.cost(saved.original)
            except StoreAway as error:
                _log.warning("what a statement cost before could not be read: %s", error)
        difference = original - saved.nano if original is not None else None
        self._bus.publish(AdviceFollowed(saved.kind, saved.by_autofix, difference))
