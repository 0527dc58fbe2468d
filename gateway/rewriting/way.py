"""A planned statement's way to its engine, with views where that is right and without them where anything fails."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from gateway.events import Event, ViewsPassedOver
from gateway.models import NotPlanned, Planned
from gateway.received import Received
from gateway.rewriting.staging import NotStaged, Staging
from gateway.rewriting.step import Rewrites

Steps = Callable[[Planned, Received], Awaitable[Planned | NotPlanned]]
"""What prices and admits a plan. Raises nothing."""


@dataclass(frozen=True, slots=True)
class ViewsWay:
    """Where views stand in a statement's way: chosen before its price, read after it was admitted."""

    rewrites: Rewrites
    staging: Staging
    steps: Steps
    release: Callable[[str], None] = lambda _: None
    """Let go of what was reserved for a statement."""
    publish: Callable[[Event], None] = lambda _: None

    async def after_plan(self, planned: Planned, received: Received) -> Planned | NotPlanned:
        """Take a planned statement to its engine. Raises nothing."""
        chosen = await self.rewrites.step(planned, received)
        admitted = await self.steps(chosen, received)
        if isinstance(admitted, NotPlanned) or admitted.rewritten is None:
            return admitted
        begun = time.perf_counter()
        try:
            staged = await self.staging.stage(admitted, received)
        except NotStaged as not_staged:
            if not_staged.reason == "rows" and admitted.base is not None:
                admitted.base.standing.too_many_rows = True
            in_vain = msgspec.structs.replace(admitted, owed=(*admitted.owed, *not_staged.owed))
            return await self.over_base(in_vain, received, not_staged.reason, not_staged.said, not_staged.scanned)
        if not admitted.rewritten.stages:
            return staged
        spent = {**staged.stage_ms, "views": (time.perf_counter() - begun) * 1000}
        return msgspec.structs.replace(staged, stage_ms=spent)

    async def over_base(
        self, planned: Planned, received: Received, reason: str, said: str, scanned: int = 0
    ) -> Planned | NotPlanned:
        """Take a statement to the engine of its base, whose views could not answer: it is priced and admitted anew."""
        if planned.base is None:
            return planned
        self.publish(ViewsPassedOver(reason, ""))
        self.release(received.query_id)
        instead = Planned(
            planned.base,
            planned.cached,
            planned.stage_ms,
            fallback=said,
            staged_bytes=planned.staged_bytes + scanned,
            owed=planned.owed,
        )
        return await self.steps(instead, received)
