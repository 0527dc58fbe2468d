"""What Prometheus sees: the metric families, by what they measure, each fed from the bus.

Names of the platform's contract keep their exact spelling; ours begin with `penstock_`. docs/metrics.md lists all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import disable_created_metrics

from gateway.metrics.gateway import measure_gateway
from gateway.metrics.recording import measure_recording
from gateway.metrics.statements import measure_statements

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from gateway.events import EventBus


def measure(bus: EventBus, registry: CollectorRegistry, version: str, max_users: int = 200) -> None:
    """Register every family and feed it from the bus; users beyond `max_users` are counted as `other`."""
    # A `_created` series beside each counter would double the scrape and help nobody.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    measure_statements(bus, registry, max_users)
    measure_gateway(bus, registry, version)
    measure_recording(bus, registry)
