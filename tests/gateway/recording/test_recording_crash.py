"""kill -9 of real processes: what they had under way is found and closed, what they had finished is kept."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.events import EventBus, JournalRecovered
from gateway.recording.recorder import Recorder
from gateway.recording.store import UsageStore
from tests.gateway.recording.usage_records import settings, until

WORKER = """
    import asyncio, sys
    from pathlib import Path
    from gateway.events import EventBus, StatementFinished
    from gateway.recording.recorder import Recorder
    from tests.gateway.recording.usage_records import finished, received, settings

    folder, store, name, ship = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "ship"

    async def main():
        bus = EventBus()
        pace = {"batch_seconds": 0.02} if ship else {"batch_seconds": 600.0, "batch_rows": 1_000_000}
        recorder = Recorder(settings(folder, store, segment_bytes=8192, **pace), bus)
        await recorder.start()
        number = 0
        while True:
            done, slow = f"{name}-done-{number}", f"{name}-slow-{number}"
            recorder.admit(received(done))
            recorder.admit(received(slow))
            bus.publish(StatementFinished(finished(done)))
            print(number, flush=True)  # from here on the statements are promised to be recorded
            number += 1
            await asyncio.sleep(0.001 if number < 500 else 3600)

    asyncio.run(main())
"""


@pytest.fixture
def workers(tmp_path: Path, store_url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Two workers on one data folder, one shipping as it goes, one keeping all in its journal."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WORKER), str(tmp_path), store_url, name, ship],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        for name, ship in (("a", "ship"), ("b", "keep"))
    ]
    yield started
    for worker in started:
        worker.kill()
        worker.wait()
        assert worker.stdout is not None
        worker.stdout.close()


def kill(*workers: subprocess.Popen[str]) -> list[int]:
    """Kill workers without warning once all are at work; return how many pairs of statements each has promised."""
    for worker in workers:
        assert worker.stdout is not None
        while int(worker.stdout.readline()) < 60:
            pass
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    return [max([60, *(int(line) for line in worker.stdout or ())]) + 1 for worker in workers]


def check(rows: Counter[tuple[str, str]], name: str, count: int) -> None:
    """Each promised statement has one row; at most one more was on its way when death came."""
    for number in range(count):
        assert rows[f"{name}-done-{number}", "FINISHED"] == 1
        assert rows[f"{name}-slow-{number}", "CUT_OFF"] == 1
    others = [query_id for query_id, _ in rows if query_id.startswith(name)]
    assert len(others) == len(set(others)) <= 2 * count + 2


async def recovered(recorder: Recorder, bus: EventBus, journals: int) -> None:
    found: list[JournalRecovered] = []
    bus.subscribe(JournalRecovered, found.append)
    await until(lambda: len(found) >= journals)


@pytest.mark.asyncio
async def test_after_kill_9_of_all_workers_a_restart_gives_each_statement_its_one_row(
    workers: list[subprocess.Popen[str]], tmp_path: Path, store_url: str
) -> None:
    counts = kill(*workers)
    bus = EventBus()
    recorder = Recorder(settings(tmp_path, store_url), bus)
    await recorder.start()
    await recovered(recorder, bus, journals=2)
    rows = Counter((row.query_id, row.outcome) for row in await recorder.recent(10_000))
    await recorder.close()
    check(rows, "a", counts[0])
    check(rows, "b", counts[1])
    assert [each.name for each in (tmp_path / "journal").iterdir()] == [".lock"]


@pytest.mark.asyncio
async def test_a_worker_that_lives_closes_what_its_dead_neighbour_left_and_keeps_its_own(
    workers: list[subprocess.Popen[str]], tmp_path: Path, store_url: str
) -> None:
    (count,) = kill(workers[1])
    store = UsageStore(store_url)
    async with asyncio.timeout(30):
        while await store.by_id(f"b-slow-{count - 1}") is None:
            await asyncio.sleep(0.05)
    rows = await store.recent(10_000)
    await store.close()
    check(Counter((row.query_id, row.outcome) for row in rows), "b", count)
    assert workers[0].poll() is None
    assert not [row for row in rows if row.query_id.startswith("a-slow")]
