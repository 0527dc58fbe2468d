"""Open what a worker needs to serve partners, and keep looking at what their statements rest on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from gateway.house import House
from gateway.partners.admission import Admission
from gateway.partners.buckets import Buckets
from gateway.partners.rates import Rates

_REVIEW_SECONDS = 1.0
"""How often running statements of partners are looked at; each page is looked at besides."""


def open_admission(house: House, stack: AsyncExitStack, workers: Callable[[], int]) -> Admission:
    """Return the admission of partners; `workers` tells how many share their rates. `stack` closes it."""
    buckets = Buckets(house.config.store.url.get_secret_value())
    stack.push_async_callback(buckets.close)
    policies, tokens = house.policies, house.authenticator.partner_tokens
    return Admission(
        house.following,
        lambda: policies.current().partners,
        Rates(buckets, workers),
        lambda: tokens.config,
        house.bus.publish,
    )


async def keep_reviewing(house: House, review: Callable[[], None]) -> None:
    """Hold what partners' statements rest on against the registry and the clock, also while nobody polls them."""
    while True:
        await asyncio.sleep(_REVIEW_SECONDS)
        if house.policies.current().partners.partners:
            review()
