"""A comparison that two processes share finds what one finds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from catalog.dialect.limits import Limits
from gateway.planning.context import EngineKinds
from gateway.recording.store import UsageStore
from gateway.replay.diff import reported
from gateway.replay.dividing import divided, parts_for
from gateway.replay.messages import DiffAsked
from gateway.replay.process import ComparingProcess, ComparisonFailed
from gateway.replay.report import Report
from tests.gateway.planning.house import make_pipeline
from tests.gateway.recording.usage_records import finished
from tests.replay.replaying import base, policy_set

KINDS = EngineKinds({"lake_engine": "trino", "marts_engine": "clickhouse", "system": "system"}, "lake_engine")


async def _stored(url: str, now: float) -> None:
    record = finished("q", user="ana", authenticated="ana", asked=None, decision="allow", received_at=now - 60)
    texts = [f"SELECT order_id, {n} AS n FROM lake.sales.orders" for n in range(40)]
    texts += [f"SELECT name, {n} AS n FROM lake.sales.customers" for n in range(10)]
    store = UsageStore(url)
    await store.insert([replace(record, query_id=f"q{n}", sql=sql, tables=()) for n, sql in enumerate(texts)])
    await store.insert([replace(record, query_id="again", sql=texts[0], tables=())])
    await store.close()


async def _report(folder: Path, url: str, parts: int, now: float) -> tuple[Report, list[tuple[int, int]]]:
    _, catalog = await make_pipeline()
    draft = base()
    draft["row_filters"] = [
        {**each, "filter": "region = 'US'"} if each["id"] == "own-region" else each for each in draft["row_filters"]
    ]
    far: list[tuple[int, int]] = []
    processes = [ComparingProcess(catalog, KINDS, Limits()) for _ in range(parts)]
    try:
        asked = DiffAsked(url, now - 3600, now, now, 4)
        live = policy_set(base(), folder, "live")
        found = await divided(processes, live, policy_set(draft, folder), asked, lambda *told: far.append(told))
    finally:
        for process in processes:
            await process.close()
    assert len(found.sample) == 4
    return reported(found, [], since=0, until=now, seconds=0), far


@pytest.mark.long
@pytest.mark.asyncio
async def test_two_processes_find_together_what_one_finds(tmp_path: Path) -> None:
    url, now = f"sqlite:///{tmp_path / 'usage.db'}", time.time()
    await _stored(url, now)
    alone, _ = await _report(tmp_path, url, 1, now)
    together, far = await _report(tmp_path, url, 2, now)
    assert (alone.statements, alone.distinct, alone.approximate) == (51, 50, 50)
    assert alone.kinds == {"changed_filter": 41}
    ours, theirs = alone.model_dump(), together.model_dump()
    for report in (ours, theirs):
        assert report["groups"][0].pop("example")["query_id"]
    assert ours == theirs
    assert far[-1] == (50, 50)


@pytest.mark.asyncio
async def test_a_process_that_ends_is_no_empty_report(tmp_path: Path) -> None:
    _, catalog = await make_pipeline()
    process = ComparingProcess(catalog, KINDS, Limits())
    with pytest.raises(ComparisonFailed):
        await process.send_catalog()
    await process.start()
    await process.set_rules(policy_set(base(), tmp_path), {"draft": policy_set(base(), tmp_path)})
    with pytest.raises(ComparisonFailed, match="OperationalError"):
        nowhere = DiffAsked(f"sqlite:///{tmp_path / 'none.db'}", 0, 1, 1, 0)
        await process.ask(nowhere, Report)
    await process.close()


def test_short_comparisons_are_not_shared() -> None:
    assert parts_for(100) == 1
    assert parts_for(1_000_000) in (1, 2)
