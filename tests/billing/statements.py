"""Statements that have ended, and what they were expected to read, for the tests of bills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from catalog.objects import TableName
from catalog.statistics import Basis, Interval, Scan, ScanEstimate
from gateway.billing.bills import Billing
from gateway.billing.price_book import PriceBook
from gateway.config.prices import Prices
from gateway.models import Planned, TableAccess
from gateway.protocols.trino.ports import Ended
from policies.cost.estimate import Estimate, Widest
from tests.gateway.recording import usage_records


def billing(usd_per_tb: str = "5", **changes: Any) -> Billing:
    """Return billing by one price."""
    book = PriceBook(Prices(default_usd_per_tb=Decimal(usd_per_tb)))
    return replace(Billing(book, {"trino": "us"}.get, lambda _: False), **changes)  # type: ignore[arg-type]  # the words of a test


def estimate(scans: Sequence[tuple[str, float]]) -> Estimate:
    """Return an estimate of so many bytes by table."""
    made = tuple(
        ScanEstimate(
            Scan(TableName(*name.split(".")), ("id",)),
            Interval.exactly(size),
            Interval.exactly(1),
            Basis("manifest"),
        )
        for name, size in scans
    )
    size = Interval.exactly(sum(size for _, size in scans))
    none = Interval.exactly(0)
    return Estimate("exact", size, Widest(none), none, none, made, "trino", "default", "manifest")


def ended(
    scans: Sequence[tuple[str, float]] | None = None, tables: Sequence[str] = ("iceberg.a.t",), **changes: Any
) -> Ended:
    """Return a statement that has finished, with an estimate of its scans where those are given."""
    accesses = tuple(TableAccess(TableName(*name.split(".")), "select", ("id",)) for name in tables)
    plan = replace(usage_records.plan(), tables=accesses)
    planned = Planned(plan, estimate=None if scans is None else estimate(scans))
    known = Ended(
        usage_records.received("q1"), planned, "FINISHED", True, 3, 1000, 10**12, 1.5, "20260101_000000_00001_abcde",
        "trino",
    )  # fmt: skip
    return msgspec.structs.replace(known, **changes)
