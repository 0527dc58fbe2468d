"""The demo itself, started as a stranger would, for the suites of real clients."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.demo.ports import free_port

ROOT = Path(__file__).parents[2]
READY_SECONDS = 240


@dataclass(slots=True)
class Demo:
    """A running demo: where it listens, and what it printed."""

    process: subprocess.Popen[str]
    data: Path
    port: int
    admin_port: int
    metrics_port: int
    trino_port: int
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line against this demo."""
        environment = {**os.environ, "PENSTOCK_DATA": str(self.data)}
        command = [sys.executable, "-m", "gateway.cli", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def run_demo(data: Path, engine: str = "lake", module: str = "gateway.cli demo") -> Iterator[Demo]:
    """Start the demo, wait until it says it is ready, and stop it by Ctrl-C."""
    ports = [free_port() for _ in range(4)]
    names = ("PENSTOCK_PORT", "PENSTOCK_ADMIN_PORT", "PENSTOCK_METRICS_PORT", "PENSTOCK_TRINO_PORT")
    environment = {**os.environ, "PENSTOCK_DATA": str(data)}
    environment.update({name: str(port) for name, port in zip(names, ports, strict=True)})
    process = subprocess.Popen(
        [sys.executable, "-m", *module.split(), "--engine", engine],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    demo = Demo(process, data, *ports)
    reader = threading.Thread(target=_read, args=(demo,), daemon=True)
    reader.start()
    try:
        _wait_ready(demo)
        yield demo
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join(5)
        _check_stopped(demo)
        if process.stdout is not None:
            process.stdout.close()


def _read(demo: Demo) -> None:
    assert demo.process.stdout is not None
    for line in demo.process.stdout:
        demo.lines.append(line.rstrip("\n"))


def processes_with(variable: str) -> list[int]:
    """Return the ids of all living processes that have NAME=VALUE in their environment."""
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _has(each, variable)]


def _has(process: Path, variable: str) -> bool:
    try:
        if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        return variable.encode() in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _check_stopped(demo: Demo) -> None:
    """Ctrl-C leaves nothing behind, and the demo says no more than that it is done."""
    deadline = time.monotonic() + 10
    while left := processes_with(f"PENSTOCK_DATA={demo.data}"):
        assert time.monotonic() < deadline, f"processes of the demo survive it: {left}"
        time.sleep(0.1)
    assert demo.lines[-1] == "stopped", demo.lines[-20:]


def _wait_ready(demo: Demo) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if any(line.startswith("Penstock is ready") for line in demo.lines):
            return
        if demo.process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError("the demo did not become ready:\n" + "\n".join(demo.lines[-40:]))
