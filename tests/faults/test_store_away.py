"""The store is down, or the disk is full: statements go on while they can be recorded, and are refused when not."""

from __future__ import annotations

import resource
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.demo.ports import free_port
from gateway.demo.postgres import PostgresServer
from tests.operations.coordinator import Coordinator
from tests.operations.gateway_process import eventually, make_gateway, running, trino_backend

TRADES = "SELECT id, desk FROM tri.trading.trades"


class Gate:
    """A TCP relay to the store that can be shut: connections are cut and new ones refused."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self._listener: socket.socket | None = None
        self._pairs: list[socket.socket] = []
        self._copiers: list[threading.Thread] = []

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for each in self._pairs:
            _cut(each)
        for thread in self._copiers:
            thread.join(5)
        for each in self._pairs:
            each.close()
        self._pairs.clear()
        self._copiers.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                ours, _ = listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self._pairs += [ours, theirs]
            for source, sink in ((ours, theirs), (theirs, ours)):
                copier = threading.Thread(target=_copy, args=(source, sink), daemon=True)
                copier.start()
                self._copiers.append(copier)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass
    _cut(sink)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@contextmanager
def gate_to(postgres: PostgresServer) -> Iterator[Gate]:
    gate = Gate(free_port(), postgres.port)
    try:
        yield gate
    finally:
        gate.shut()


def rows_in(postgres: PostgresServer, database: str) -> list[str]:
    """Return the outcomes of all usage rows."""
    sql = "SELECT outcome FROM penstock_usage ORDER BY received_at"
    command = [str(postgres.programs / "psql"), "-XqAt", postgres.url(database), "-c", sql]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_rows_arrive_after_postgres_returns(
    tmp_path: Path, coordinator: Coordinator, postgres_server: PostgresServer
) -> None:
    postgres_server.create_database("away")
    with gate_to(postgres_server) as gate:
        url = f"postgresql://{postgres_server.user}:{postgres_server.password}@127.0.0.1:{gate.port}/away"
        gateway = make_gateway(tmp_path, [trino_backend(coordinator.url)], {"store": {"url": url, "policies": False}})
        with running(gateway):  # it refuses at the start
            assert gateway.client.rows(TRADES) == [[1, "CAISO"]]
            assert gateway.status("readyz") == 200
            gate.open()
            eventually(lambda: len(rows_in(postgres_server, "away")) == 1, seconds=40)
            gate.shut()  # and again while it serves
            for _ in range(3):
                gateway.client.rows(TRADES)
            assert rows_in(postgres_server, "away") == ["FINISHED"]
            gate.open()
            eventually(lambda: len(rows_in(postgres_server, "away")) >= 4, seconds=40)
            assert rows_in(postgres_server, "away") == ["FINISHED"] * 4
            assert postgres_server.password not in gateway.log()


def test_a_full_journal_refuses_new_statements_and_recovers(tmp_path: Path, coordinator: Coordinator) -> None:
    blocked = tmp_path / "store"
    blocked.write_text("a file where a folder should be")
    store = {"url": f"sqlite:///{blocked / 'usage.db'}", "journal_bytes": 65_536, "policies": False}
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], {"store": store})) as gateway:
        long = f"SELECT id FROM tri.trading.trades WHERE desk <> '{'x' * 4000}'"
        errors = [gateway.client.run(long).get("error") for _ in range(12)]
        assert errors[0] is None
        assert errors[-1]["errorName"] == "QUERY_QUEUE_FULL"
        assert "record" in errors[-1]["message"]
        assert str(blocked) not in errors[-1]["message"]
        assert gateway.status("readyz") == 503
        assert gateway.status("livez") == 200

        blocked.unlink()
        eventually(lambda: gateway.status("readyz") == 200, seconds=45)
        assert gateway.client.rows(TRADES) == [[1, "CAISO"]]


def small_files() -> None:
    """Let the process write files of at most 512 KiB, as a disk that is full would."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (524_288, resource.RLIM_INFINITY))


def test_a_full_disk_refuses_new_statements_and_the_process_recovers(tmp_path: Path, coordinator: Coordinator) -> None:
    gateway = make_gateway(tmp_path, [trino_backend(coordinator.url)])
    long = f"SELECT id FROM tri.trading.trades WHERE desk <> '{'x' * 30_000}'"
    try:
        gateway.start(prepare=small_files)
        ends = [gateway.client.run(long).get("error") for _ in range(40)]
        refused = [end for end in ends if end is not None]
        assert refused, "the limit was never met"
        assert {end["errorName"] for end in refused} == {"QUERY_QUEUE_FULL"}
        assert gateway.running.poll() is None
        resource.prlimit(gateway.running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: "error" not in gateway.client.run(TRADES), seconds=45)
        eventually(lambda: gateway.status("readyz") == 200, seconds=45)
        eventually(lambda: len(gateway.usage()) >= len(ends) - len(refused) + 1, seconds=45)
        assert {row["outcome"] for row in gateway.usage()} <= {"FINISHED"}
    finally:
        if gateway.process is not None:
            gateway.kill()


@pytest.mark.parametrize("store", ["sqlite:////proc/nowhere/usage.db"])
def test_an_impossible_store_is_named_in_the_log_without_its_address(
    tmp_path: Path, coordinator: Coordinator, store: str
) -> None:
    section = {"url": store, "policies": False}
    with running(make_gateway(tmp_path, [trino_backend(coordinator.url)], {"store": section})) as gateway:
        gateway.client.rows(TRADES)
        assert gateway.events("store down") or "store" in gateway.log()
        assert "/proc/nowhere" not in gateway.log()
