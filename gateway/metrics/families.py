"""Every metric family, registered and fed from the bus.

Names of the platform's contract keep their exact spelling; ours begin with `penstock_`. docs/metrics.md lists all.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

from gateway.metrics.audit import measure_audit
from gateway.metrics.budgets import measure_budgets
from gateway.metrics.coach import measure_coach
from gateway.metrics.costs import measure_costs
from gateway.metrics.gateway import measure_gateway
from gateway.metrics.partners import measure_partners
from gateway.metrics.pricing import measure_pricing
from gateway.metrics.recording import measure_recording
from gateway.metrics.replay import measure_replay
from gateway.metrics.rewriting import measure_rewriting
from gateway.metrics.shared import shared_folder, shared_registry
from gateway.metrics.sharing import measure_sharing
from gateway.metrics.statements import measure_statements
from gateway.metrics.views import measure_views

if TYPE_CHECKING:
    from gateway.events import EventBus


class Metrics:
    """Count what the bus tells. `registry` is what `/metrics` shows: this process, or all workers of the host."""

    def __init__(self, bus: EventBus, max_users: int = 200) -> None:
        """Make all families and listen; users beyond `max_users` are counted as `other`."""
        own = CollectorRegistry()
        measure(bus, own, version("penstock"), max_users)
        folder = shared_folder()
        if folder is None:
            ProcessCollector(registry=own)
            self.registry = own
        else:
            self.registry = shared_registry(folder)


def measure(bus: EventBus, registry: CollectorRegistry, release: str, max_users: int = 200) -> None:
    """Register every family of ours and feed it from the bus; `release` is the version to show."""
    # A `_created` series beside each counter would double the scrape and help nobody.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # an untyped library
    measure_statements(bus, registry, max_users)
    measure_costs(bus, registry, max_users)
    measure_gateway(bus, registry, release)
    measure_recording(bus, registry)
    measure_audit(bus, registry)
    measure_sharing(bus, registry)
    measure_partners(bus, registry)
    measure_pricing(bus, registry)
    measure_budgets(bus, registry)
    measure_replay(bus, registry)
    measure_coach(bus, registry)
    measure_views(bus, registry)
    measure_rewriting(bus, registry)
