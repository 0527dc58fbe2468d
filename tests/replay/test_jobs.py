"""Recorded statements and comparisons in the store, SQLite and Postgres alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.asked import Asked
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.recording.database import connect_engine
from gateway.recording.store import UsageStore
from gateway.replay import jobs as kept
from gateway.replay import recorded as reading
from gateway.replay.jobs import MOST_RUNNING, Jobs
from gateway.replay.recorded import Recorded, count_recorded, recorded
from tests.gateway.recording.usage_records import RECEIVED_AT, finished

ASKED = Asked("lake", "sales", properties=(("x", "1"),), attributes=(("desk", "CAISO"),), roles=("viewer",))


@pytest_asyncio.fixture
async def database(store_url: str) -> AsyncIterator[BoundedStore]:
    """Connect to a store that is made by what is asked of it first."""
    found = BoundedStore(store_url)
    yield found
    await found.close()


async def _read(url: str, since: float = 0.0, most: int = reading.MAX_DISTINCT) -> Recorded:
    engine = connect_engine(url)
    try:
        return await recorded(engine, since, RECEIVED_AT + 10_000, most=most)
    finally:
        await engine.dispose()


@pytest.mark.asyncio
async def test_each_text_user_and_session_is_read_once_and_counted(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PAGE", 3)
    store = UsageStore(store_url)
    rows = [finished(f"same{n}", asked=ASKED, received_at=RECEIVED_AT + n // 2) for n in range(7)]
    rows += [finished("other session", asked=Asked("lake")), finished("other user", asked=ASKED, user="bob")]
    rows += [finished("other role", asked=None), finished("no role", asked=None, roles=())]
    rows += [finished("never planned", decision="none", asked=ASKED)]
    await store.insert(rows)
    await store.close()
    found = await _read(store_url)
    assert sorted(each.times for each in found.statements) == [1, 1, 1, 1, 7]
    most = max(found.statements, key=lambda each: each.times)
    assert (most.query_id, most.asked, most.allowed, most.tables) == ("same6", ASKED, True, finished("q").tables)
    assert sum(each.approximate for each in found.statements) == 2
    late = await _read(store_url, since=RECEIVED_AT + 2)
    assert [each.times for each in late.statements] == [3]
    few = await _read(store_url, most=2)
    assert (len(few.statements), few.left_out + sum(each.times for each in few.statements)) == (2, 11)
    database = BoundedStore(store_url)
    counted = await database.within(lambda connection: count_recorded(connection, 0.0, RECEIVED_AT + 10_000))
    assert counted == 11
    await database.close()


@pytest.mark.asyncio
async def test_a_comparison_is_told_of_by_all_and_ended_by_any(database: BoundedStore) -> None:
    jobs = Jobs(database)
    job = await jobs.begin("c1", 3, "stella", 7.0, 5)
    assert job is not None
    assert await jobs.beat(job.id, 10, 40)
    found = await jobs.get(job.id)
    assert found is not None
    assert (found.state, found.done, found.total, found.revision) == ("running", 10, 40, 3)
    await jobs.cancel(job.id)
    assert not await jobs.beat(job.id, 20, 40), "whoever does it hears of it"
    await jobs.end(job.id, "cancelled")
    assert [each.state for each in await jobs.of("c1", 10)] == ["cancelled"]
    assert await jobs.get("nothing") is None


@pytest.mark.asyncio
async def test_too_many_at_once_are_refused_and_those_of_dead_workers_do_not_count(
    database: BoundedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(database)
    begun = [await jobs.begin("c1", 1, "stella", 7.0, 0) for _ in range(MOST_RUNNING + 1)]
    assert [each is not None for each in begun] == [True] * MOST_RUNNING + [False]
    monkeypatch.setattr(kept, "_DEAD_SECONDS", -1.0)  # nobody has been heard of since a second from now
    first = begun[0]
    assert first is not None
    dead = await jobs.get(first.id)
    assert dead is not None
    assert (dead.state, dead.error) == ("failed", "the worker that did it is gone")
    assert await jobs.begin("c1", 1, "stella", 7.0, 0) is not None


@pytest.mark.asyncio
async def test_a_store_that_is_away_is_said_without_its_address() -> None:
    database = BoundedStore("postgresql://nobody:secret@127.0.0.1:9/none", timeout=2)
    with pytest.raises(StoreAway) as told:
        await Jobs(database).get("x")
    assert "secret" not in str(told.value)
    await database.close()
