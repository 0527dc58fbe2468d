"""Consider a statement without running it: what it would become, cost, and what could be run instead."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import Refusal
from catalog.objects import TableName
from gateway.coaching.coach import Coach
from gateway.coaching.foreseeing import Foresee
from gateway.coaching.hints import Hint
from gateway.coaching.model import NO_ADVICE, Advice, Room
from gateway.models import NotPlanned, Planned
from gateway.received import Received
from policies.cost.estimate import Estimate

SECONDS = 2.0
"""How long somebody who asks for advice waits for it."""


@dataclass(frozen=True, slots=True)
class Considered:
    """All that is known of a statement before it runs."""

    received: Received
    planned: Planned | None = None
    estimate: Estimate | None = None
    refusal: Refusal | None = None
    """Why it would not run: what policy, its price or a budget has against it."""
    advice: Advice = NO_ADVICE
    hints: tuple[Hint, ...] = ()
    base: Estimate | None = None
    """What it would take without the materialized views that answer it."""
    touched: frozenset[TableName] = frozenset()
    """Every table that was looked up for it, existing or not."""


async def consider(coach: Coach, received: Received, foresee: Foresee) -> Considered:
    """Return what would become of a statement. What is refused is an answer; raises nothing but for lack of a price."""
    planned, estimate = await coach.priced(received)
    if isinstance(planned, NotPlanned):
        touched = frozenset(name for name, _ in planned.depends_on)
        return Considered(received, refusal=planned.refusal, touched=touched)
    touched = frozenset(name for name, _ in (planned.base or planned.plan).depends_on)
    if estimate is None:
        return Considered(received, planned, touched=touched)
    advice = await coach.look(planned, received, Room(), SECONDS)
    refusal = await foresee(planned, received)
    hints = coach.hints_of(estimate, advice)
    base = await coach.over_base(planned, received)
    return Considered(received, planned, estimate, refusal, advice, hints, base, touched)
