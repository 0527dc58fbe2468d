"""The way of a statement's money: priced and admitted after planning, watched while it runs, settled at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec

from catalog.errors import Refusal
from engines.base import EngineStatement
from gateway.billing.opening import keep_late, open_billing, refuse_without_price
from gateway.budgets.bounds import Bounds
from gateway.budgets.opening import judge_cut_off, open_ledger
from gateway.budgets.rooms import BudgetRooms, open_budgets
from gateway.coaching.coach import Coach
from gateway.coaching.foreseeing import foreseeing, holding
from gateway.coaching.opening import open_coach
from gateway.coaching.recorded import RecordedStatements
from gateway.house import House
from gateway.models import NotPlanned, Plan, Planned
from gateway.pricing.opening import open_pricing, rate_of
from gateway.pricing.refused import refused
from gateway.protocols.trino.ports import Ended
from gateway.received import Received
from gateway.usage_record import Bill
from policies.cost.estimate import Estimate

Step = Callable[[Planned, Received], Awaitable[Planned | NotPlanned]]
"""What happens between a statement's plan and its engine: it may price, rewrite or refuse. May raise Refusal."""


async def _nothing_foreseen(_: Planned, __: Received) -> Refusal | None:
    return None


@dataclass(frozen=True, slots=True)
class Spending:
    """What the door asks about money; each part is a function of a room of its own."""

    budgets: BudgetRooms
    """Who may spend how much, and what was spent."""
    steps: tuple[tuple[str, Step], ...] = ()
    """By the name of the stage that usage rows and metrics know; in this order."""
    settle: Callable[[Ended], Bill | None] = lambda _: None
    """Say what a statement cost, once it has ended. Raises nothing."""
    watch: Callable[[str, int], Refusal | None] = lambda _, __: None
    """Told how many bytes a running statement has scanned: why it goes no further, if so."""
    bounds: Callable[[str], Bounds | None] = lambda _: None
    """What a running statement is held to by whoever serves it should this worker be gone."""
    cap: Callable[[str], int | None] = lambda _: None
    """How many bytes a statement's engine may scan for it; None for as many as it needs."""
    coach: Coach | None = None
    """Who advises on statements; None where nothing is priced."""
    recorded: RecordedStatements | None = None
    """The statements that advice may be asked about afterwards."""
    estimate: Callable[[Plan, Received], Awaitable[Estimate | None]] | None = None
    """Say what a plan is expected to take; None where nothing is priced."""
    foresee: Callable[[Planned, Received], Awaitable[Refusal | None]] = _nothing_foreseen
    """Say why a priced statement would be refused if it came now; nothing is reserved for it."""

    async def after_plan(self, planned: Planned, received: Received) -> Planned | NotPlanned:
        """Take a planned statement through the steps; the first that refuses ends it. Raises nothing."""
        for stage, step in self.steps:
            try:
                found = await step(planned, received)
            except Refusal as refusal:
                return refused(planned, refusal, stage)
            if isinstance(found, NotPlanned):
                return found
            planned = found
        return planned


def capped(
    make: Callable[[Plan, Received], EngineStatement], cap: Callable[[str], int | None]
) -> Callable[[Plan, Received], EngineStatement]:
    """Return a maker of engines' statements that also tells engines how much they may scan."""

    def made(plan: Plan, received: Received) -> EngineStatement:
        statement, most = make(plan, received), cap(received.query_id)
        return statement if most is None else msgspec.structs.replace(statement, max_scan_bytes=most)

    return made


async def open_spending(house: House, stack: AsyncExitStack) -> Spending:
    """Open the rooms that a statement's money goes through; `stack` closes them."""
    ledger = await open_ledger(house, stack)
    billing = open_billing(
        house, lambda ended, nano, size, word: ledger.settle(ended.received.query_id, nano, size, word)
    )
    keep_late(house, billing, ledger, stack)
    judge_cut_off(house, ledger, billing)
    priced_only = house.config.prices.missing == "refuse"
    steps: list[tuple[str, Step]] = [("rate", refuse_without_price(billing))] if priced_only else []
    coach: Coach | None = None
    recorded: RecordedStatements | None = None
    pricing = open_pricing(house, billing, stack)
    if pricing is not None:
        coach, recorded = open_coach(house, pricing.estimate, stack)
        steps.append(("price", pricing.price))
        steps.append(("coach", coach.step))
        steps.append(("price", holding(coach, house.config.pricing)))
    budgets = await open_budgets(house, ledger, rate_of(billing), coach, stack)
    steps.append(("budget", budgets.gate.admit))
    return Spending(
        budgets,
        tuple(steps),
        settle=lambda ended: budgets.gate.noted(ended, billing.settle(ended)),
        watch=budgets.gate.watch,
        bounds=budgets.gate.bounds,
        cap=budgets.gate.cap,
        coach=coach,
        recorded=recorded,
        estimate=None if pricing is None else pricing.estimate,
        foresee=foreseeing(house.config.pricing, budgets.gate.foresee),
    )
