"""Sinks: what the chain took arrives, also when the sink was away or the process was killed; loss is told."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import forwarding
from gateway.audit.forwarding import Forwarder, Sink
from gateway.audit.json_lines import JsonLinesSink
from gateway.audit.lines import anchor_line, from_line, links_in, to_line
from gateway.audit.links import Head, Link
from gateway.audit.spool import Spool, count_lines
from gateway.audit.syslog import SyslogSink, message
from gateway.events import AuditAnchored, AuditAppended, AuditForwarded, AuditForwardingLost, AuditSinkChanged, EventBus
from tests.audit.chains import chained, some_entry
from tests.gateway.recording.usage_records import until

ROOT = Path(__file__).parents[2]
FRAME = re.compile(
    rb"<(?P<pri>\d+)>1 (?P<stamp>\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z) (?P<host>[!-~]+) penstock (?P<pid>\d+) (?P<kind>[!-~]{1,32}) "
    rb'(?P<data>-|\[penstock@32473(?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")+\]) \xef\xbb\xbf(?P<line>.*)',
    re.DOTALL,
)
NASTY = some_entry(7, subject='"]\\ \n\r\x1b[31m', actor="öß\u2028", outcome="refused", detail={"text": 'a\n"]b\x00'})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "_SETTLE_SECONDS", 0.2)
    monkeypatch.setattr(forwarding, "_LAST_RETRY_SECONDS", 0.5)


@asynccontextmanager
async def forwarding_to(
    sink: Sink, root: Path, spool_bytes: int = 1 << 20
) -> AsyncIterator[tuple[EventBus, list[Any]]]:
    bus: EventBus = EventBus()
    told: list[Any] = []
    for kind in (AuditSinkChanged, AuditForwarded, AuditForwardingLost):
        bus.subscribe(kind, told.append)
    forwarder = Forwarder("siem", sink, Spool(root / "spool", spool_bytes), bus)
    forwarder.start()
    try:
        yield bus, told
    finally:
        await forwarder.close()


def append(bus: EventBus, links: Sequence[Link]) -> None:
    for link in links:
        bus.publish(AuditAppended((link,), (), Head(link.seq, link.hash)))


def ids(lines: Sequence[bytes]) -> list[str]:
    return [link.id for line in lines if (link := from_line(line)) is not None]


def files_of(path: Path) -> list[Path]:
    """Return a sink's files, the oldest first."""
    rotated = [path.with_name(f"{path.name}.{number}") for number in range(50, 0, -1)]
    return [each for each in (*rotated, path) if each.exists()]


LINKS = chained([*(some_entry(number) for number in range(6)), NASTY])
NAMES = [link.id for link in LINKS]


def test_a_line_gives_back_its_link_to_the_byte() -> None:
    assert [from_line(to_line(link)) for link in LINKS] == LINKS
    assert from_line(anchor_line(Head(1, "a" * 64), 1.0)) is None
    assert all(b"\n" not in to_line(link) for link in LINKS)


@pytest.mark.asyncio
async def test_a_file_gets_every_entry_once_and_is_rotated_by_size(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.jsonl"
    async with forwarding_to(JsonLinesSink(path, 700, 4), tmp_path) as (bus, told):
        for link in LINKS[:5]:
            count = sum(each.entries for each in told if isinstance(each, AuditForwarded))
            append(bus, [link])
            await until(lambda count=count: sum(e.entries for e in told if isinstance(e, AuditForwarded)) > count)
        bus.publish(AuditAnchored(Head(5, LINKS[4].hash)))
    files = files_of(path)
    assert len(files) > 2
    assert all(file.stat().st_size <= 700 for file in files)
    assert [link.id for file in files for link in links_in(file)] == NAMES[:5]
    assert b'"anchor":true,"seq":5' in path.read_bytes()
    assert not any((tmp_path / "spool").glob("*/"))


@pytest.mark.asyncio
async def test_two_workers_share_a_file_and_no_line_is_torn_by_rotation(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sinks = [JsonLinesSink(path, 20_000, 50) for _ in range(2)]
    links = chained(some_entry(number) for number in range(400))
    halves = (links[::2], links[1::2])

    async def write(sink: JsonLinesSink, half: Sequence[Link]) -> None:
        for link in half:
            await sink.send([to_line(link)])

    await asyncio.gather(*(write(sink, half) for sink, half in zip(sinks, halves, strict=True)))
    found = [link.id for file in files_of(path) for link in links_in(file)]
    assert sorted(found) == sorted(link.id for link in links)


class Collector:
    """A syslog collector on a port or a socket of its own, which can go away and come back."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._path = folder / "log.sock"
        self._socket: socket.socket | None = None
        self._readers: list[socket.socket] = []
        self._port = 0
        self._data: dict[int, bytes] = {}
        self.messages: list[bytes] = []

    @property
    def url(self) -> str:
        return f"unix://{self._path}" if self._kind.startswith("unix") else f"{self._kind}://127.0.0.1:{self._port}"

    def open(self) -> None:
        stream = self._kind in ("tcp", "unix stream")
        family = socket.AF_UNIX if self._kind.startswith("unix") else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        self._path.unlink(missing_ok=True)
        made.bind(str(self._path) if family == socket.AF_UNIX else ("127.0.0.1", self._port))
        if family == socket.AF_INET:
            self._port = made.getsockname()[1]
        loop = asyncio.get_running_loop()
        if stream:
            made.listen()
            loop.add_reader(made, self._accept, made)
        else:
            loop.add_reader(made, lambda: self.messages.append(made.recv(100_000)))
        self._socket = made

    def _accept(self, listening: socket.socket) -> None:
        came, _ = listening.accept()
        came.setblocking(False)
        self._readers.append(came)
        rest = b""

        def read() -> None:
            nonlocal rest
            data = came.recv(65_536)
            if not data:
                self._leave(came)
                return
            rest += data
            while (found := re.match(rb"(\d+) ", rest)) and len(rest) >= found.end() + int(found[1]):
                end = found.end() + int(found[1])
                self.messages.append(rest[found.end() : end])
                rest = rest[end:]

        asyncio.get_running_loop().add_reader(came, read)

    def _leave(self, came: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(came)
        came.close()
        self._readers.remove(came)

    def close(self) -> None:
        for came in tuple(self._readers):
            self._leave(came)
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._path.unlink(missing_ok=True)

    def lines(self) -> list[bytes]:
        parsed = [FRAME.fullmatch(each) for each in self.messages]
        assert all(parsed), self.messages
        return [found["line"] for found in parsed if found is not None]


KINDS = ["udp", "tcp", "unix", "unix stream"]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_a_collector_gets_every_entry_as_rfc_5424_over(kind: str, tmp_path: Path) -> None:
    collector = Collector(kind, tmp_path)
    collector.open()
    async with forwarding_to(SyslogSink(collector.url), tmp_path) as (bus, told):
        append(bus, LINKS)
        bus.publish(AuditAnchored(Head(7, LINKS[-1].hash)))
        await until(lambda: len(collector.messages) >= len(LINKS) + 1)
        await until(lambda: AuditSinkChanged("siem", True) in told)
    collector.close()
    assert ids(collector.lines()) == NAMES
    refused = FRAME.fullmatch(collector.messages[-2])
    assert refused is not None
    assert (refused["pri"], refused["kind"]) == (b"108", b"read")
    assert b'subject="\\"\\]\\\\' in refused["data"]
    assert not any((tmp_path / "spool").glob("*/"))


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_what_comes_while_a_collector_is_away_waits_and_follows_in_order(kind: str, tmp_path: Path) -> None:
    collector = Collector(kind, tmp_path)
    collector.open()
    async with forwarding_to(SyslogSink(collector.url), tmp_path) as (bus, told):
        append(bus, LINKS[:2])
        await until(lambda: len(collector.messages) >= 2)
        await until(lambda: AuditSinkChanged("siem", True) in told)
        collector.close()
        append(bus, LINKS[2:4])
        await until(lambda: any(isinstance(each, AuditSinkChanged) and not each.up for each in told))
        append(bus, LINKS[4:])
        collector.open()
        await until(lambda: set(ids(collector.lines())) == set(NAMES))
        await until(lambda: told[-1] == AuditForwarded("siem", told[-1].entries, 0) and told[-1].entries > 0)
    collector.close()
    found = list(dict.fromkeys(ids(collector.lines())))
    assert found == NAMES, "lines may come twice, but none is missing and the first of each are in order"
    assert not [each for each in told if isinstance(each, AuditForwardingLost)]


@pytest.mark.asyncio
async def test_a_full_spool_lets_the_oldest_go_and_says_how_many(tmp_path: Path) -> None:
    links = chained(some_entry(number, detail={"text": "x" * 8_000}) for number in range(60))
    collector = Collector("unix", tmp_path)
    async with forwarding_to(SyslogSink(collector.url), tmp_path, 200_000) as (bus, told):
        append(bus, links)
        lost = sum(each.entries for each in told if isinstance(each, AuditForwardingLost))
        assert 0 < lost < 60
        collector.open()
        await until(lambda: len(set(ids(collector.lines()))) == 60 - lost)
        collector.close()
    assert list(dict.fromkeys(ids(collector.lines()))) == [link.id for link in links[lost:]]


@pytest.mark.asyncio
async def test_a_spool_that_cannot_be_written_blocks_nobody_and_is_counted(tmp_path: Path) -> None:
    async with forwarding_to(SyslogSink(f"unix://{tmp_path / 'nobody'}"), tmp_path) as (bus, told):
        (home,) = (each for each in (tmp_path / "spool").iterdir() if each.is_dir())
        append(bus, LINKS[:1])
        for each in (*home.iterdir(),):
            each.unlink()
        home.rmdir()
        append(bus, LINKS[1:3])
        assert sum(each.entries for each in told if isinstance(each, AuditForwardingLost)) == 2


KILLED = """
    import asyncio, sys
    from pathlib import Path
    from gateway.audit.forwarding import Forwarder
    from gateway.audit.spool import Spool
    from gateway.audit.syslog import SyslogSink
    from gateway.events import EventBus
    from tests.audit.test_sinks import LINKS, append

    async def main():
        bus = EventBus()
        forwarder = Forwarder("siem", SyslogSink("unix:///nowhere/at/all"), Spool(Path(sys.argv[1]), 1 << 20), bus)
        forwarder.start()
        append(bus, LINKS)
        print("ready", flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
"""


def _run_and_kill(spool: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(spool)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        os.kill(worker.pid, signal.SIGKILL)


@pytest.mark.long
def test_after_kill_9_the_next_worker_forwards_what_waited(tmp_path: Path) -> None:
    _run_and_kill(tmp_path / "spool")
    path = tmp_path / "audit.jsonl"

    async def next_worker() -> None:
        async with forwarding_to(JsonLinesSink(path, 1 << 20, 1), tmp_path) as (_, told):
            await until(lambda: bool(told))

    asyncio.run(next_worker())
    assert [link.id for link in links_in(path)] == NAMES
    assert [each.name for each in (tmp_path / "spool").iterdir()] == [".lock"]


def test_files_of_a_spool_keep_their_order_when_the_clock_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, 1 << 20)
    clock: Callable[[], int] = iter(range(10**18 + 100, 0, -1)).__next__
    monkeypatch.setattr("gateway.audit.spool.time.time_ns", clock)
    monkeypatch.setattr("gateway.audit.spool._FILE_BYTES", 1)
    for number in range(5):
        spool.put([b"%d" % number])
    found = b""
    while (path := spool.first()) is not None:
        assert count_lines(path) == 1
        found += path.read_bytes()
        spool.drop(path)
    assert found == b"0\n1\n2\n3\n4\n"
    spool.close()


def test_a_message_has_no_control_character_and_no_unescaped_end_of_its_data() -> None:
    found = FRAME.fullmatch(message(to_line(LINKS[-1])))
    assert found is not None
    assert not re.search(rb"[\x00-\x1f]", found["data"])
