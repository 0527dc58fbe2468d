"""Recording as a whole: one row per statement, through outages, full disks and full journals."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import ErrorCode, Refusal
from gateway.audit.entries import Entry
from gateway.demo.postgres import start_postgres
from gateway.events import (
    EventBus,
    JournalRecovered,
    RecordingMeasured,
    RecordingRefused,
    RowsLost,
    RowsShipped,
    StatementFinished,
    StatementPlanned,
    StatementReceived,
    StatementSubmitted,
    StoreAvailable,
    StoreUnavailable,
    SubscriberFailed,
)
from gateway.recording.recorder import Recorder
from gateway.recording.settings import RecordingSettings
from gateway.recording.store import UsageStore
from gateway.usage_record import UsageRecord
from tests.gateway.recording.usage_records import finished, plan, received, settings, until


@asynccontextmanager
async def recording(chosen: RecordingSettings) -> AsyncIterator[tuple[Recorder, EventBus, list[Any]]]:
    """Run a recorder; the list holds what it and its shipper published."""
    bus: EventBus = EventBus()
    told: list[Any] = []
    kinds = (StoreAvailable, StoreUnavailable, RowsShipped, RowsLost, RecordingRefused, JournalRecovered)
    for kind in (*kinds, SubscriberFailed):
        bus.subscribe(kind, told.append)
    recorder = Recorder(chosen, bus)
    await recorder.start()
    try:
        yield recorder, bus, told
    finally:
        await recorder.close()


def run_statement(recorder: Recorder, bus: EventBus, query_id: str, outcome: str = "FINISHED") -> None:
    statement = received(query_id)
    recorder.admit(statement)
    bus.publish(StatementReceived(statement))
    bus.publish(StatementPlanned(query_id, plan(), cached=True))
    bus.publish(StatementSubmitted(query_id, "trino", "e1"))
    bus.publish(StatementFinished(finished(query_id, outcome)))


def fill(recorder: Recorder, bus: EventBus) -> None:
    """Run statements until one is refused."""
    for number in range(10_000):
        run_statement(recorder, bus, f"q{number}")


@pytest.mark.asyncio
@pytest.mark.parametrize("outcome", ["FINISHED", "FAILED", "REFUSED", "CANCELED", "ABANDONED"])
async def test_whatever_became_of_a_statement_it_leaves_one_row(store_url: str, tmp_path: Path, outcome: str) -> None:
    async with recording(settings(tmp_path, store_url)) as (recorder, bus, told):
        run_statement(recorder, bus, "q1", outcome)
        await until(lambda: any(isinstance(each, RowsShipped) for each in told))
        assert [row.outcome for row in await recorder.recent(10)] == [outcome]
        assert await recorder.by_id("q1") == finished("q1", outcome)


@pytest.mark.asyncio
async def test_rows_arrive_within_the_interval_and_at_once_when_a_batch_is_full(tmp_path: Path) -> None:
    async with recording(settings(tmp_path, batch_seconds=60.0, batch_rows=5)) as (recorder, bus, told):
        await until(lambda: StoreAvailable() in told)
        run_statement(recorder, bus, "q0")
        await asyncio.sleep(0.2)
        assert await recorder.recent(10) == []
        for number in range(1, 5):
            run_statement(recorder, bus, f"q{number}")
        await until(lambda: recorder.status().waiting_rows == 0)
        assert len(await recorder.recent(10)) == 5


@pytest.mark.asyncio
async def test_rows_that_come_while_a_batch_is_shipped_wait_for_the_next_batch(tmp_path: Path) -> None:
    """Otherwise steady work ships row by row, each in a transaction of its own."""
    async with recording(settings(tmp_path, batch_seconds=60.0, batch_rows=5)) as (recorder, bus, told):
        await until(lambda: StoreAvailable() in told)
        bus.subscribe(RowsShipped, lambda _: run_statement(recorder, bus, f"late{len(told)}"))
        for number in range(5):
            run_statement(recorder, bus, f"q{number}")
        await until(lambda: recorder.status().waiting_rows == 1)
        await asyncio.sleep(0.2)
        assert recorder.status().waiting_rows == 1
        assert sum(isinstance(each, RowsShipped) for each in told) <= 2


@pytest.mark.asyncio
async def test_a_statement_finished_twice_keeps_its_first_end(tmp_path: Path) -> None:
    async with recording(settings(tmp_path)) as (recorder, bus, _):
        run_statement(recorder, bus, "q1", "CANCELED")
        bus.publish(StatementFinished(finished("q1", "FAILED")))
        assert await recorder.flush()
        assert [row.outcome for row in await recorder.recent(10)] == ["CANCELED"]


@pytest.mark.asyncio
async def test_a_statement_that_began_elsewhere_is_recorded_where_it_ends(tmp_path: Path) -> None:
    async with recording(settings(tmp_path)) as (recorder, bus, _):
        bus.publish(StatementFinished(finished("handed-over")))
        assert await recorder.flush()
        assert await recorder.by_id("handed-over") is not None


@pytest.mark.asyncio
async def test_closing_ships_what_waits_and_leaves_no_journal(tmp_path: Path) -> None:
    chosen = settings(tmp_path, batch_seconds=60.0)
    async with recording(chosen) as (recorder, bus, _):
        for number in range(120):
            run_statement(recorder, bus, f"q{number}")
    store = UsageStore(chosen.store_url)
    assert len(await store.recent(1000)) == 120
    await store.close()
    assert [each.name for each in chosen.folder.iterdir()] == [".lock"]


@pytest.mark.asyncio
async def test_a_statement_unfinished_at_the_end_is_closed_by_the_next_start(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with recording(chosen) as (recorder, bus, _):
        recorder.admit(received("q1"))
        bus.publish(StatementPlanned("q1", plan(), cached=False))
        bus.publish(StatementSubmitted("q1", "trino", "e9"))
    async with recording(chosen) as (recorder, _, told):
        await until(lambda: JournalRecovered(finished=0, cut_off=1, damaged=0) in told)
        row = await recorder.by_id("q1")
    assert row is not None
    assert (row.outcome, row.engine, row.engine_query_id) == ("CUT_OFF", "trino", "e9")
    assert row.tables == (("iceberg.curated.lmp_prices", "select", ("iso",)),)


@pytest.mark.asyncio
async def test_with_the_store_down_statements_go_on_and_their_rows_arrive_when_it_returns(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("a file where the store's folder should be")
    chosen = settings(tmp_path, f"sqlite:///{blocked}/usage.db")
    async with recording(chosen) as (recorder, bus, told):
        for number in range(120):
            run_statement(recorder, bus, f"q{number}")
        await until(lambda: any(isinstance(each, StoreUnavailable) for each in told))
        await asyncio.sleep(0.5)
        status = recorder.status()
        assert (status.accepting, status.store_up, status.waiting_rows) == (True, False, 120)
        assert status.lag_seconds > 0
        assert sum(isinstance(each, StoreUnavailable) for each in told) == 1
        blocked.unlink()
        await until(lambda: recorder.status().waiting_rows == 0)
        assert recorder.status().store_up
        assert len(await recorder.recent(1000)) == 120


@pytest.mark.asyncio
@pytest.mark.postgres
async def test_rows_survive_a_restart_of_postgres(tmp_path: Path) -> None:
    with start_postgres(tmp_path / "pg", lambda _text: None) as server:
        server.create_database("usage")
        port, bus = server.port, EventBus()
        recorder = Recorder(settings(tmp_path, server.url("usage")), bus)
        await recorder.start()
        run_statement(recorder, bus, "before")
        await until(lambda: recorder.status().store_up is True and recorder.status().waiting_rows == 0)
    run_statement(recorder, bus, "during")
    await until(lambda: recorder.status().store_up is False)
    with start_postgres(tmp_path / "pg", lambda _text: None, port):
        await until(lambda: recorder.status().waiting_rows == 0)
        assert {row.query_id for row in await recorder.recent(10)} == {"before", "during"}
        await recorder.close()


@pytest.mark.asyncio
async def test_a_full_journal_refuses_new_statements_until_the_store_returns(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("")
    chosen = settings(tmp_path, f"sqlite:///{blocked}/usage.db", max_bytes=20_000, segment_bytes=4096)
    async with recording(chosen) as (recorder, bus, told):
        with pytest.raises(Refusal) as refused:
            fill(recorder, bus)
        admitted = recorder.status().waiting_rows
        assert refused.value.code is ErrorCode.QUERY_QUEUE_FULL
        assert "cannot record" in refused.value.text
        assert str(tmp_path) not in refused.value.text
        assert RecordingRefused("journal full") in told
        assert not recorder.status().accepting
        assert recorder.status().journal_bytes < 25_000
        blocked.unlink()
        await until(lambda: recorder.status().accepting)
        run_statement(recorder, bus, f"q{admitted}")
        assert await recorder.flush()
        assert len(await recorder.recent(1000)) == admitted + 1


@pytest.mark.asyncio
async def test_a_statement_under_way_when_the_journal_fills_is_still_recorded(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("")
    chosen = settings(tmp_path, f"sqlite:///{blocked}/usage.db", max_bytes=20_000, segment_bytes=4096)
    async with recording(chosen) as (recorder, bus, _):
        recorder.admit(received("slow"))
        with pytest.raises(Refusal):
            fill(recorder, bus)
        bus.publish(StatementFinished(finished("slow")))
        blocked.unlink()
        await until(lambda: recorder.status().waiting_rows == 0)
        assert await recorder.by_id("slow") == finished("slow")


@pytest.mark.asyncio
async def test_where_the_operator_prefers_loss_the_oldest_rows_go_and_are_counted(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("")
    chosen = settings(
        tmp_path, f"sqlite:///{blocked}/usage.db", max_bytes=20_000, segment_bytes=4096, on_full="drop_oldest"
    )
    async with recording(chosen) as (recorder, bus, told):
        for number in range(200):
            run_statement(recorder, bus, f"q{number}")
        status = recorder.status()
        assert status.accepting
        assert status.journal_bytes < 25_000
        lost = sum(each.rows for each in told if isinstance(each, RowsLost))
        assert 0 < lost == status.lost_rows
        blocked.unlink()
        await until(lambda: recorder.status().waiting_rows == 0)
        rows = {row.query_id for row in await recorder.recent(1000)}
        assert rows == {f"q{number}" for number in range(lost, 200)}


@pytest.mark.asyncio
async def test_dead_journals_count_towards_the_bound(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("")
    chosen = settings(tmp_path, f"sqlite:///{blocked}/usage.db", max_bytes=20_000, segment_bytes=4096)
    async with recording(chosen) as (recorder, bus, _):
        with pytest.raises(Refusal):
            fill(recorder, bus)
    async with recording(chosen) as (recorder, bus, _):
        await until(lambda: recorder.status().journal_bytes > 20_000)
        with pytest.raises(Refusal):
            recorder.admit(received("one too many"))
        blocked.unlink()
        await until(lambda: recorder.status().journal_bytes < 1000)
        recorder.admit(received("welcome again"))


@pytest.mark.asyncio
async def test_where_loss_is_preferred_dead_journals_beyond_the_bound_go_oldest_first(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("")
    chosen = settings(tmp_path, f"sqlite:///{blocked}/usage.db", on_full="drop_oldest")
    one_life = 0
    for life in range(3):
        async with recording(replace(chosen, sweep_seconds=600.0)) as (recorder, bus, _):
            await until(lambda: recorder.status().store_up is False)
            before = recorder.status().journal_bytes
            for number in range(5):
                run_statement(recorder, bus, f"life{life}-{number}")
            one_life = recorder.status().journal_bytes - before
    async with recording(replace(chosen, max_bytes=int(2.5 * one_life))) as (recorder, _, told):
        await until(lambda: any(isinstance(each, RowsLost) for each in told))
        blocked.unlink()
        await until(lambda: any(isinstance(each, JournalRecovered) for each in told))
        await until(lambda: recorder.status().journal_bytes < 100)
        lost = sum(each.rows for each in told if isinstance(each, RowsLost))
        rows = {row.query_id for row in await recorder.recent(100)}
    assert rows == {f"life{life}-{number}" for life in (1, 2) for number in range(5)}
    assert lost == 5


FULL_DISK = """
    import asyncio, resource, sys
    from pathlib import Path
    from catalog.errors import Refusal
    from gateway.events import EventBus, StatementFinished, SubscriberFailed
    from gateway.recording.recorder import Recorder
    from tests.gateway.recording.usage_records import finished, received, settings

    async def main():
        bus = EventBus()
        bus.subscribe(SubscriberFailed, print)
        recorder = Recorder(settings(Path(sys.argv[1]), batch_seconds=0.2), bus)
        await recorder.start()
        for number in range(3):
            recorder.admit(received(f"under-way-{number}"))
        full = recorder.status().journal_bytes + 20
        resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))  # journal and store alike
        try:
            recorder.admit(received("new"))
            print("admitted")
        except Refusal as refusal:
            print("refused", refusal.code.name, recorder.status().accepting)
        for number in range(3):
            bus.publish(StatementFinished(finished(f"under-way-{number}")))
        await asyncio.sleep(0.5)
        print("waiting", recorder.status().waiting_rows)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        while recorder.status().waiting_rows or not recorder.status().accepting:
            await asyncio.sleep(0.05)
        recorder.admit(received("later"))
        bus.publish(StatementFinished(finished("later")))
        await recorder.flush()
        print(sorted((row.query_id, row.outcome) for row in await recorder.recent(10)))
        await recorder.close()

    asyncio.run(main())
"""


def test_a_full_disk_refuses_new_statements_and_forgets_none_under_way(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    assert run.returncode == 0, run.stderr
    refused, waiting, rows = run.stdout.strip().split("\n")
    assert refused == "refused QUERY_QUEUE_FULL False"
    assert waiting == "waiting 3"
    expected = [(name, "FINISHED") for name in ("later", "under-way-0", "under-way-1", "under-way-2")]
    assert rows == repr(expected)


@pytest.mark.asyncio
async def test_without_a_place_for_the_journal_the_gateway_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(OSError):
        await Recorder(settings(tmp_path), EventBus()).start()


@pytest.mark.asyncio
async def test_a_journal_deleted_by_hand_loses_closed_segments_says_so_and_goes_on(tmp_path: Path) -> None:
    chosen = settings(tmp_path, segment_bytes=4096, batch_seconds=60.0, batch_rows=1000)
    async with recording(chosen) as (recorder, bus, told):
        for number in range(20):
            run_statement(recorder, bus, f"q{number}")
        shutil.rmtree(tmp_path / "journal")
        run_statement(recorder, bus, "after")
        assert await recorder.flush()
        lost = sum(each.rows for each in told if isinstance(each, RowsLost))
        assert lost == recorder.status().lost_rows > 0
        assert len(await recorder.recent(100)) == 21 - lost
        assert await recorder.by_id("after") is not None
        assert recorder.status().waiting_rows == 0


@pytest.mark.asyncio
async def test_the_journal_reaches_the_disk_at_the_interval_set(tmp_path: Path) -> None:
    async with recording(settings(tmp_path, fsync_seconds=0.02)) as (recorder, bus, told):
        for number in range(5):
            run_statement(recorder, bus, f"q{number}")
            await asyncio.sleep(0.03)
        assert await recorder.flush()
        assert len(await recorder.recent(10)) == 5
        assert not [each for each in told if isinstance(each, SubscriberFailed)]


@pytest.mark.asyncio
async def test_the_state_of_the_journal_is_published(tmp_path: Path) -> None:
    async with recording(settings(tmp_path)) as (recorder, bus, _):
        measured: list[RecordingMeasured] = []
        bus.subscribe(RecordingMeasured, measured.append)
        run_statement(recorder, bus, "q1")
        await until(lambda: len(measured) > 2)
        assert measured[-1].waiting_rows == 0
        assert measured[-1].journal_bytes > 0


@pytest.mark.asyncio
async def test_a_transaction_under_way_ends_by_itself_when_the_recorder_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off, it could leave SQLite locked and a task behind that never ends."""
    begun, ended = asyncio.Event(), asyncio.Event()
    insert = UsageStore.insert

    async def slowly(store: UsageStore, records: Sequence[UsageRecord], notes: Sequence[Entry] = ()) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        await insert(store, records, notes)
        ended.set()

    monkeypatch.setattr(UsageStore, "insert", slowly)
    chosen = settings(tmp_path)
    async with recording(chosen) as (recorder, bus, _):
        run_statement(recorder, bus, "first")
        await begun.wait()
        run_statement(recorder, bus, "last")
    assert ended.is_set()
    store = UsageStore(chosen.store_url)
    assert {row.query_id for row in await store.recent(10)} == {"first", "last"}
    await store.close()


@pytest.mark.asyncio
async def test_closing_does_not_wait_for_a_store_that_is_away(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("")
    chosen = settings(tmp_path, f"sqlite:///{blocked}/usage.db", retry_seconds=600.0)
    async with asyncio.timeout(20), recording(chosen) as (recorder, bus, _):
        run_statement(recorder, bus, "kept")
        await until(lambda: recorder.status().store_up is False)
    assert list((tmp_path / "journal").iterdir())
