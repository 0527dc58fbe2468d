"""Run the whole gateway in front of the real Trino as a process of its own, and watch its memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from gateway.demo.ports import free_port

POLICIES = Path(__file__).with_name("policies.yaml")
START_SECONDS = 60.0


class Memory:
    """Sample the resident memory of a process and all that descend from it, in MB."""

    def __init__(self, pid: int) -> None:
        """Begin sampling, ten times a second."""
        self._pid = pid
        self._stopped = threading.Event()
        self.peak = self.now()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def now(self) -> float:
        """Return the present size."""
        return sum(_resident(pid) for pid in _family(self._pid))

    def stop(self) -> None:
        """End sampling."""
        self._stopped.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stopped.wait(0.1):
            self.peak = max(self.peak, self.now())


@contextmanager
def gateway(folder: Path, trino_url: str) -> Iterator[tuple[int, int]]:
    """Run the gateway; yield its port and its process id."""
    door, admin, metrics = free_port(), free_port(), free_port()
    config = folder / "penstock.yaml"
    document = {
        "door": {"port": door},
        "admin": {"port": admin},
        "metrics": {"port": metrics},
        "data_dir": str(folder / "data"),
        "identity": {"insecure": True},
        "keys": [{"id": "a", "secret": "a-secret-of-the-benchmark-0123456789abcdef"}],
        "engines": [{"kind": "trino", "name": "trino", "url": trino_url, "catalogs": ["tpch"]}],
        "policies": [str(POLICIES)],
        "store": {"url": f"sqlite:///{folder}/usage.db"},
    }
    config.write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
    log = folder / "gateway.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_ready(process, admin, log)
            yield door, process.pid
        finally:
            process.terminate()


def _wait_ready(process: subprocess.Popen[bytes], admin: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"the gateway did not start:\n{log.read_text()[-4000:]}")


def _resident(pid: int) -> float:
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0) / 1024


def _family(pid: int) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [pid, *(each for child in done.stdout.split() for each in _family(int(child)))]
