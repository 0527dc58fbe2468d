"""Metrics of answers from materialized views: which views answered, and why others did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter

from gateway.events import StatementRewritten, ViewCompared, ViewQuarantined, ViewsPassedOver
from gateway.metrics.labels import Capped

if TYPE_CHECKING:
    from gateway.events import EventBus

_MOST_VIEWS = 500


def measure_rewriting(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of rewriting and feed them from the bus."""
    answered = Counter(
        "penstock_rewritten",
        "Statements answered from materialized views, by view and grade.",
        ["view", "grade"],
        registry=registry,
    )
    passed = Counter(
        "penstock_rewrite_fallbacks",
        "Statements answered from their base although a view could have answered, by the reason.",
        ["reason"],
        registry=registry,
    )
    missed = Counter(
        "penstock_rewrite_misses",
        "Statements that no view answers although some are over their tables, by what the nearest one lacks.",
        ["missing"],
        registry=registry,
    )
    views = Capped(_MOST_VIEWS)

    def rewritten(event: StatementRewritten) -> None:
        used = event.planned.rewritten
        if used is None:
            return
        for view in used.views:
            answered.labels(views(str(view)), used.grade).inc()

    def passed_over(event: ViewsPassedOver) -> None:
        if event.reason:
            passed.labels(event.reason).inc()
        if event.missing:
            missed.labels(event.missing).inc()

    compared = Counter(
        "penstock_view_comparisons",
        "Statements answered from materialized views by what came of comparing them with their base.",
        ["outcome"],
        registry=registry,
    )
    quarantined = Counter(
        "penstock_view_quarantines",
        "Findings against materialized views: each answers nobody until a person releases it.",
        ["view"],
        registry=registry,
    )
    bus.subscribe(ViewCompared, lambda event: compared.labels(event.outcome).inc())
    bus.subscribe(ViewQuarantined, lambda event: quarantined.labels(views(event.view)).inc())
    bus.subscribe(StatementRewritten, rewritten)
    bus.subscribe(ViewsPassedOver, passed_over)
