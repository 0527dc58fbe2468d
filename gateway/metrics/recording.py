"""Metrics of recording: whether the store takes rows, what waits, what was turned away, what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.events import (
    JournalRecovered,
    RecordingMeasured,
    RecordingRefused,
    RowsLost,
    RowsShipped,
    StoreAvailable,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from gateway.events import EventBus

BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def measure_recording(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of recording and feed them from the bus."""
    _measure_store(bus, registry)
    _measure_journal(bus, registry)
    _measure_losses(bus, registry)


def _measure_store(bus: EventBus, registry: CollectorRegistry) -> None:
    up = Gauge(
        "penstock_store_up",
        "1 while the usage store takes rows; with several workers, from all of them.",
        registry=registry,
        multiprocess_mode="livemin",
    )
    rows = Counter("penstock_recording_rows", "Usage rows written to the store.", registry=registry)
    seconds = Histogram(
        "penstock_recording_batch_seconds",
        "Time to write a batch of usage rows.",
        buckets=BATCH_SECONDS,
        registry=registry,
    )

    def shipped(event: RowsShipped) -> None:
        rows.inc(event.rows)
        seconds.observe(event.seconds)

    bus.subscribe(StoreAvailable, lambda _: up.set(1))
    bus.subscribe(StoreUnavailable, lambda _: up.set(0))
    bus.subscribe(RowsShipped, shipped)


def _measure_journal(bus: EventBus, registry: CollectorRegistry) -> None:
    size = Gauge(
        "penstock_recording_journal_bytes",
        "Size of the journals not yet in the store.",
        registry=registry,
        multiprocess_mode="livesum",
    )
    waiting = Gauge(
        "penstock_recording_waiting_rows",
        "Finished rows not yet in the store.",
        registry=registry,
        multiprocess_mode="livesum",
    )
    lag = Gauge(
        "penstock_recording_lag_seconds",
        "Age of the oldest finished row not yet in the store.",
        registry=registry,
        multiprocess_mode="livemax",
    )

    def measured(event: RecordingMeasured) -> None:
        size.set(event.journal_bytes)
        waiting.set(event.waiting_rows)
        lag.set(event.lag_seconds)

    bus.subscribe(RecordingMeasured, measured)


def _measure_losses(bus: EventBus, registry: CollectorRegistry) -> None:
    refusals = Counter(
        "penstock_recording_refusals",
        "Statements turned away because they could not be recorded.",
        ["reason"],
        registry=registry,
    )
    lost = Counter("penstock_recording_rows_lost", "Usage rows lost for good.", ["reason"], registry=registry)
    cut_off = Counter(
        "penstock_recording_cut_off",
        "Statements cut off by a worker's death and recorded afterwards.",
        registry=registry,
    )
    damaged = Counter("penstock_recording_damaged_lines", "Journal lines that could not be read.", registry=registry)

    def recovered(event: JournalRecovered) -> None:
        cut_off.inc(event.cut_off)
        damaged.inc(event.damaged)

    bus.subscribe(RecordingRefused, lambda event: refusals.labels(event.reason).inc())
    bus.subscribe(RowsLost, lambda event: lost.labels(event.reason).inc(event.rows))
    bus.subscribe(JournalRecovered, recovered)
