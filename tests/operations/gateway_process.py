"""The gateway as operators run it: a configuration file, `penstock serve`, signals, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import requests
import yaml

from gateway.demo.ports import free_port
from tests.clients.demo_process import ROOT, processes_with
from tests.operations.client import Client
from tests.operations.nursery import Hatched, nursery

T = TypeVar("T")
Process: TypeAlias = subprocess.Popen[bytes] | Hatched
MARK = "PENSTOCK_TEST_MARK"
POLICIES = """\
version: 1
roles: {analyst: , admin: }
users:
  ana: {roles: [analyst]}
  root: {roles: [admin]}
grants:
  - {id: trading, roles: [analyst], assets: ["tri.trading.*", "lake.trading.*"], allow: [read]}
  - {id: everything, roles: [admin], assets: "*", allow: [all]}
"""


@dataclass(slots=True)
class Gateway:
    """One gateway's files, and its process while it runs."""

    folder: Path
    config: dict[str, Any]
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    process: Process | None = None
    own_start: bool = False
    """Whether it imports the program itself, as `penstock serve` does; otherwise the nursery has done so."""

    @property
    def path(self) -> Path:
        return self.folder / "penstock.yaml"

    @property
    def policies(self) -> Path:
        return self.folder / "policies.yaml"

    @property
    def url(self) -> str:
        scheme = "https" if self.config["door"].get("tls") else "http"
        return f"{scheme}://127.0.0.1:{self.config['door']['port']}"

    @property
    def client(self) -> Client:
        return Client(self.url)

    @property
    def root(self) -> Client:
        return Client(self.url, "root")

    @property
    def running(self) -> Process:
        assert self.process is not None
        return self.process

    def start(self, *, ready: bool = True, prepare: Callable[[], None] | None = None) -> None:
        """Start; wait until it says that it is ready. `prepare` runs in a process of its own before the program does."""
        self.path.write_text(yaml.safe_dump(self.config))
        arguments = ["serve", "--config", str(self.path)]
        environment = {**os.environ, MARK: self.mark}
        if self.own_start or prepare is not None:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "gateway.cli", *arguments],
                    cwd=ROOT,
                    env=environment,
                    stderr=log,
                    stdout=log,
                    preexec_fn=prepare,
                )
        else:
            self.process = nursery().start(arguments, environment, self.folder / "log")
        if ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.running.poll() is None, f"it ended ({self.running.returncode}):\n{self.log()}"
            return self.status("readyz") == 200

        try:
            eventually(ready, seconds=100)
        except AssertionError as error:
            raise AssertionError(f"not ready: {self.log()[-3000:]}") from error

    def wait_serving(self) -> None:
        """Wait until the protocol's port answers, ready or not."""

        def serving() -> bool:
            try:
                return requests.get(f"{self.url}/v1/info", timeout=10).status_code == 200
            except requests.ConnectionError:
                return False

        eventually(serving, seconds=100)

    def status(self, path: str) -> int | None:
        """Return the admin port's status; None while nothing listens."""
        try:
            return requests.get(f"http://127.0.0.1:{self.config['admin']['port']}/{path}", timeout=10).status_code
        except requests.ConnectionError:
            return None

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples with these labels."""
        text = requests.get(f"http://127.0.0.1:{self.config['metrics']['port']}/metrics", timeout=10).text
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(each in line for each in wanted))

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the logged events of one kind."""
        lines = (line for line in self.log().splitlines() if line.startswith("{"))
        return [entry for entry in map(json.loads, lines) if entry.get("event") == name]

    def next_event(self, name: str, after: int = 0) -> dict[str, Any]:
        """Return the newest logged event of a kind, once there are more than `after`: logs come a moment later."""
        return eventually(lambda: self.events(name)[after:], seconds=10)[-1]

    def send(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    def kill(self) -> None:
        """End it as a power switch would, and everything that it started."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.running.wait(10)
        eventually(lambda: not self.processes(), seconds=10)

    def stop(self, seconds: float = 30) -> int:
        """Ask it to end; return the exit code."""
        if self.running.poll() is None:
            self.send(signal.SIGTERM)
        return self.running.wait(seconds)

    def processes(self) -> list[int]:
        """Return the ids of all processes that it, or one of its children, started and that still live."""
        marked = set(processes_with(f"{MARK}={self.mark}"))
        if self.running.poll() is None:  # the environment that a hatched one began with is the nursery's
            marked.add(self.running.pid)
        return list(marked)

    def usage(self) -> list[sqlite3.Row]:
        """Return all usage rows of a store in SQLite, oldest first."""
        path = self.folder / "usage.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            try:
                return connection.execute("SELECT * FROM penstock_usage ORDER BY received_at, query_id").fetchall()
            except sqlite3.OperationalError:  # before the first migration
                return []

    def await_usage(self, rows: int, seconds: float = 20) -> list[sqlite3.Row]:
        """Return the usage rows once there are so many; a moment later there must not be more."""
        eventually(lambda: len(self.usage()) >= rows, seconds=seconds)
        found = self.usage()
        assert len(found) == rows, [(row["query_id"], row["outcome"]) for row in found][-30:]
        return found


def eventually(found: Callable[[], T], *, seconds: float = 10) -> T:
    """Return what a question comes to say that is true of it; it is asked until then. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def make_gateway(
    folder: Path,
    engines: list[dict[str, Any]],
    changes: Mapping[str, Any] | None = None,
    *,
    own_start: bool = False,
) -> Gateway:
    """Write policies and make a configuration; nothing runs yet."""
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "door": {"port": free_port()},
        "admin": {"port": free_port()},
        "metrics": {"port": free_port()},
        "data_dir": str(folder / "data"),
        "drain_seconds": 10,
        "identity": {"insecure": True},
        "keys": [{"id": "k1", "secret": "an example of a long enough secret"}],
        "engines": engines,
        "policies": ["policies.yaml"],
        "store": {"url": f"sqlite:///{folder / 'usage.db'}"},
        **(changes or {}),
    }
    gateway = Gateway(folder, config, own_start=own_start)
    gateway.policies.write_text(POLICIES)
    return gateway


@contextmanager
def running(gateway: Gateway) -> Iterator[Gateway]:
    """Run a gateway; afterwards nothing of it is left, however the block ended."""
    try:
        gateway.start()
        yield gateway
    finally:
        if gateway.process is not None:
            gateway.kill()


def trino_backend(url: str, **more: object) -> dict[str, Any]:
    return {"kind": "trino", "name": "trino", "url": url, "catalogs": ["tri"], "answer_seconds": 2, **more}
