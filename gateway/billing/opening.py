"""Make a house's billing: its price book, where its engines stand, who of its callers is a partner."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from engines.estimates import AccountingEngine
from gateway.billing.adjustments import Adjustments
from gateway.billing.bills import Billing, Charging, no_budgets
from gateway.billing.late import LateActuals
from gateway.billing.price_book import PriceBook
from gateway.budgets.ledger import Ledger
from gateway.config import Config
from gateway.events import StatementFinished
from gateway.house import House
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Planned
from gateway.received import Received


def price_book(config: Config) -> PriceBook:
    """Return the price book of a configuration."""
    return PriceBook(config.prices, config.partners.usd_per_tb)


def open_billing(house: House, charge: Charging = no_budgets) -> Billing:
    """Return what bills are made from; `charge` settles what budgets had set aside."""
    return Billing(
        price_book(house.config),
        lambda engine: house.policies.current().licences.engine_regions.get(engine, ""),
        lambda subject: subject.scope is not None or subject.user in house.policies.current().partners,
        charge,
        frozenset({SYSTEM}),
        frozenset(_accounting(house)),
    )


def _accounting(house: House) -> dict[str, AccountingEngine]:
    """Return the engines that can be asked afterwards what statements took."""
    return {name: engine for name, engine in house.engines.items() if isinstance(engine, AccountingEngine)}


def keep_late(house: House, billing: Billing, ledger: Ledger, stack: AsyncExitStack) -> None:
    """Begin to settle what engines say late; `stack` ends it."""
    engines = _accounting(house)
    if not engines:
        return
    url, recorder = house.config.store.url.get_secret_value(), house.recorder
    store = Adjustments(url, chain=recorder.chain, appended=recorder.appended)
    stack.push_async_callback(store.close)
    late = LateActuals(engines, store, billing, house.bus.publish, ledger=ledger)
    house.bus.subscribe(StatementFinished, late.heard)
    settling = asyncio.create_task(late.run())
    stack.callback(settling.cancel)


def refuse_without_price(billing: Billing) -> Callable[[Planned, Received], Awaitable[Planned]]:
    """Return the step that lets nothing run for which there is no price."""

    async def step(planned: Planned, received: Received) -> Planned:
        engine = planned.plan.engine
        if engine is not None and engine not in billing.free:
            partner = billing.is_partner(received.subject)
            billing.book.rate(engine, billing.region_of(engine), received.received_at, partner=partner)
        return planned

    return step
