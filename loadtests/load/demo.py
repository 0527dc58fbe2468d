"""Start the demo on free ports with a data folder of its own, and end it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.children import Child, start_child
from gateway.demo.ports import free_port

START_SECONDS = 300.0
PORTS = ("PENSTOCK_PORT", "PENSTOCK_ADMIN_PORT", "PENSTOCK_METRICS_PORT", "PENSTOCK_TRINO_PORT")


@dataclass(frozen=True, slots=True)
class Demo:
    """Say where a running demo is."""

    data: Path
    port: int
    metrics_port: int

    @property
    def url(self) -> str:
        """Return the base URL of its door."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def usage(self) -> Path:
        """Return the SQLite file with the usage rows."""
        return self.data / "usage.db"

    def metrics(self) -> str:
        """Return the text of its metrics port."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as answer:
            text: str = answer.read().decode()
            return text


@contextmanager
def demo(engine: str, data: Path) -> Iterator[Demo]:
    """Run the demo until the block ends; its world is kept for the next time, what it recorded is not."""
    data.mkdir(parents=True, exist_ok=True)
    with _alone(data):
        yield from _served(engine, data)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Keep the folder from a second demo, which would share its engines' files."""
    with (data / "load.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"another load test is running in {data}") from None
        yield


def _served(engine: str, data: Path) -> Iterator[Demo]:
    for old in data.glob("usage.db*"):
        old.unlink()
    shutil.rmtree(data / "state", ignore_errors=True)
    ports = [free_port() for _ in PORTS]
    environment = {**os.environ, "PENSTOCK_DATA": str(data)}
    environment.update({name: str(port) for name, port in zip(PORTS, ports, strict=True)})
    log = data / "demo.log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "gateway.cli", "demo", "--engine", engine]
    child = start_child(command, log=log, env=environment, stop_signal=signal.SIGINT)
    try:
        _wait(child)
        yield Demo(data, ports[0], ports[2])
    finally:
        child.stop()


def _wait(child: Child) -> None:
    deadline = time.monotonic() + START_SECONDS
    while child.running and time.monotonic() < deadline:
        if "Penstock is ready" in child.log.read_text():
            return
        time.sleep(0.2)
    raise SystemExit(f"the demo did not start:\n{child.last_words(40)}")
