"""Open a worker's gate: over its ledger, the overrides in force, and what accounts have spent."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.budgets.balances import Balances
from gateway.budgets.following import Overrides
from gateway.budgets.gate import Gate, GatePorts
from gateway.budgets.ledger import Ledger
from gateway.budgets.overrides import OverrideStore
from gateway.coaching.coach import Coach
from gateway.coaching.model import NO_ADVICE, Advice, Room
from gateway.house import House
from gateway.models import Planned
from gateway.pricing.pricing import RateOf
from gateway.received import Received
from gateway.recording.bounded import BoundedStore


@dataclass(frozen=True, slots=True)
class BudgetRooms:
    """What the door and the admin API ask about budgets."""

    gate: Gate
    ledger: Ledger
    overrides: Overrides
    store: BoundedStore
    """Where accounts are read for people."""


async def open_budgets(
    house: House, ledger: Ledger, rate_of: RateOf, coach: Coach | None, stack: AsyncExitStack
) -> BudgetRooms:
    """Begin to follow overrides and accounts, and return the gate; `stack` ends it."""
    url = house.config.store.url.get_secret_value()
    overrides = Overrides(OverrideStore(url, chain=house.recorder.chain, appended=house.recorder.appended))
    stack.push_async_callback(overrides.close)
    await overrides.start()
    store = BoundedStore(url)
    stack.push_async_callback(store.close)
    balances = Balances(store, house.bus.publish)
    stack.push_async_callback(balances.close)
    balances.start()

    async def advise(planned: Planned, received: Received, room: Room) -> Advice:
        return await coach.advise(planned, received, room) if coach is not None else NO_ADVICE

    ports = GatePorts(
        policies=house.policies.current,
        ledger=ledger,
        rate_of=rate_of,
        overrides=overrides.live,
        balances=balances,
        advise=advise,
        note=house.recorder.note,
        publish=house.bus.publish,
    )
    return BudgetRooms(Gate(ports, house.config.budgets.overrun), ledger, overrides, store)
