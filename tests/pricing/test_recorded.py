"""What other workers and earlier days learnt counts after a restart: it is read from the usage rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from catalog.statistics import Interval
from gateway.pricing.calibration import Keys
from gateway.pricing.learning import Learning
from gateway.pricing.recorded import Recorded
from gateway.recording.billing_tables import adjustments
from gateway.recording.bounded import StoreAway
from gateway.recording.database import connect_engine
from gateway.recording.store import UsageStore
from gateway.usage_record import Bill
from tests.gateway.recording import usage_records
from tests.pricing.test_calibration import record

NOW = usage_records.RECEIVED_AT + 60
RAW = Interval(900.0, 1e6, 2e6)
KEYS = Keys("f", "lake.a.t", "lake", True)


@pytest.mark.asyncio
async def test_a_fresh_worker_knows_what_the_store_has_and_each_row_counts_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'usage.db'}"
    store, learning = UsageStore(url), Learning(0.9)
    recorded = Recorded(url, learning, clock=lambda: NOW)
    try:
        rows = [record(query_id=f"q{number}") for number in range(5)]
        others = [record(query_id="failed", outcome="FAILED"), record(query_id="old", priced=None)]
        await store.insert([*rows, *others])
        assert await recorded.read() == 5
        await store.insert([record(query_id="late", scanned_bytes=4_000_000)])
        learning.hear(rows[0])  # heard here as well as read
        assert await recorded.read() == 6
        learning.settle()
        found = learning.bytes.factors(KEYS)
        assert (found.level, found.seen) == ("fingerprint", 6)
        assert learning.bytes.corrected(RAW, found).likely == pytest.approx(3e6, rel=0.01)
    finally:
        await recorded.close()
        await store.close()


@pytest.mark.asyncio
async def test_what_an_engine_said_late_is_read_from_the_corrections_of_bills(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'usage.db'}"
    store, learning = UsageStore(url), Learning(0.9)
    recorded = Recorded(url, learning, clock=lambda: NOW)
    try:
        bill = Bill(5, 1_000_000, "estimated", rate="lake: USD 5 per TB")
        await store.insert([record(query_id="late", scanned_bytes=None, bill=bill)])
        await store.insert([record(query_id="never", scanned_bytes=None, bill=bill)])
        entry = {
            "at": NOW,
            "user_name": "ann",
            "engine": "lake",
            "nano": 10,
            "billed": 5,
            "shares": [],
            "reason": "late",
        }
        engine = connect_engine(url)
        async with engine.begin() as connection:
            await connection.execute(insert(adjustments).values(query_id="late", number=1, bytes=1_500_000, **entry))
            await connection.execute(insert(adjustments).values(query_id="late", number=2, bytes=500_000, **entry))
        await engine.dispose()
        assert await recorded.read() == 1
        learning.settle()
        assert learning.bytes.corrected(RAW, learning.bytes.factors(KEYS)).likely == pytest.approx(3e6, rel=0.01)
    finally:
        await recorded.close()
        await store.close()


@pytest.mark.asyncio
async def test_a_store_that_is_away_keeps_nobody_from_estimating(tmp_path: Path) -> None:
    recorded = Recorded("postgresql://nobody@127.0.0.1:1/none", Learning(0.9))
    with pytest.raises(StoreAway):
        await recorded.read()
    recorded.start()
    await recorded.close()
