"""Refusals by the estimate alone: with advice at the door, and foreseen for who asks before he runs a statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from catalog.errors import Refusal
from gateway.coaching.coach import Coach
from gateway.config.pricing import Pricing
from gateway.models import NotPlanned, Planned
from gateway.pricing.rules import hold_to
from gateway.received import Received

Foresee: TypeAlias = Callable[[Planned, Received], Awaitable[Refusal | None]]
_Step: TypeAlias = Callable[[Planned, Received], Awaitable[Planned | NotPlanned]]


def holding(coach: Coach, settings: Pricing) -> _Step:
    """Return the step that holds priced statements to the configuration's rules; it says what to run instead."""

    async def step(planned: Planned, received: Received) -> Planned | NotPlanned:
        estimate = planned.estimate
        if estimate is not None:
            try:
                hold_to(settings, estimate, received.query_id)
            except Refusal:
                hold_to(settings, estimate, received.query_id, await coach.advise(planned, received))
                raise
        return planned

    return step


def foreseeing(settings: Pricing, gate: Foresee) -> Foresee:
    """Return what says why a priced statement would be refused: by its estimate alone, or by caps and budgets."""

    async def foresee(planned: Planned, received: Received) -> Refusal | None:
        if planned.estimate is not None:
            try:
                hold_to(settings, planned.estimate, received.query_id)
            except Refusal as refusal:
                return refusal
        return await gate(planned, received)

    return foresee
