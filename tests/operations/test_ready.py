"""What says "ready" is ready: readiness as balancers ask for it, and as the demo announces it."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml

from tests.clients.demo_process import ROOT
from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, make_gateway, trino_backend

ANNOUNCING = """
import sys
from pathlib import Path
from gateway.config import load_config
from gateway.run import run
run(load_config(Path(sys.argv[1])), Path(sys.argv[1]), ready=lambda: print("ready", flush=True))
"""


@contextmanager
def announcing(gateway: Gateway) -> Iterator[subprocess.Popen[str]]:
    """Run the gateway as the demo does, in a process that prints a line when it is told that it is ready."""
    gateway.path.write_text(yaml.safe_dump(gateway.config))
    command = [sys.executable, "-c", ANNOUNCING, str(gateway.path)]
    with (gateway.folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_ready_is_said_when_readyz_says_so_too(tmp_path: Path, coordinator: Coordinator) -> None:
    """Reading a catalog for the first time takes seconds where the engine has just started."""
    coordinator.listing.clear()
    changes = {"catalogs": {"describe_seconds": 60}}
    gateway = make_gateway(tmp_path, [trino_backend(coordinator.url, answer_seconds=60)], changes, own_start=True)
    with announcing(gateway) as process:
        gateway.wait_serving()
        assert gateway.status("readyz") == 503, "the catalog cannot have been read yet"
        assert process.stdout is not None
        assert not select.select([process.stdout], [], [], 1)[0], "it said something"
        coordinator.listing.set()
        assert process.stdout.readline() == "ready\n"
        answer = requests.get(f"http://127.0.0.1:{gateway.config['admin']['port']}/readyz", timeout=10)
        assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_ready_is_not_said_while_no_engine_answers_and_the_end_is_still_heard(tmp_path: Path) -> None:
    coordinator = Coordinator()
    with serving(coordinator):
        pass  # its port is refused from here on
    gateway = make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)
    with announcing(gateway) as process:
        gateway.wait_serving()
        process.terminate()
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
