"""Start what is measured: the stub coordinator and the gateway in front of it, each a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt
import yaml

from gateway.demo.children import Child, start_child
from gateway.demo.ports import free_port

SECRET = "a-secret-of-the-benchmark-0123456789abcdef"
POLICIES = Path(__file__).resolve().parent.parent / "policies.yaml"
_START_SECONDS = 60.0


def stub_coordinator() -> AbstractContextManager[int]:
    """Run the stub; yield its port."""
    return _serving("loadtests.statement.stub")


def plain_relay(engine_port: int) -> AbstractContextManager[int]:
    """Run the relay that only passes bytes on; yield its port."""
    return _serving("loadtests.statement.plain_relay", str(engine_port))


@contextmanager
def _serving(module: str, *arguments: str) -> Iterator[int]:
    """Run a module that prints its port and serves until its standard input ends; yield the port."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that serves: its port, and the process from which all of its own descend."""

    port: int
    pid: int


@contextmanager
def gateway(
    folder: Path, engine_port: int, *, profile: Path | None = None, policies: Path = POLICIES, workers: int = 1
) -> Iterator[Running]:
    """Run the real gateway in front of the engine. `profile` takes cProfile's figures."""
    ports = [free_port() for _ in range(3)]
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "penstock.yaml"
    settings = {**_config(folder, engine_port, *ports), "policies": [str(policies)], "workers": workers}
    config.write_text(yaml.safe_dump(settings))
    measured = ["-m", "cProfile", "-o", str(profile)] if profile else []
    command = [sys.executable, *measured, "-m", "gateway.cli", "serve", "--config", str(config)]
    child = start_child(command, log=folder / "gateway.log")
    try:
        _wait_ready(child, ports[1])
        yield Running(ports[0], child.watcher.pid)
    finally:
        child.stop()


def token() -> str:
    """Return a bearer token for the trader that the policies know."""
    now = int(time.time())
    claims = {"sub": "trader1", "iss": "bench", "aud": "penstock", "iat": now, "exp": now + 3600}
    return jwt.encode({**claims, "roles": ["trader"], "desk": "CAISO"}, SECRET, "HS256")


def _config(folder: Path, engine: int, door: int, admin: int, metrics: int) -> dict[str, object]:
    return {
        "door": {"port": door},
        "admin": {"port": admin},
        "metrics": {"port": metrics},
        "data_dir": str(folder / "data"),
        "drain_seconds": 1,
        "identity": {"jwt": [{"issuer": "bench", "audience": "penstock", "algorithms": ["HS256"], "secret": SECRET}]},
        "keys": [{"id": "a", "secret": SECRET}],
        "engines": [
            {"kind": "trino", "name": "stub", "url": f"http://127.0.0.1:{engine}", "catalogs": ["lake"]},
        ],
        "store": {"url": f"sqlite:///{folder}/usage.db"},
    }


def _wait_ready(child: Child, admin: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and child.running:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"the gateway did not start:\n{child.last_words(40)}")
