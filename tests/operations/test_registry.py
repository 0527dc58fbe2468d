"""Workers find one another through the store, whatever their clocks say."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.workers import WorkerRegistry

EVERY = 0.05


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'usage.db'}"


@pytest.mark.asyncio
async def test_workers_see_one_another_and_a_leaver_is_gone(url: str) -> None:
    first, second = (WorkerRegistry(url, name, f"{name}:1", every=EVERY) for name in ("aaaaa", "bbbbb"))
    await first.start()
    await second.start()
    assert second.others() == {"aaaaa": "aaaaa:1"}
    await until(lambda: first.others() == {"bbbbb": "bbbbb:1"})
    await second.close()
    await until(lambda: first.others() == {})
    await first.close()


@pytest.mark.asyncio
async def test_who_leaves_in_the_midst_of_a_round_leaves_no_lock_behind(url: str) -> None:
    first = WorkerRegistry(url, "aaaaa", "a:1", every=EVERY)
    await first.start()
    for number in range(25):
        leaver = WorkerRegistry(url, f"leaver{number}", "b:1", every=0.0)
        await leaver.start()
        await asyncio.sleep(number * 0.0007)  # wherever the round is then
        await leaver.close()
        assert await asyncio.to_thread(written_by_somebody_else, url) == [("aaaaa",)]
    await first.close()


def written_by_somebody_else(url: str) -> list[tuple[str]]:
    """Take the store's lock, as whoever writes does, and return the workers in it."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=3)) as store:
        store.execute("BEGIN IMMEDIATE")
        found: list[tuple[str]] = store.execute("SELECT worker FROM penstock_workers").fetchall()
        store.rollback()
        return found


@pytest.mark.asyncio
async def test_a_newcomer_greets_those_it_finds_and_they_know_it_at_once(url: str) -> None:
    first = WorkerRegistry(url, "aaaaa", "a:1")
    await first.start()

    async def greet() -> None:
        assert second.others() == {"aaaaa": "a:1"}
        first.greeted("bbbbb", "b:1")

    second = WorkerRegistry(url, "bbbbb", "b:1", greet=greet)
    await second.start()
    assert first.others() == {"bbbbb": "b:1"}
    await second.close()
    await first.close()


@pytest.mark.asyncio
async def test_who_greeted_stays_known_though_a_reading_under_way_missed_it(url: str) -> None:
    now = 0.0
    registry = WorkerRegistry(url, "aaaaa", "a:1", clock=lambda: now, every=EVERY)
    await registry.start()
    registry.greeted("bbbbb", "b:1")
    registry._look_at([])
    assert registry.others() == {"bbbbb": "b:1"}
    now = EVERY * 3
    await until(lambda: registry.others() == {})
    await registry.close()


@pytest.mark.asyncio
async def test_what_is_done_when_all_know_of_it_delays_no_sign_of_life(url: str) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    first = WorkerRegistry(url, "aaaaa", "a:1", every=EVERY)
    second = WorkerRegistry(url, "bbbbb", "b:1", on_known=hang, every=EVERY)
    await first.start()
    await second.start()
    await asyncio.wait_for(begun.wait(), 20)
    before = first._signs["bbbbb"]
    await until(lambda: first._signs["bbbbb"].written > before.written)
    await second.close()
    await first.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_clock_that_is_wrong_hides_nobody_and_a_silent_worker_is_dropped(
    url: str, tmp_path: Path, hours: int
) -> None:
    shift = 0.0
    mine = WorkerRegistry(url, "aaaaa", "h:1", clock=lambda: time.monotonic() + shift, every=EVERY)
    await mine.start()
    with closing(sqlite3.connect(tmp_path / "usage.db", isolation_level=None, timeout=10)) as store:
        row = ("bbbbb", "h:2", time.time() + hours * 3600)
        store.execute("INSERT INTO penstock_workers (worker, address, seen_at) VALUES (?, ?, ?)", row)

        def kept() -> bool:
            found = store.execute("SELECT count(*) FROM penstock_workers WHERE worker = 'bbbbb'").fetchone()
            return bool(found[0])

        await until(lambda: mine.others() == {"bbbbb": "h:2"})
        shift = 11.0
        await until(lambda: mine.others() == {})
        assert kept(), "a host that was only paused comes back to its row"
        shift = 700.0
        await until(lambda: not kept())
    await mine.close()


@pytest.mark.asyncio
async def test_a_store_that_is_away_keeps_nothing_from_starting() -> None:
    registry = WorkerRegistry("postgresql://u:p@127.0.0.1:9/x", "aaaaa", "h:1")
    async with asyncio.timeout(10):
        await registry.start()
    assert registry.others() == {}
    await registry.close()


@pytest.mark.asyncio
async def test_a_newcomer_reads_again_once_the_others_must_know_it(url: str) -> None:
    known = asyncio.Event()

    async def told() -> None:
        known.set()

    first = WorkerRegistry(url, "aaaaa", "h:1", every=EVERY)
    await first.start()
    begun = time.monotonic()
    second = WorkerRegistry(url, "bbbbb", "h:2", on_known=told, every=EVERY)
    await second.start()
    await asyncio.wait_for(known.wait(), 20)
    assert time.monotonic() - begun > EVERY
    await second.close()
    await first.close()
