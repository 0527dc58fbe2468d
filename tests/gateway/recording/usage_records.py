"""Statements and usage rows for the tests of recording."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from catalog.objects import TableName
from gateway.asked import Asked
from gateway.models import Plan, TableAccess
from gateway.received import Claimed, Principal, Received, Session
from gateway.recording.settings import RecordingSettings
from gateway.usage_record import UsageRecord
from policies.decisions import PolicyRef

RECEIVED_AT = 1_760_000_000.125


def received(query_id: str, sql: str = "SELECT iso FROM iceberg.curated.lmp_prices") -> Received:
    principal = Principal(
        "analyst1", "analyst1", frozenset({"viewer"}), method="jwt", claimed=Claimed(frozenset({"viewer"}))
    )
    session = Session(
        source="superset",
        client_tags=("daily",),
        trace_token="t-1",
        client_info="night report",
        remote_address="10.0.0.7",
    )
    return Received(query_id, sql, principal, session, RECEIVED_AT)


def plan() -> Plan:
    return Plan(
        kind="SELECT",
        route="engine",
        engine="trino",
        sql="SELECT 1",
        tables=(TableAccess(TableName("iceberg", "curated", "lmp_prices"), "select", ("iso",)),),
        policies=(PolicyRef("viewers-read-curated", "grant"),),
        policy_version="p7",
    )


def finished(query_id: str, outcome: str = "FINISHED", **changes: Any) -> UsageRecord:
    record = UsageRecord(
        query_id=query_id,
        received_at=RECEIVED_AT,
        finished_at=RECEIVED_AT + 1.5,
        outcome="FINISHED",
        user="analyst1",
        authenticated="analyst1",
        auth_method="jwt",
        roles=("viewer",),
        source="superset",
        client_tags=("daily",),
        client_address="10.0.0.7",
        trace_token="t-1",
        sql="SELECT iso FROM iceberg.curated.lmp_prices",
        kind="SELECT",
        fingerprint="f1",
        tables=(("iceberg.curated.lmp_prices", "select", ("iso",)),),
        policies=("viewers-read-curated",),
        policy_version="p7",
        decision="allow",
        reasons=("row filter on iso",),
        engine="trino",
        engine_query_id="20260101_000000_00001_abcde",
        plan_cached=True,
        stage_ms={"parse": 0.25, "execute": 1400.5},
        rows=10,
        bytes=1234,
        error_code=None,
        error_message=None,
        scanned_bytes=99,
        client_info="night report",
        asked=Asked(catalog="iceberg", properties=(("iceberg.x", "1"),), roles=("viewer",)),
    )
    return replace(record, outcome=outcome, **changes)


def settings(folder: Path, store_url: str | None = None, **changes: Any) -> RecordingSettings:
    quick = {"batch_seconds": 0.05, "retry_seconds": 0.2, "sweep_seconds": 0.1, "store_timeout": 5.0}
    url = store_url or f"sqlite:///{folder / 'usage.db'}"
    return RecordingSettings(folder / "journal", url, **{**quick, **changes})


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


_texts = st.text(st.characters(), max_size=40)  # surrogates, NUL and all
_clean_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_integers = st.integers(min_value=-(2**70), max_value=2**70)


def records(texts: st.SearchStrategy[str] = _clean_texts) -> st.SearchStrategy[UsageRecord]:
    """Any record that the types allow (with `texts` as its texts), times within a thousand years."""
    few = st.lists(texts, max_size=3).map(tuple)
    maybe = st.none() | texts
    seconds = st.floats(min_value=0, max_value=3e10)
    return st.builds(
        UsageRecord,
        query_id=texts.filter(bool),
        received_at=seconds,
        finished_at=seconds,
        outcome=st.sampled_from(["FINISHED", "FAILED", "REFUSED", "CANCELED", "ABANDONED", "CUT_OFF"]),
        user=texts,
        authenticated=texts,
        auth_method=texts,
        roles=few,
        source=maybe,
        client_tags=few,
        client_address=maybe,
        trace_token=maybe,
        sql=texts,
        kind=texts,
        fingerprint=texts,
        tables=st.lists(st.tuples(texts, texts, few), max_size=3).map(tuple),
        policies=few,
        policy_version=texts,
        decision=st.sampled_from(["allow", "refuse", "none"]),
        reasons=few,
        engine=maybe,
        engine_query_id=maybe,
        plan_cached=st.booleans(),
        stage_ms=st.dictionaries(texts, st.floats(min_value=0, max_value=1e9), max_size=3),
        rows=st.integers(min_value=0, max_value=2**63 - 1),
        bytes=st.integers(min_value=0, max_value=2**63 - 1),
        error_code=maybe,
        error_message=maybe,
        scanned_bytes=st.none() | st.integers(min_value=0, max_value=2**63 - 1),
    )


def wild_records() -> st.SearchStrategy[UsageRecord]:
    """Records with whatever texts and numbers Python can hold."""
    return st.builds(
        lambda record, rows, size, ended: replace(record, rows=rows, bytes=size, finished_at=ended),
        records(_texts),
        _integers,
        _integers,
        st.floats(),
    )
