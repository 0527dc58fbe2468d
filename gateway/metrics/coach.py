"""Metrics of the coach: what it said, what was taken up, and what that saved by the bills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.events import AdviceFollowed, CoachAdvised, StatementRefused
from policies.cost.money import NANO

if TYPE_CHECKING:
    from gateway.events import EventBus

_STAGES = frozenset({"rate", "price", "rule", "budget"})
"""The stages that refuse for what a statement costs."""


def measure_coach(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of the coach and feed them from the bus."""
    saved = Gauge(
        "cost_coach_cost_saved_usd",
        "Dollars saved by cheaper forms of statements that were run: bills of the originals less their own.",
        registry=registry,
        multiprocess_mode="sum",
    )
    hints = Counter(
        "cost_coach_hints", "Hints that rode with statements, by what they advise.", ["kind"], registry=registry
    )
    fixes = Counter("cost_coach_autofixes", "Statements run in a cheaper form, as asked.", ["kind"], registry=registry)
    refusals = Counter(
        "cost_coach_refusals", "Statements refused for what they cost, by the stage.", ["stage"], registry=registry
    )
    adopted = Counter(
        "cost_coach_adopted",
        "Offered statements that were run within the hour, by their kind.",
        ["kind"],
        registry=registry,
    )

    def advised(event: CoachAdvised) -> None:
        (hints if event.way == "hint" else fixes).labels(event.kind).inc()

    def followed(event: AdviceFollowed) -> None:
        if not event.by_autofix:
            adopted.labels(event.kind).inc()
        if event.saved_nano is not None:
            saved.inc(event.saved_nano / NANO)

    def refused(event: StatementRefused) -> None:
        if event.stage in _STAGES:
            refusals.labels(event.stage).inc()

    bus.subscribe(CoachAdvised, advised)
    bus.subscribe(AdviceFollowed, followed)
    bus.subscribe(StatementRefused, refused)
