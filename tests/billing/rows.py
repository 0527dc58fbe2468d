"""Usage rows with bills, for the tests of usage."""

from __future__ import annotations

from typing import Any

from gateway.usage_record import Bill, Priced, UsageRecord
from tests.gateway.recording.usage_records import finished

CENT = 10**7
"""Nanodollars."""


def billed(query_id: str, nano: int = 5 * CENT, shares: dict[str, int] | None = None, **changes: Any) -> UsageRecord:
    """Return the row of a statement that cost so much."""
    split = tuple((shares or {"iceberg.curated.lmp_prices": nano}).items())
    bill = Bill(nano, nano * 200, "measured", "default: USD 5 per TB", "us", split)
    priced = Priced("exact", (90, 100, None), nano=(1, 2 * CENT, None), basis="manifest, snapshot 7")
    return finished(query_id, bill=bill, priced=priced, **changes)
