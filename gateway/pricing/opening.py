"""Open a house's pricing: its engines, its price book, and what statements have taught it."""

from __future__ import annotations

from contextlib import AsyncExitStack

from gateway.billing.bills import Billing
from gateway.billing.price_book import Rate
from gateway.events import BillAdjusted, StatementFinished
from gateway.house import House
from gateway.models import Plan
from gateway.pricing.pricing import Pricing, RateOf
from gateway.pricing.recorded import Recorded
from gateway.received import Received


def open_pricing(house: House, billing: Billing, stack: AsyncExitStack) -> Pricing | None:
    """Begin to price statements; None where the configuration says not to. `stack` ends it."""
    if house.config.pricing.mode == "off":
        return None
    pricing = Pricing(house.engines, house.config.pricing, rate_of(billing), house.statement, house.bus.publish)
    house.bus.subscribe(StatementFinished, lambda event: pricing.heard(event.record))
    house.bus.subscribe(BillAdjusted, lambda event: pricing.heard_late(event.record, _billed(event)))
    recorded = Recorded(house.config.store.url.get_secret_value(), pricing.learning)
    stack.push_async_callback(recorded.close)
    recorded.start()
    stack.push_async_callback(pricing.close)
    pricing.start()
    return pricing


def _billed(event: BillAdjusted) -> int:
    """Return the bytes that a corrected bill is for."""
    return event.bytes + (event.record.bill.bytes if event.record.bill is not None else 0)


def rate_of(billing: Billing) -> RateOf:
    """Return what finds the price of a plan as its bill will find it."""

    def found(plan: Plan, received: Received) -> Rate:
        engine, partner = plan.engine or "", billing.is_partner(received.subject)
        return billing.book.rate(engine, billing.region_of(engine), received.received_at, partner=partner)

    return found
