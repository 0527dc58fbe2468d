"""The line before the comparing process: bounded, and nobody waits in it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from gateway.events import EventBus, ShadowDropped, StatementFinished
from gateway.recording.bounded import BoundedStore
from gateway.replay import shadow as shadows
from gateway.replay.process import ComparingProcess
from gateway.replay.shadow import Shadow
from gateway.replay.shadow_store import Batch, Key, Seen, ShadowStore
from tests.gateway.recording.usage_records import finished


async def _nothing() -> None:
    return None


def _shadow(folder: Path, bus: EventBus, sample: float = 1.0) -> Shadow:
    store = ShadowStore(BoundedStore(f"sqlite:///{folder / 'shadow.db'}"))
    return Shadow(bus, store, _nothing, lambda: cast(ComparingProcess, None), sample=sample)


@pytest.mark.asyncio
async def test_a_line_that_is_full_drops_and_counts(tmp_path: Path) -> None:
    bus, told = EventBus(), []
    bus.subscribe(ShadowDropped, told.append)
    shadow = _shadow(tmp_path, bus)
    shadow._finished(StatementFinished(finished("q0")))
    assert not shadow._line, "nothing is in shadow"
    shadow._names = ("c/1",)
    for number in range(shadows.MOST_WAITING + 7):
        shadow._finished(StatementFinished(finished(f"q{number}")))
    assert len(shadow._line) == shadows.MOST_WAITING
    await shadow._write()
    assert told == [ShadowDropped(7)]
    totals = await shadow._store.totals("c")
    assert totals is not None
    assert (totals.dropped, totals.compared) == (7, 0)
    await shadow._store._database.close()


@pytest.mark.asyncio
async def test_long_texts_fill_the_line_sooner(tmp_path: Path) -> None:
    shadow = _shadow(tmp_path, EventBus())
    shadow._names = ("c/1",)
    for number in range(100):
        shadow._finished(StatementFinished(finished(f"q{number}", sql="x" * 60_000)))
    assert sum(len(each.sql) for each in shadow._line) <= shadows.MOST_CHARACTERS
    assert shadow._dropped == 100 - len(shadow._line)


@pytest.mark.asyncio
async def test_a_sample_takes_its_part_and_what_was_never_decided_is_left_out(tmp_path: Path) -> None:
    shadow = _shadow(tmp_path, EventBus(), sample=0.25)
    shadow._names = ("c/1",)
    for number in range(800):
        shadow._finished(StatementFinished(finished(f"q{number}")))
    assert 100 < len(shadow._line) < 300
    shadow._line.clear()
    shadow._finished(StatementFinished(finished("q", decision="none")))
    assert not shadow._line


@pytest.mark.asyncio
async def test_workers_add_up_and_space_is_bounded(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.replay.shadow_store.MOST_ROWS", 3)
    database = BoundedStore(store_url)
    store = ShadowStore(database)
    seen = {
        Key("newly_hidden", "t", f"u{n}", "f"): Seen({"a"}, "clear -> withheld", "q1", 5.0, 6.0, 2) for n in range(2)
    }
    for _ in range(2):
        await store.add("c", 4, Batch(10, 0, 1, 5.0, 6.0, dict(seen)))
    many = {Key("newly_denied", "t", f"u{n}", "f"): Seen(set(), "gone", "q2", 7.0, 8.0, 1) for n in range(9)}
    await store.add("c", 4, Batch(9, 1, 0, 7.0, 8.0, many))
    totals = await store.totals("c")
    assert totals is not None
    assert (totals.compared, totals.failed, totals.dropped) == (29, 1, 2)
    assert (totals.first_seen, totals.last_seen, totals.rows) == (5.0, 8.0, 3)
    assert totals.kinds == {"newly_hidden": 8, "newly_denied": 1}
    first, *others = await store.rows("c", 4, 10, 0)
    assert (first.count, first.columns, first.user, len(others)) == (4, ("a",), "u0", 2)
    assert await store.rows("c", 4, 10, 0, tables=["other"]) == []
    assert await store.totals("another") is None
    await store.forget(9.0 + 90 * 86_400)
    assert await store.totals("c") is None
    await database.close()
