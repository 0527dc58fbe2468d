"""Metrics of sharing with partners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter

from gateway.events import PartnerAsked
from gateway.metrics.labels import Capped

if TYPE_CHECKING:
    from gateway.events import EventBus


def measure_sharing(bus: EventBus, registry: CollectorRegistry, max_partners: int = 200) -> None:
    """Register the families of sharing and feed them from the bus."""
    partner = Capped(max_partners)
    access = Counter(
        "sharing_access",
        "Statements of partners: allowed, refused, or turned away since they ask too often.",
        ["partner", "decision"],
        registry=registry,
    )
    bus.subscribe(PartnerAsked, lambda event: access.labels(partner(event.partner), event.decision).inc())
