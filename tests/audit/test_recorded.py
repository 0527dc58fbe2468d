"""Entries by way of the recorder: once each through crashes, full disks and outages, and no round trip of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import Refusal
from gateway.audit.anchors import Anchors
from gateway.audit.chain import Chain
from gateway.audit.entries import entry
from gateway.audit.keeping import open_keeping
from gateway.audit.leaving import leave_note
from gateway.audit.lines import links_in
from gateway.audit.links import ChainKeys
from gateway.config.audit import Audit
from gateway.events import AuditAnchored, AuditAppended, EventBus, JournalRecovered, RowsShipped, StatementFinished
from gateway.policy_store.store import PolicyStore
from gateway.recording.recorder import Recorder
from gateway.recording.store import UsageStore
from tests.audit.chains import KEYS, bend, read, some_entry, walk
from tests.gateway.recording.usage_records import finished, received, settings, until

ROOT = Path(__file__).parents[2]


def refused(query_id: str) -> StatementFinished:
    return StatementFinished(finished(query_id, "REFUSED", error_code="PERMISSION_DENIED"))


@pytest.mark.asyncio
async def test_rows_and_entries_reach_the_store_in_one_batch(store_url: str, tmp_path: Path) -> None:
    bus, told = EventBus(), list[Any]()
    recorder = Recorder(settings(tmp_path, store_url, audit_keys=KEYS, batch_seconds=600.0), bus)
    calls: list[int] = []
    insert = UsageStore.insert

    async def counted(store: UsageStore, records: Any, notes: Any = ()) -> Any:
        calls.append(len(records) + len(notes))
        return await insert(store, records, notes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UsageStore, "insert", counted)
        await recorder.start()
        bus.subscribe(AuditAppended, told.append)
        bus.subscribe(RowsShipped, told.append)
        recorder.note(some_entry(1))
        for number in range(20):
            recorder.admit(received(f"q{number}"))
            bus.publish(refused(f"q{number}"))
        assert await recorder.flush()
        await recorder.close()
    assert [call for call in calls if call] == [21], "entries of statements travel with their rows"
    assert sum(len(each.new) for each in told if isinstance(each, AuditAppended)) == 21
    report = await walk(store_url)
    assert (report.intact, report.links, report.unkeyed) == (True, 21, 0)


WORKER = """
    import asyncio, sys
    from pathlib import Path
    from gateway.events import EventBus, StatementFinished
    from gateway.recording.recorder import Recorder
    from tests.audit.chains import KEYS, some_entry
    from tests.audit.test_recorded import refused
    from tests.gateway.recording.usage_records import received, settings

    async def main():
        bus = EventBus()
        pace = {"batch_seconds": 0.02} if sys.argv[3] == "ship" else {"batch_seconds": 600.0, "batch_rows": 1_000_000}
        recorder = Recorder(settings(Path(sys.argv[1]), sys.argv[2], audit_keys=KEYS, **pace), bus)
        await recorder.start()
        for number in range(400):
            recorder.admit(received(f"{sys.argv[3]}-{number}"))
            bus.publish(refused(f"{sys.argv[3]}-{number}"))
            recorder.note(some_entry(0, entry_id=f"{sys.argv[3]}-note-{number}"))
            print(number, flush=True)
            await asyncio.sleep(0.001)
        await asyncio.sleep(3600)

    asyncio.run(main())
"""


def killed_worker(folder: Path, url: str, way: str) -> int:
    """Run a worker, kill it in the midst of its work; return the last number that it promised."""
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(folder), url, way]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        while int(worker.stdout.readline()) < 60:
            pass
        os.kill(worker.pid, signal.SIGKILL)
        return max([60, *(int(line) for line in worker.stdout if line.endswith("\n"))])


@pytest.mark.long
@pytest.mark.parametrize("way", ["ship", "keep"])
def test_after_kill_9_every_entry_is_in_the_chain_once(store_url: str, tmp_path: Path, way: str) -> None:
    last = killed_worker(tmp_path, store_url, way)

    async def recover() -> None:
        bus, found = EventBus(), list[JournalRecovered]()
        bus.subscribe(JournalRecovered, found.append)
        recorder = Recorder(settings(tmp_path, store_url, audit_keys=KEYS), bus)
        await recorder.start()
        await until(lambda: bool(found))
        await recorder.close()

    asyncio.run(recover())
    report = asyncio.run(walk(store_url))
    assert report.intact, report.faults
    ids = [link.id for link in asyncio.run(read(store_url))]
    assert len(ids) == len(set(ids))
    for number in range(last + 1):
        assert f"refusal:{way}-{number}" in ids
    for number in range(last):  # the last one's note may not have been written
        assert f"{way}-note-{number}" in ids


@pytest.mark.asyncio
async def test_while_the_store_is_away_entries_wait_and_follow_in_order(tmp_path: Path) -> None:
    blocked = tmp_path / "mount"
    blocked.write_text("")
    url = f"sqlite:///{blocked}/usage.db"
    recorder = Recorder(settings(tmp_path, url, audit_keys=KEYS), EventBus())
    await recorder.start()
    for number in range(5):
        recorder.must_note(some_entry(number))
    await until(lambda: recorder.status().store_up is False)
    assert recorder.status().waiting_rows == 5
    blocked.unlink()
    await until(lambda: recorder.status().waiting_rows == 0)
    await recorder.close()
    assert [link.id for link in await read(url)] == [f"e{number}" for number in range(5)]


@pytest.mark.asyncio
async def test_on_a_full_disk_what_must_be_noted_is_not_done_and_what_happened_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(settings(tmp_path, audit_keys=KEYS, batch_seconds=600.0), EventBus())
    await recorder.start()

    def full(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr("gateway.recording.journal.Journal.note", full)
        with pytest.raises(Refusal):
            recorder.must_note(some_entry(1))
        recorder.note(some_entry(2))
    await recorder.flush()
    await recorder.close()
    assert [link.id for link in await read(settings(tmp_path).store_url)] == ["e2"]


@pytest.mark.asyncio
async def test_an_entry_left_by_a_command_is_found_by_the_gateway_that_runs(tmp_path: Path) -> None:
    recorder = Recorder(settings(tmp_path, audit_keys=KEYS), EventBus())
    await recorder.start()
    assert await recorder.flush()
    leave_note(tmp_path / "journal", some_entry(1))
    bus_url = settings(tmp_path).store_url

    async def found() -> list[str]:
        return [link.id for link in await read(bus_url)]

    async with asyncio.timeout(30):
        while await found() != ["e1"]:
            await asyncio.sleep(0.05)
    await recorder.close()
    assert [each.name for each in (tmp_path / "journal").iterdir()] == [".lock"]


@pytest.mark.asyncio
async def test_a_policy_change_and_its_entry_are_written_together_or_not_at_all(store_url: str) -> None:
    chain = Chain(KEYS)
    store = PolicyStore(store_url, chain=chain, appended=chain.committed)
    made = await store.replace("statements", 0, '{"a": 1}', author="ana", note="a change")
    (link,) = await read(store_url)
    assert (link.kind, link.actor, link.subject) == ("policy.change", "ana", "statements")
    assert '"version":1' in link.detail
    assert '"a"' not in link.detail, "the audit does not tell what policies say"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chain, "append", _fails)
        with pytest.raises(Exception, match="ZeroDivisionError"):
            await store.replace("statements", made.version, "{}", author="ana", note="another")
    assert [each.version for each in await store.live()] == [1]
    await store.close()
    assert (await walk(store_url)).links == 1


async def _fails(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.asyncio
async def test_a_gateway_anchors_its_chain_and_finds_at_the_next_start_that_it_was_cut(tmp_path: Path) -> None:
    from contextlib import AsyncExitStack

    url, folder = settings(tmp_path).store_url, tmp_path / "audit"
    sink = tmp_path / "audit.jsonl"
    config = Audit.model_validate({"sinks": [{"kind": "jsonl", "name": "file", "path": str(sink)}]})

    async def run(*numbers: int) -> list[Any]:
        told: list[Any] = []
        async with AsyncExitStack() as stack:
            bus: EventBus = EventBus()
            bus.subscribe(AuditAnchored, told.append)
            await open_keeping(config, folder, url, bus, stack)
            seen = Anchors(folder, url).last()
            recorder = Recorder(settings(tmp_path, audit_keys=KEYS, audit_seen=seen), bus)
            await recorder.start()
            stack.push_async_callback(recorder.close)
            for number in numbers:
                recorder.note(some_entry(number))
        return told

    told = await run(1, 2, 3)
    anchors = Anchors(folder, url)
    assert anchors.last() == told[-1].head
    assert (await walk(url, anchors=anchors.read())).intact
    await bend(url, "DELETE FROM penstock_audit WHERE seq = 3")
    report = await walk(url, anchors=anchors.read())
    assert [(fault.seq, fault.kind) for fault in report.faults] == [(3, "cut")]
    await run(4)
    assert [link.kind for link in await read(url)] == ["read", "read", "audit.broken", "read"]
    assert [link.id for link in links_in(sink)][:3] == ["e1", "e2", "e3"], "the sink still has what was cut"
    report = await walk(url, anchors=anchors.read())
    assert "anchor" in {fault.kind for fault in report.faults}
    assert Anchors(folder, "sqlite:///another.db").read() == []


@pytest.mark.asyncio
async def test_a_chain_without_a_key_says_so(tmp_path: Path) -> None:
    store = UsageStore(settings(tmp_path).store_url)
    await store.insert([], [entry("override", actor="ana")])
    await store.close()
    report = await walk(settings(tmp_path).store_url, ChainKeys())
    assert (report.intact, report.unkeyed) == (True, 1)
