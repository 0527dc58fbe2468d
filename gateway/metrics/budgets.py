"""Metrics of budgets: what accounts have, what was refused for them, and which overrides helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.events import BudgetMeasured, BudgetRefused, LeasesOrphaned, OverrideUsed
from gateway.metrics.labels import OTHER, Capped

if TYPE_CHECKING:
    from gateway.events import EventBus

_ACCOUNT = ["budget", "holder", "unit"]


def measure_budgets(bus: EventBus, registry: CollectorRegistry, most: int = 200) -> None:
    """Register the families of budgets and feed them from the bus; accounts beyond `most` are left out."""
    _measure_accounts(bus, registry, most)
    limit = Capped(most)
    refusals = Counter(
        "penstock_budget_refusals",
        "Statements refused or stopped for a budget or a cap, by what ran out.",
        ["limit", "kind", "unit", "when"],
        registry=registry,
    )
    used = Counter(
        "penstock_budget_overrides_used",
        "Statements that only an override let pass.",
        ["limit"],
        registry=registry,
    )

    orphaned = Counter(
        "penstock_budget_leases_orphaned",
        "Parts of budgets that went back because their workers were not heard of.",
        registry=registry,
    )

    def refused(event: BudgetRefused) -> None:
        refusals.labels(limit(event.limit), event.kind, event.unit, "midway" if event.stopped else "before").inc()

    bus.subscribe(BudgetRefused, refused)
    bus.subscribe(LeasesOrphaned, lambda event: orphaned.inc(event.leases))
    bus.subscribe(OverrideUsed, lambda event: used.labels(limit(event.limit)).inc())


def _measure_accounts(bus: EventBus, registry: CollectorRegistry, most: int) -> None:
    def gauge(name: str, text: str) -> Gauge:
        return Gauge(name, text, _ACCOUNT, registry=registry, multiprocess_mode="livemostrecent")

    limits = gauge("penstock_budget_limit", "Limit of an account in use, in dollars or bytes.")
    spent = gauge("penstock_budget_spent", "What the account has spent in its present period.")
    reserved = gauge("penstock_budget_reserved", "What running statements hold of it.")
    budget, holder = Capped(most), Capped(most)

    def measured(event: BudgetMeasured) -> None:
        names = (budget(event.budget), holder(event.holder), event.unit)
        if OTHER in names[:2] and OTHER not in (event.budget, event.holder):
            return  # a gauge of several accounts would say nothing of any
        limits.labels(*names).set(event.limit)
        spent.labels(*names).set(event.spent)
        reserved.labels(*names).set(event.reserved)

    bus.subscribe(BudgetMeasured, measured)
