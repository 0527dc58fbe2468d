"""Metrics of what statements cost, by who asked and by what they read, and of the bytes behind it.

Gauges, since entries that correct bills may take something off; several workers' values are added up.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.events import BillAdjusted, StatementFinished
from gateway.metrics.labels import Capped
from policies.cost.money import NANO, split

if TYPE_CHECKING:
    from gateway.events import EventBus
    from gateway.usage_record import UsageRecord

_MOST_DATASETS = 1000


def measure_costs(bus: EventBus, registry: CollectorRegistry, max_users: int) -> None:
    """Register the families of costs and feed them from the bus."""
    dataset = Capped(_MOST_DATASETS)
    _measure_money(bus, registry, Capped(max_users), dataset)
    _measure_bytes(bus, registry, dataset)


def _measure_money(bus: EventBus, registry: CollectorRegistry, user: Capped, dataset: Capped) -> None:
    by_user = _gauge("data_platform_cost_by_user", "USD by user and answering service.", ["user", "service"], registry)
    by_dataset = _gauge("data_platform_cost_by_dataset", "USD by dataset.", ["dataset"], registry)
    total = _gauge("platform_cost_usd", "USD that all statements came to.", [], registry)
    of_user, of_dataset = cache(by_user.labels), cache(by_dataset.labels)

    def add(record: UsageRecord, nano: int, shares: Iterable[tuple[str, int]]) -> None:
        total.inc(nano / NANO)
        of_user(user(record.user), record.engine or "").inc(nano / NANO)
        for name, share in shares:
            of_dataset(dataset(dataset_of(name))).inc(share / NANO)

    def finished(event: StatementFinished) -> None:
        bill = event.record.bill
        if bill is not None:
            add(event.record, bill.nano, bill.shares)

    bus.subscribe(StatementFinished, finished)
    bus.subscribe(BillAdjusted, lambda event: add(event.record, event.nano, event.shares))


def _measure_bytes(bus: EventBus, registry: CollectorRegistry, dataset: Capped) -> None:
    scanned = Counter(
        "data_platform_bytes_scanned",
        "Bytes that engines say they read, shared among a statement's datasets.",
        ["dataset"],
        registry=registry,
    )
    of_dataset = cache(scanned.labels)

    def finished(event: StatementFinished) -> None:
        for name, share in _scanned(event.record):
            of_dataset(dataset(dataset_of(name))).inc(share)

    bus.subscribe(StatementFinished, finished)


def dataset_of(table: str) -> str:
    """Return what a table is called as a dataset: `schema.table`; what read no table is called `none`."""
    return table.partition(".")[2] or table or "none"


def _scanned(record: UsageRecord) -> list[tuple[str, int]]:
    """Return each table and its part of the bytes scanned, by what was expected of it; the parts add up."""
    weights: dict[str, float] = {}
    for name, size in record.priced.scans if record.priced is not None else ():
        weights[name] = weights.get(name, 0.0) + size
    weights = weights or dict.fromkeys(sorted({name for name, _, _ in record.tables}), 1.0)
    if not record.scanned_bytes or not weights:
        return []
    return list(zip(weights, split(record.scanned_bytes, list(weights.values())), strict=True))


def _gauge(name: str, help_text: str, labels: list[str], registry: CollectorRegistry) -> Gauge:
    return Gauge(name, help_text, labels, registry=registry, multiprocess_mode="sum")
