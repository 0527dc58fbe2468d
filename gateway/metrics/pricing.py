"""Metrics of estimates: how many, what they were worth beside what engines read, how engines are asked for them."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.events import EstimateAsked, StatementFinished
from gateway.metrics.labels import Capped
from gateway.pricing.learning import Run, run_of

if TYPE_CHECKING:
    from gateway.events import EventBus

_Q_ERRORS = (1.05, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0, 100.0)
_ASKED_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
_FLOOR = 1024.0
"""Bytes below which a difference is none."""
_ROLLING, _RECENT = 256, 16
_MOST_DATASETS = 200


def measure_pricing(bus: EventBus, registry: CollectorRegistry) -> None:
    """Register the families of estimates and feed them from the bus."""
    _measure_kinds(bus, registry)
    _measure_worth(bus, registry)
    _measure_datasets(bus, registry)
    _measure_questions(bus, registry)


def _measure_kinds(bus: EventBus, registry: CollectorRegistry) -> None:
    estimates = Counter(
        "penstock_estimates", "Statements by what their estimate rests on.", ["engine", "kind"], registry=registry
    )
    of_kind = cache(estimates.labels)

    def finished(event: StatementFinished) -> None:
        record = event.record
        if record.priced is not None and record.engine:
            of_kind(record.engine, record.priced.kind).inc()

    bus.subscribe(StatementFinished, finished)


def _measure_worth(bus: EventBus, registry: CollectorRegistry) -> None:
    checked = Counter(
        "penstock_estimates_checked", "Estimates held against what engines read.", ["engine"], registry=registry
    )
    covered = Counter(
        "penstock_estimates_covered", "Those of them whose interval held it.", ["engine"], registry=registry
    )
    coverage = Gauge(
        "penstock_estimate_coverage",
        "Share of the last 256 estimates whose interval held what the engine read.",
        ["engine"],
        registry=registry,
        multiprocess_mode="livemostrecent",
    )
    stated = Gauge(
        "penstock_estimate_coverage_stated",
        "Share that intervals are meant to hold.",
        ["engine"],
        registry=registry,
        multiprocess_mode="livemostrecent",
    )
    factor = Histogram(
        "penstock_estimate_q_error",
        "Factor between the likely bytes and those that the engine read, whichever way.",
        ["engine"],
        buckets=_Q_ERRORS,
        registry=registry,
    )
    checked_on, covered_on, factor_on = cache(checked.labels), cache(covered.labels), cache(factor.labels)
    coverage_on, stated_on = cache(coverage.labels), cache(stated.labels)
    last: dict[str, deque[bool]] = {}

    def finished(event: StatementFinished) -> None:
        run = run_of(event.record)
        if run is None:
            return
        rolling, held = last.setdefault(run.engine, deque(maxlen=_ROLLING)), _held(run)
        rolling.append(held)
        checked_on(run.engine).inc()
        covered_on(run.engine).inc(held)
        coverage_on(run.engine).set(sum(rolling) / len(rolling))
        stated_on(run.engine).set(run.priced.coverage)
        factor_on(run.engine).observe(math.exp(abs(_signed(run))))

    bus.subscribe(StatementFinished, finished)


def _measure_datasets(bus: EventBus, registry: CollectorRegistry) -> None:
    """Tell how estimates err by the dataset that most of a statement's bytes are read of."""
    signed = Gauge(
        "penstock_estimate_signed_error",
        "Mean logarithm (base 2) of bytes read by likely bytes, of the last 256 statements: 1 is twice as much.",
        ["dataset"],
        registry=registry,
        multiprocess_mode="livemostrecent",
    )
    drift = Gauge(
        "penstock_estimate_drift",
        "The same of the last 16 statements, less that of all: how estimates get worse.",
        ["dataset"],
        registry=registry,
        multiprocess_mode="livemostrecent",
    )
    dataset = Capped(_MOST_DATASETS)
    signed_of, drift_of = cache(signed.labels), cache(drift.labels)
    last: OrderedDict[str, deque[float]] = OrderedDict()

    def finished(event: StatementFinished) -> None:
        run = run_of(event.record)
        if run is None:
            return
        heaviest = max(run.priced.scans, key=lambda each: each[1])[0]
        label = dataset(heaviest.partition(".")[2] or heaviest)
        errors = last.setdefault(label, deque(maxlen=_ROLLING))
        errors.append(_signed(run) / math.log(2))
        mean, recent = sum(errors) / len(errors), list(errors)[-_RECENT:]
        signed_of(label).set(mean)
        drift_of(label).set(sum(recent) / len(recent) - mean)

    bus.subscribe(StatementFinished, finished)


def _measure_questions(bus: EventBus, registry: CollectorRegistry) -> None:
    asked = Counter(
        "penstock_estimate_questions",
        "Questions to engines for estimates, by what became of them.",
        ["engine", "result"],
        registry=registry,
    )
    seconds = Histogram(
        "penstock_estimate_question_seconds",
        "How long engines took to answer them.",
        ["engine"],
        buckets=_ASKED_SECONDS,
        registry=registry,
    )

    def told(event: EstimateAsked) -> None:
        asked.labels(event.engine, event.result).inc()
        seconds.labels(event.engine).observe(event.seconds)

    bus.subscribe(EstimateAsked, told)


def _held(run: Run) -> bool:
    low, _, high = run.priced.bytes
    return low <= run.scanned_bytes and (high is None or run.scanned_bytes <= high)


def _signed(run: Run) -> float:
    """Return the natural logarithm of what was read by what was likely."""
    return math.log(max(run.scanned_bytes, _FLOOR) / max(run.priced.bytes[1], _FLOOR))
