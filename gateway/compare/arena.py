"""What a comparison needs when no servers are named: a real Trino, and a gateway in front whose one user may do all."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.demo.children import Child, start_child
from gateway.demo.downloads import DemoError, Report
from gateway.demo.ports import free_port
from gateway.demo.trino_server import HOST, start_trino
from gateway.planning.session_properties import PROPERTIES

USER = "compare"
START_SECONDS = 180.0
# The user may do all, and has no role: on the Trino beside it nobody has one.
_POLICIES: Mapping[str, object] = {
    "version": 1,
    "users": {USER: {}},
    "grants": [{"id": "everything", "users": [USER], "assets": "*", "allow": ["all"]}],
    "session_properties": [{"users": [USER], "allow": sorted(PROPERTIES)}],
}


@dataclass(frozen=True, slots=True)
class Arena:
    """The two addresses that are compared."""

    direct: str
    gateway: str


@contextmanager
def start_arena(folder: Path, report: Report) -> Iterator[Arena]:
    """Run Trino and a gateway until the block ends. Raises DemoError naming what is missing."""
    with (
        start_trino(folder / "trino", report) as trino,
        start_gateway(folder / "gateway", trino.url, trino.catalogs, report) as url,
    ):
        yield Arena(trino.url, url)


@contextmanager
def start_gateway(
    folder: Path,
    trino_url: str,
    catalogs: tuple[str, ...],
    report: Report,
    *,
    policies: Mapping[str, object] = _POLICIES,
) -> Iterator[str]:
    """Run `penstock serve` in front of a Trino until the block ends; yield its URL. Raises DemoError."""
    config, port = _write_config(folder, trino_url, catalogs, policies)
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    child = start_child(command, log=folder / "gateway.log", env={**os.environ, "PYTHONPATH": path})
    url = f"http://{HOST}:{port}"
    report(f"starting the gateway on port {port} (its log: {child.log}) ...")
    try:
        _wait(url, child)
        yield url
    finally:
        child.stop()


def _write_config(
    folder: Path, trino_url: str, catalogs: tuple[str, ...], policies: Mapping[str, object]
) -> tuple[Path, int]:
    folder.mkdir(parents=True, exist_ok=True)
    rules, config = folder / "policies.yaml", folder / "penstock.yaml"
    rules.write_text(yaml.safe_dump(dict(policies), sort_keys=False))
    door, admin, metrics = free_port(), free_port(), free_port()
    document = {
        "door": {"host": HOST, "port": door},
        "admin": {"host": HOST, "port": admin},
        "metrics": {"host": HOST, "port": metrics},
        "data_dir": str(folder / "state"),
        "identity": {"insecure": True},
        "keys": [{"id": "compare", "secret": secrets.token_urlsafe(48)}],
        "engines": [{"kind": "trino", "name": "trino", "url": trino_url, "catalogs": list(catalogs)}],
        "policies": [str(rules)],
        "store": {"url": f"sqlite:///{folder / 'usage.db'}"},
        "drain_seconds": 0,
    }
    config.touch(mode=0o600)
    config.write_text(yaml.safe_dump(document, sort_keys=False))
    return config, door


def _wait(url: str, child: Child) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.running:
        try:
            with urllib.request.urlopen(f"{url}/v1/info", timeout=5) as answer:  # noqa: S310  (our own address)
                if json.load(answer).get("starting") is False:
                    return
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise DemoError(f"the gateway did not come up:\n{child.last_words(30)}")
