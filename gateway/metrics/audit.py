"""Metrics of the audit: what the chain takes, whether it holds, whether its sinks keep up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.events import AuditAppended, AuditChainBroken, AuditForwarded, AuditForwardingLost, AuditSinkChanged

if TYPE_CHECKING:
    from gateway.events import EventBus


def measure_audit(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of the audit and feed them from the bus."""
    entries = Counter("penstock_audit_entries", "Entries that the audit's chain took.", ["kind"], registry=registry)
    broken = Counter(
        "penstock_audit_chain_broken",
        "Times that the chain did not hold an end that this gateway had seen.",
        registry=registry,
    )

    def appended(event: AuditAppended) -> None:
        for link in event.new:
            entries.labels(link.kind).inc()

    bus.subscribe(AuditAppended, appended)
    bus.subscribe(AuditChainBroken, lambda _: broken.inc())
    _measure_sinks(bus, registry)


def _measure_sinks(bus: EventBus, registry: CollectorRegistry) -> None:
    up = Gauge(
        "penstock_audit_sink_up",
        "1 while the sink takes entries; with several workers, from all of them.",
        ["sink"],
        registry=registry,
        multiprocess_mode="livemin",
    )
    waiting = Gauge(
        "penstock_audit_spool_bytes",
        "What waits for the sink on this host.",
        ["sink"],
        registry=registry,
        multiprocess_mode="livesum",
    )
    forwarded = Counter("penstock_audit_forwarded", "Lines that the sink took.", ["sink"], registry=registry)
    lost = Counter("penstock_audit_lost", "Lines that will never reach the sink.", ["sink"], registry=registry)

    def took(event: AuditForwarded) -> None:
        forwarded.labels(event.sink).inc(event.entries)
        waiting.labels(event.sink).set(event.waiting_bytes)

    bus.subscribe(AuditSinkChanged, lambda event: up.labels(event.sink).set(event.up))
    bus.subscribe(AuditForwarded, took)
    bus.subscribe(AuditForwardingLost, lambda event: lost.labels(event.sink).inc(event.entries))
