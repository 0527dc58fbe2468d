"""The line before the comparing process: bounded, and nobody waits in it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from gateway.events import EventBus, ShadowDropped, StatementFinished
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.replay import shadow as shadows
from gateway.replay.process import ComparingProcess
from gateway.replay.shadow import Shadow
from gateway.replay.shadow_store import Batch, Key, Seen, ShadowStore
from policies.index import PolicySet
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
    for writer in ("w1", "w2"):
        await store.add("c", 4, Batch(10, 0, 1, 5.0, 6.0, dict(seen)), writer, 1)
    many = {Key("newly_denied", "t", f"u{n}", "f"): Seen(set(), "gone", "q2", 7.0, 8.0, 1) for n in range(9)}
    await store.add("c", 4, Batch(9, 1, 0, 7.0, 8.0, many), "w1", 2)
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


@pytest.mark.asyncio
async def test_what_is_sent_again_counts_once_and_late_words_take_nothing_away(store_url: str) -> None:
    database = BoundedStore(store_url)
    store = ShadowStore(database)

    def batch(column: str, at: float) -> Batch:
        seen = Seen({column}, "clear -> withheld", f"q{at}", at, at, 1)
        return Batch(1, 0, 0, at, at, {Key("newly_hidden", "t", "u", "f"): seen})

    for writer, number, column, at in (("w1", 1, "a", 7.0), ("w1", 1, "a", 7.0), ("w2", 1, "b", 5.0)):
        await store.add("c", 4, batch(column, at), writer, number)
    totals = await store.totals("c")
    assert totals is not None
    assert (totals.compared, totals.kinds, totals.last_seen) == (2, {"newly_hidden": 2}, 7.0)
    (row,) = await store.rows("c", 4, 10, 0)
    assert (row.count, row.columns, row.first_seen, row.last_seen) == (2, ("a", "b"), 7.0, 7.0)
    await store.add("c", 5, batch("a", 8.0), "w1", 1)  # of another revision
    again = await store.totals("c")
    assert again is not None
    assert (again.revision, again.compared) == (5, 1)
    await database.close()


@pytest.mark.asyncio
async def test_a_batch_whose_answer_was_lost_is_sent_again_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow = _shadow(tmp_path, EventBus())
    add, lost = shadow._store.add, 2

    async def losing(*told: object) -> None:
        nonlocal lost
        await add(*told)  # type: ignore[arg-type]  # what it is given
        if lost:
            lost -= 1
            raise StoreAway("TimeoutError")

    monkeypatch.setattr(shadow._store, "add", losing)
    shadow._names = ("c/1",)
    for number in range(3):
        shadow._drop(1 + number)
        await shadow._write()
    totals = await shadow._store.totals("c")
    assert totals is not None
    assert totals.dropped == 6
    await shadow._store._database.close()


@pytest.mark.asyncio
async def test_what_waits_while_drafts_change_or_the_worker_ends_is_counted_as_dropped(tmp_path: Path) -> None:
    shadow = _shadow(tmp_path, EventBus())
    shadow._names = ("c/1",)
    for number in range(5):
        shadow._finished(StatementFinished(finished(f"q{number}")))
    await shadow._take("another state", cast("PolicySet", None), {})
    assert not shadow._line
    shadow._names = ("d/1",)
    shadow._finished(StatementFinished(finished("late")))
    await shadow.close()
    for name, dropped in (("c", 5), ("d", 1)):
        totals = await shadow._store.totals(name)
        assert totals is not None
        assert (totals.dropped, totals.compared) == (dropped, 0)
    await shadow._store._database.close()
