"""What Prometheus sees of costs: the platform's names, bills by user and dataset, and what corrects them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from gateway.events import BillAdjusted, EventBus, StatementFinished
from gateway.metrics.costs import measure_costs
from tests.billing.rows import CENT, billed
from tests.gateway.recording.usage_records import finished


def measured(*told: StatementFinished | BillAdjusted, users: int = 200) -> CollectorRegistry:
    bus, registry = EventBus(), CollectorRegistry()
    measure_costs(bus, registry, users)
    for each in told:
        bus.publish(each)
    return registry


def test_bills_and_what_corrects_them_add_up_by_user_and_by_dataset() -> None:
    record = billed("q1", 3 * CENT, {"iceberg.a.t": 2 * CENT, "iceberg.a.u": CENT})
    registry = measured(
        StatementFinished(record),
        StatementFinished(finished("q2")),  # without a bill
        BillAdjusted(record, -CENT, -5, (("iceberg.a.t", -CENT),)),
    )
    assert registry.get_sample_value("platform_cost_usd") == pytest.approx(0.02)
    user = {"user": "analyst1", "service": "trino"}
    assert registry.get_sample_value("data_platform_cost_by_user", user) == pytest.approx(0.02)
    parts = [registry.get_sample_value("data_platform_cost_by_dataset", {"dataset": name}) for name in ("a.t", "a.u")]
    assert parts == [pytest.approx(0.01), pytest.approx(0.01)]


def test_bytes_scanned_are_shared_by_what_was_expected_of_each_table() -> None:
    record = billed("q1", scanned_bytes=1001)
    scans = (("iceberg.a.t", 300), ("iceberg.a.u", 100))
    assert record.priced is not None
    record = replace(record, priced=replace(record.priced, scans=scans))
    registry = measured(StatementFinished(record))
    parts = [
        registry.get_sample_value("data_platform_bytes_scanned_total", {"dataset": name}) for name in ("a.t", "a.u")
    ]
    assert parts == [751, 250]


def test_users_beyond_the_cap_share_one_label() -> None:
    told = [StatementFinished(billed(f"q{number}", CENT, user=f"u{number}")) for number in range(5)]
    registry = measured(*told, users=2)
    other = registry.get_sample_value("data_platform_cost_by_user", {"user": "other", "service": "trino"})
    assert other == pytest.approx(0.03)
