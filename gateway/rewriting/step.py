"""The stage `rewrite`: shall this execution be answered from views? Asked before it is priced.

A rewriting holds for stated versions of its base tables. Each execution asks their engines for the present ones, which
is cheap; where one is another, the base is read, and the registry looks again meanwhile: nobody waits for that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from catalog.errors import Refusal
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.estimates import EstimatingEngine
from gateway.coaching.telling import price_lines
from gateway.events import Event, StatementRewritten, ViewsPassedOver
from gateway.models import Plan, Planned, Rewritten
from gateway.received import Received
from gateway.rewriting.telling import warning
from policies.cost.estimate import Estimate

_log = logging.getLogger("penstock.rewriting")
VERSION_SECONDS = 1.0
"""How long an execution waits for the versions of base tables before it reads the base."""
MOVED, UNASKED, COSTLY, TOO_MANY = "moved", "versions", "cost", "rows"
"""Why a base is read although a view could have answered, as metrics know it."""


@dataclass(frozen=True, slots=True)
class RewriteSettings:
    """What an operator can say."""

    cost_margin: float | None = None
    """A view is read where what it takes is less than this share of what the base takes; None: always."""


EstimateOf = Callable[[Plan, Received], Awaitable[Estimate | None]]


class Rewrites:
    """Choose between views and base; one per worker."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        settings: RewriteSettings,
        publish: Callable[[Event], None] = lambda _: None,
        kick: Callable[[Iterable[TableName]], None] = lambda _: None,
        estimate: EstimateOf | None = None,
    ) -> None:
        """`kick` tells the registry of views that tables have moved on; `estimate` prices plans."""
        self._engines = engines
        self._settings = settings
        self._publish = publish
        self._kick = kick
        self._estimate = estimate

    async def step(self, planned: Planned, received: Received) -> Planned:
        """Return a plan that reads views where that is right and worth it. Raises nothing."""
        plan = planned.plan
        if plan.explained is not None and plan.explained.rewritten is not None:
            return await self._explaining(planned, plan.explained, plan.explained.rewritten, received)
        if plan.rewritten is None:
            if plan.misses and not planned.fallback:
                self._publish(ViewsPassedOver("", plan.misses[0].missing))
            return planned
        if planned.fallback:
            return planned
        begun = time.perf_counter()
        why = await self._objection(plan, plan.rewritten, received)
        spent = {**planned.stage_ms, "rewrite": (time.perf_counter() - begun) * 1000}
        if why:
            self._publish(ViewsPassedOver(why, ""))
            return msgspec.structs.replace(planned, fallback=_SAID[why], stage_ms=spent)
        chosen = msgspec.structs.replace(
            planned,
            plan=plan.rewritten.plan,
            base=plan,
            rewritten=plan.rewritten,
            warnings=(*planned.warnings, warning(plan, plan.rewritten)),
            stage_ms=spent,
        )
        self._publish(StatementRewritten(received, chosen))
        return chosen

    async def _explaining(self, planned: Planned, inner: Plan, rewritten: Rewritten, received: Received) -> Planned:
        """Have an explanation say the price of what would run, and that of the base beside it."""
        if await self._objection(inner, rewritten, received):
            return planned
        plan = replace(planned.plan, explained=rewritten.plan)
        warnings = (*planned.warnings, *await self._beside(inner, received))
        return msgspec.structs.replace(planned, plan=plan, warnings=warnings)

    async def _beside(self, base: Plan, received: Received) -> tuple[str, ...]:
        if self._estimate is None:
            return ()
        try:
            found = await self._estimate(base, received)
        except Refusal:
            return ()
        return (f"Without materialized views: {next(price_lines(found))}",) if found is not None else ()

    async def _objection(self, plan: Plan, rewritten: Rewritten, received: Received) -> str:
        """Return why the base is read; empty where it is not."""
        if plan.standing.too_many_rows:
            return TOO_MANY
        if rewritten.expires is not None and received.received_at > rewritten.expires:
            return MOVED
        if rewritten.versions:
            now = await versions_of(rewritten.asked, self._engines)
            if now is None:
                return UNASKED
            if now != dict(rewritten.versions):
                self._kick(rewritten.versions)
                return MOVED
        return "" if await self._worth_it(plan, rewritten, received) else COSTLY

    async def _worth_it(self, plan: Plan, rewritten: Rewritten, received: Received) -> bool:
        """Compare what both would read; where nothing is known of it, the view is taken to be smaller."""
        margin = self._settings.cost_margin
        if margin is None or self._estimate is None:
            return True
        try:
            base, view = await self._estimate(plan, received), await self._estimate(rewritten.plan, received)
        except Refusal:
            return True
        if base is None or view is None or base.kind == "unknown" or view.kind == "unknown":
            return True
        return view.bytes.likely + _staged(rewritten) <= base.bytes.likely * margin


def _staged(rewritten: Rewritten) -> int:
    return (rewritten.bytes or 0) if rewritten.stages else 0


_SAID = {
    MOVED: "its base has changed since it was looked at",
    UNASKED: "the versions of its base tables were not told in time",
    COSTLY: "it would not read less than the base",
    TOO_MANY: "it gives more rows than are handed from one engine to another",
}


async def versions_of(tables: Iterable[Table], engines: Mapping[str, Engine]) -> dict[TableName, str] | None:
    """Return the present versions of tables; None where an engine does not tell them all in time."""
    by_engine: dict[str, list[Table]] = {}
    for table in tables:
        by_engine.setdefault(table.engine, []).append(table)
    found: dict[TableName, str] = {}
    for name, asked in by_engine.items():
        engine: object = engines.get(name)
        if not isinstance(engine, EstimatingEngine):
            return None
        try:
            found.update(await asyncio.wait_for(engine.data_versions(asked), VERSION_SECONDS))
        except (TimeoutError, Refusal):
            return None
        except Exception:  # noqa: BLE001  (the base is read then)
            _log.exception("the versions of tables could not be asked")
            return None
    return found
