"""Make a house's billing: its price book, where its engines stand, who of its callers is a partner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.billing.bills import Billing, Charging, no_budgets
from gateway.billing.price_book import PriceBook
from gateway.config import Config
from gateway.house import House
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Planned, Received


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
    )


def refuse_without_price(billing: Billing) -> Callable[[Planned, Received], Awaitable[Planned]]:
    """Return the step that lets nothing run for which there is no price."""

    async def step(planned: Planned, received: Received) -> Planned:
        engine = planned.plan.engine
        if engine is not None and engine not in billing.free:
            partner = billing.is_partner(received.subject)
            billing.book.rate(engine, billing.region_of(engine), received.received_at, partner=partner)
        return planned

    return step
