"""Metrics of changesets in shadow: what was compared, what differs, what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter

from gateway.events import ShadowCompared, ShadowDropped

if TYPE_CHECKING:
    from gateway.events import EventBus


def measure_replay(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of shadows and feed them from the bus."""
    compared = Counter(
        "penstock_shadow_compared", "Statements planned again under changesets in shadow.", registry=registry
    )
    differences = Counter(
        "penstock_shadow_differences",
        "Statements that a changeset in shadow would have made otherwise, by what is different.",
        ["kind"],
        registry=registry,
    )
    dropped = Counter(
        "penstock_shadow_dropped",
        "Statements that were not compared with changesets in shadow, for there were too many at once.",
        registry=registry,
    )

    def found(event: ShadowCompared) -> None:
        compared.inc(event.statements)
        for kind, count in event.differences.items():
            differences.labels(kind).inc(count)

    bus.subscribe(ShadowCompared, found)
    bus.subscribe(ShadowDropped, lambda event: dropped.inc(event.statements))
