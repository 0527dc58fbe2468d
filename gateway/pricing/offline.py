"""Price a statement for a command, without a gateway: by the engines themselves and what the store has learnt."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from gateway.billing.opening import price_book
from gateway.billing.price_book import Rate
from gateway.config import Config
from gateway.execute import engine_statement
from gateway.models import Plan, Planned
from gateway.pricing.pricing import Pricing
from gateway.pricing.recorded import Recorded
from gateway.received import Received
from gateway.recording.bounded import StoreAway
from gateway.rewriting.step import Rewrites, RewriteSettings
from gateway.simulation.offline import Offline
from policies.cost.estimate import Estimate

_log = logging.getLogger("penstock.pricing")


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a statement is expected to take, and what it would without the materialized views that answer it."""

    estimate: Estimate | None = None
    base: Estimate | None = None


async def estimate_offline(config: Config, grounds: Offline, received: Received) -> Foretold:
    """Return what a statement is expected to take as it would run. Raises Refusal without a price."""
    if config.pricing.mode == "off":
        return Foretold()
    planned = await grounds.pipeline.plan(received)
    if not isinstance(planned, Planned):
        return Foretold()
    book, policies = price_book(config), grounds.policies

    def rate_of(plan: Plan, asked: Received) -> Rate:
        region = policies.licences.engine_regions.get(plan.engine or "", "")
        partner = asked.principal.user in policies.partners
        return book.rate(plan.engine or "", region, asked.received_at, partner=partner)

    pricing = Pricing(grounds.runner.engines, config.pricing, rate_of, engine_statement)
    recorded = Recorded(config.store.url.get_secret_value(), pricing.learning)
    try:
        await recorded.read()
        pricing.learning.settle()
    except StoreAway as error:
        _log.warning("what estimates were worth could not be read: %s", error)
    finally:
        await recorded.close()
    settings = RewriteSettings(config.materialized_views.cost_margin)
    try:
        chosen = await Rewrites(grounds.runner.engines, settings, estimate=pricing.estimate).step(planned, received)
        base = await pricing.estimate(chosen.base, received) if chosen.base is not None else None
        return Foretold(await pricing.estimate(chosen.plan, received), base)
    finally:
        await pricing.close()
