"""Metrics of partners: what was made for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter

from gateway.events import AuditAppended
from gateway.partners.tokens import is_partner_token

if TYPE_CHECKING:
    from gateway.events import EventBus


def measure_partners(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of partners and feed them from the bus."""
    issued = Counter("sharing_tokens_issued", "Tokens that were made for partners.", registry=registry)

    def appended(event: AuditAppended) -> None:
        for link in event.new:
            if is_partner_token(link):
                issued.inc()

    bus.subscribe(AuditAppended, appended)
