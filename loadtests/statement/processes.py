"""Start what is measured: the stub coordinator and the gateway in front of it, each a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import yaml

SECRET = "a-secret-of-the-benchmark-0123456789abcdef"
POLICIES = Path(__file__).resolve().parent.parent / "policies.yaml"
_START_SECONDS = 60.0


@contextmanager
def stub_coordinator() -> Iterator[int]:
    """Run the stub; yield its port."""
    command = [sys.executable, "-m", "loadtests.statement.stub"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def gateway(folder: Path, engine_port: int, *, profile: Path | None = None) -> Iterator[int]:
    """Run the real gateway in front of the engine; yield its port. `profile` takes cProfile's figures."""
    ports = [_free_port() for _ in range(3)]
    config = folder / "penstock.yaml"
    config.write_text(yaml.safe_dump(_config(folder, engine_port, *ports)))
    measured = ["-m", "cProfile", "-o", str(profile)] if profile else []
    command = [sys.executable, *measured, "-m", "gateway.cli", "serve", "--config", str(config)]
    with (folder / "gateway.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait_ready(process, ports[1], folder / "gateway.log")
            yield ports[0]
        finally:
            process.terminate()


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
        "identity": {"jwt": [{"issuer": "bench", "audience": "penstock", "algorithms": ["HS256"], "secret": SECRET}]},
        "keys": [{"id": "a", "secret": SECRET}],
        "engines": [
            {"kind": "trino", "name": "stub", "url": f"http://127.0.0.1:{engine}", "catalogs": ["lake"]},
        ],
        "policies": [str(POLICIES)],
        "store": {"url": f"sqlite:///{folder}/usage.db"},
    }


def _wait_ready(process: subprocess.Popen[bytes], admin: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"the gateway did not start:\n{log.read_text()[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
