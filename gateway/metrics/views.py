"""Metrics of materialized views: how many are in which state, how far behind, and what building them came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.events import ViewBuilt, ViewsLooked
from gateway.metrics.labels import Capped

if TYPE_CHECKING:
    from gateway.events import EventBus

_LOOK_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0)
_BUILD_SECONDS = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_MOST_VIEWS = 500


def measure_views(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of views and feed them from the bus."""
    states = Gauge(
        "penstock_views", "Materialized views by state.", ["state"], registry=registry, multiprocess_mode="livemax"
    )
    behind = Gauge(
        "penstock_views_behind_seconds",
        "How long the view furthest behind has lacked what its base tables hold.",
        registry=registry,
        multiprocess_mode="livemax",
    )
    looks = Histogram(
        "penstock_views_look_seconds",
        "Time to look at all views once.",
        buckets=_LOOK_SECONDS,
        registry=registry,
    )
    failed = Counter("penstock_views_look_failures", "Looks at views that failed.", registry=registry)
    builds = Counter(
        "penstock_view_builds",
        "Views built from their base, by view and result.",
        ["view", "result"],
        registry=registry,
    )
    seconds = Histogram(
        "penstock_view_build_seconds", "Time to build a view.", buckets=_BUILD_SECONDS, registry=registry
    )
    views = Capped(_MOST_VIEWS)

    def looked(event: ViewsLooked) -> None:
        if event.error:
            failed.inc()
            return
        looks.observe(event.seconds)
        behind.set(event.behind_seconds)
        for state, count in event.states.items():
            states.labels(state).set(count)

    def built(event: ViewBuilt) -> None:
        builds.labels(views(event.view), "success" if event.ok else "failure").inc()
        seconds.observe(event.seconds)

    bus.subscribe(ViewsLooked, looked)
    bus.subscribe(ViewBuilt, built)
