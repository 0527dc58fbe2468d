"""Gateways as operators run them, that can be killed as by a crash and started again on the same folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from gateway.demo.children import Child, start_child
from gateway.demo.ports import free_port

_READY_SECONDS = 90.0
_SECRET = "a secret of the storm's own, longer than needed"


@dataclass(slots=True)
class Server:
    """One gateway's folder and process."""

    folder: Path
    config: dict[str, Any]
    child: Child | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Return where clients find it."""
        return f"http://127.0.0.1:{self.config['door']['port']}"

    def start(self) -> None:
        """Start it; `wait` tells when it serves."""
        path = self.folder / "penstock.yaml"
        path.write_text(yaml.safe_dump(self.config))
        command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(path)]
        self.child = start_child(command, log=self.folder / "log", cwd=Path.cwd())

    def wait(self) -> None:
        """Wait until it serves. Ends the run where it does not."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready():
            if time.monotonic() > deadline or self.child is None or not self.child.running:
                raise SystemExit(f"a gateway is not ready:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it as a crash does, with no time to do anything more."""
        if self.child is not None:
            for pid in _children(self.child.watcher.pid):
                _kill(pid)
            self.child.watcher.wait()
            self.child.stop()

    def kill_worker(self) -> None:
        """Kill one of its workers; the supervisor starts another."""
        for supervisor in _children(self.child.watcher.pid) if self.child is not None else ():
            for pid in _children(supervisor)[:1]:
                _kill(pid)

    def stop(self) -> None:
        """Let it drain and end."""
        if self.child is not None:
            self.child.stop()

    def _ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.config['admin']['port']}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def server(folder: Path, shared: dict[str, Any], policies: str) -> Server:
    """Return a gateway with a folder and ports of its own."""
    folder.mkdir()
    (folder / "policies.yaml").write_text(policies)
    own = {
        "door": {"port": free_port()},
        "admin": {"port": free_port()},
        "metrics": {"port": free_port()},
        "data_dir": str(folder / "data"),
        "identity": {"insecure": True},
        "keys": [{"id": "s", "secret": _SECRET}],
        "policies": [str(folder / "policies.yaml")],
        "drain_seconds": 5,
    }
    return Server(folder, {**own, **shared})


@contextmanager
def serving(servers: Sequence[Server]) -> Iterator[None]:
    """Run gateways until the block ends."""
    try:
        for each in servers:
            each.start()
        for each in servers:
            each.wait()
        yield
    finally:
        for each in servers:
            each.stop()


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in listed.stdout.split()]


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
