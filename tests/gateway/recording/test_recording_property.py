"""Whatever happens in whatever order, deaths and outages included, each statement ends with exactly one row."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import Refusal
from gateway.events import EventBus, StatementFinished, StatementPlanned, StatementReceived, StatementSubmitted
from gateway.recording.journal import Journal
from gateway.recording.recorder import Recorder
from tests.gateway.recording.usage_records import finished, plan, received
from tests.gateway.recording.usage_records import settings as recording_settings

STATEMENTS = 6
WORKERS = 2
ENDS = ("FINISHED", "FAILED", "CANCELED")

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("next"), st.integers(min_value=0, max_value=STATEMENTS - 1)),
        st.tuples(st.just("finish"), st.integers(min_value=0, max_value=STATEMENTS - 1)),
        st.tuples(
            st.sampled_from(["ship", "die", "store down", "store up", "disk full", "disk free"]),
            st.integers(min_value=0, max_value=WORKERS - 1),
        ),
    ),
    max_size=50,
)


class World:
    """Two workers on one folder; statement `n` belongs to worker `n % 2` as it lives when the statement comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "mount").mkdir()
        self.workers: list[tuple[Recorder, EventBus]] = []
        self.stage: Counter[int] = Counter()
        self.owner: dict[int, Recorder] = {}
        self.ended: dict[int, str] = {}

    async def start(self) -> None:
        self.workers = [await self.new_worker() for _ in range(WORKERS)]

    async def new_worker(self) -> tuple[Recorder, EventBus]:
        bus = EventBus()
        store = f"sqlite:///{self.folder}/mount/usage.db"
        chosen = recording_settings(
            self.folder, store, batch_seconds=600.0, sweep_seconds=0.0, segment_bytes=2000, batch_rows=2
        )
        recorder = Recorder(chosen, bus)
        await recorder.start()
        for task in recorder._tasks:  # rounds happen when the example says so, and not otherwise
            task.cancel()
        await asyncio.gather(*recorder._tasks, return_exceptions=True)
        return recorder, bus

    async def step(self, action: str, number: int) -> None:
        if action == "next":
            self.statement(number)
        elif action == "finish":
            self.finish(number)
        elif action == "ship":
            await self.workers[number][0].flush()
        elif action == "die":
            await self.die(number)
        elif action.startswith("store"):
            self.store(action)
        else:
            self.disk(action, journal_of(self.workers[number][0]))

    def statement(self, number: int) -> None:
        """Lead a statement one stage further: received, planned, submitted, finished."""
        recorder, bus = self.workers[number % WORKERS]
        query_id = f"q{number}"
        self.stage[number] += 1
        if self.stage[number] == 1:
            try:
                recorder.admit(received(query_id))
            except Refusal:  # turned away: it leaves no row, and may come again
                self.stage[number] = 0
                return
            self.owner[number] = recorder
            bus.publish(StatementReceived(received(query_id)))
        elif self.owner[number] is not recorder:
            return  # its worker died
        elif self.stage[number] == 2:
            bus.publish(StatementPlanned(query_id, plan(), cached=False))
        elif self.stage[number] == 3:
            bus.publish(StatementSubmitted(query_id, "trino", "e1"))
        else:
            self.finish(number)

    def finish(self, number: int) -> None:
        recorder, bus = self.workers[number % WORKERS]
        if self.owner.get(number) is recorder and number not in self.ended:
            self.ended[number] = ENDS[number % len(ENDS)]
            bus.publish(StatementFinished(finished(f"q{number}", self.ended[number])))

    async def die(self, number: int) -> None:
        """Let a worker go as kill -9 does: the system closes its files, nothing else happens."""
        recorder, _ = self.workers[number]
        journal = journal_of(recorder)
        self.disk("disk free", journal)
        for unwritten in recorder._writer._unwritten:  # the one thing that death may take: ends no disk took
            self.ended[int(unwritten.query_id[1:])] = "CUT_OFF"
        os.close(journal._descriptor)
        journal._home.lock.release()
        await recorder._store.close()
        self.workers[number] = await self.new_worker()

    def store(self, action: str) -> None:
        mount, away = self.folder / "mount", self.folder / "away"
        if action == "store down" and not away.exists():
            mount.rename(away)
            mount.write_text("")
        elif action == "store up" and away.exists():
            mount.unlink()
            away.rename(mount)

    def disk(self, action: str, journal: Journal) -> None:
        """Let a journal's descriptor lead to a full device, and back."""
        saved = getattr(self, f"saved{id(journal)}", None)
        if action == "disk full" and saved is None:
            setattr(self, f"saved{id(journal)}", os.dup(journal._descriptor))
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, journal._descriptor)
            os.close(full)
        elif action == "disk free" and saved is not None:
            os.dup2(saved, journal._descriptor)
            os.close(saved)
            setattr(self, f"saved{id(journal)}", None)

    async def end(self) -> Counter[tuple[str, str]]:
        """Let all workers die, bring the store back, start once more and read the rows."""
        for number in range(WORKERS):
            await self.die(number)
        self.store("store up")
        recorder, _ = self.workers[0]
        assert await recorder.flush()
        rows = Counter((row.query_id, row.outcome) for row in await recorder.recent(1000))
        for recorder, _ in self.workers:
            await recorder.close()
        return rows


def journal_of(recorder: Recorder) -> Journal:
    assert recorder._journal is not None
    return recorder._journal


async def live_through(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        await world.start()
        for action, number in steps:
            await world.step(action, number)
        rows = await world.end()
    assert rows == Counter((f"q{number}", world.ended.get(number, "CUT_OFF")) for number in world.owner)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(_steps)
def test_exactly_one_row_per_statement_whatever_happens(steps: list[tuple[str, int]]) -> None:
    asyncio.run(live_through(steps))


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(_steps)
def test_exactly_one_row_per_statement_in_many_more_stories(steps: list[tuple[str, int]]) -> None:
    asyncio.run(live_through(steps))
