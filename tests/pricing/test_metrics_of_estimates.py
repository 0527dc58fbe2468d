"""What estimates are worth can be watched: coverage, errors and drift, by capped labels."""

from __future__ import annotations

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from gateway.events import EstimateAsked, EventBus, StatementFinished
from gateway.metrics.pricing import measure_pricing
from tests.pricing.test_calibration import priced, record


@pytest.fixture
def watched() -> tuple[EventBus, CollectorRegistry]:
    """A bus, and what is counted of it."""
    bus, registry = EventBus(), CollectorRegistry()
    measure_pricing(bus, registry)
    return bus, registry


def test_measured_coverage_stands_beside_the_stated_one(watched: tuple[EventBus, CollectorRegistry]) -> None:
    bus, registry = watched
    for number in range(10):
        read = 1_500_000 if number < 8 else 9_000_000
        bus.publish(StatementFinished(record(query_id=f"q{number}", scanned_bytes=read)))
    labels = {"engine": "lake"}
    assert registry.get_sample_value("penstock_estimate_coverage", labels) == 0.8
    assert registry.get_sample_value("penstock_estimate_coverage_stated", labels) == 0.9
    assert registry.get_sample_value("penstock_estimates_checked_total", labels) == 10
    assert registry.get_sample_value("penstock_estimates_covered_total", labels) == 8
    assert registry.get_sample_value("penstock_estimate_q_error_bucket", {**labels, "le": "1.5"}) == 8
    kind = {**labels, "kind": "upper bound"}
    assert registry.get_sample_value("penstock_estimates_total", kind) == 10


def test_drift_tells_that_estimates_of_a_dataset_get_worse(watched: tuple[EventBus, CollectorRegistry]) -> None:
    bus, registry = watched
    for number in range(64):
        read = 1_000_000 if number < 48 else 4_000_000
        bus.publish(StatementFinished(record(query_id=f"q{number}", scanned_bytes=read)))
    dataset = {"dataset": "a.t"}
    assert registry.get_sample_value("penstock_estimate_signed_error", dataset) == pytest.approx(0.5)
    assert registry.get_sample_value("penstock_estimate_drift", dataset) == pytest.approx(1.5)


def test_labels_are_capped_and_what_did_not_finish_is_not_held_against_estimates(
    watched: tuple[EventBus, CollectorRegistry],
) -> None:
    bus, registry = watched
    for number in range(300):
        scans = ((f"lake.a.t{number}", 10),)
        bus.publish(
            StatementFinished(record(query_id=f"q{number}", priced=msgspec.structs.replace(priced(), scans=scans)))
        )
    bus.publish(StatementFinished(record(outcome="CANCELED")))
    samples = [s for family in registry.collect() for s in family.samples]
    assert len({s.labels["dataset"] for s in samples if "dataset" in s.labels}) == 201
    assert registry.get_sample_value("penstock_estimates_checked_total", {"engine": "lake"}) == 300


def test_questions_to_engines_are_counted_by_what_became_of_them(watched: tuple[EventBus, CollectorRegistry]) -> None:
    bus, registry = watched
    bus.publish(EstimateAsked("lake", "late", 2.0))
    bus.publish(EstimateAsked("lake", "answered", 0.004))
    assert registry.get_sample_value("penstock_estimate_questions_total", {"engine": "lake", "result": "late"}) == 1
    assert registry.get_sample_value("penstock_estimate_question_seconds_count", {"engine": "lake"}) == 2
