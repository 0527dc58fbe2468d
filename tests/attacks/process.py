"""The gateway as a process of its own, the way an operator runs it, with everything it writes kept for reading."""

from __future__ import annotations

import http.client
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gateway.auth.bearer import issue_token
from gateway.config import JwtIssuer
from gateway.demo.ports import free_port
from tests.operations.nursery import Hatched, nursery

ROOT = Path(__file__).parents[2]
ISSUER = JwtIssuer(
    issuer="attack-tests",
    audience="penstock",
    algorithms=("HS256",),
    secret="a secret of the attack suite, long enough",
)

PAGE_KEY = "a page key of the attack suite, long enough"


class NotStartedError(AssertionError):
    """Say why a gateway did not come up."""


@dataclass(slots=True)
class Gateway:
    """A running gateway: where it listens and what it leaves behind."""

    process: Hatched
    folder: Path
    port: int
    metrics_port: int
    _read: int = 0
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, user: str, **claims: object) -> str:
        """Return a bearer token that the gateway accepts."""
        key = user if not claims else f"{user} {sorted(claims.items())}"
        if key not in self._tokens:
            self._tokens[key] = issue_token(ISSUER, user, seconds=3600, claims=claims)
        return self._tokens[key]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        """Return the whole log so far."""
        return (self.folder / "gateway.log").read_text("utf-8", "replace")

    def new_log(self) -> str:
        """Return what was logged since this was last asked."""
        with (self.folder / "gateway.log").open("rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        return data.decode("utf-8", "replace")

    def metrics(self) -> str:
        """Return the exposition of metrics."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=10)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()

    def usage(self, **where: object) -> list[dict[str, Any]]:
        """Return usage rows, newest last."""
        condition = " AND ".join(f"{name} = :{name}" for name in where) or "1 = 1"
        with closing(sqlite3.connect(self.folder / "usage.db", timeout=10)) as store:
            store.row_factory = sqlite3.Row
            rows = store.execute(f"SELECT * FROM penstock_usage WHERE {condition} ORDER BY received_at", where)
            return [dict(row) for row in rows]

    def await_usage(self, query_ids: Iterable[str], *, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Return all usage rows once there are some of each query: those whose engine counts late come after others."""
        waited, deadline = set(query_ids), time.monotonic() + seconds
        while True:
            rows = self.usage()
            waited.difference_update(row[name] for row in rows for name in ("query_id", "engine_query_id"))
            if not waited or time.monotonic() > deadline:
                return rows
            time.sleep(0.1)

    def usage_of(self, query_id: str, *, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Wait for the rows of a query, by the id that the client knew."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if rows := [*self.usage(query_id=query_id), *self.usage(engine_query_id=query_id)]:
                return list({row["query_id"]: row for row in rows}.values())
            time.sleep(0.1)
        return []


def write_config(
    folder: Path, engines: list[dict[str, Any]], policies: str | None, **sections: Any
) -> tuple[Path, int, int]:
    """Write a gateway's configuration; return it and the ports of the door and of the metrics.

    Without `policies` their file is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if policies is not None:
        (folder / "policies.yaml").write_text(policies, "utf-8")
    ports = [free_port() for _ in range(3)]
    secret = ISSUER.secret
    assert secret is not None
    issuer = {
        "issuer": ISSUER.issuer,
        "audience": ISSUER.audience,
        "algorithms": ["HS256"],
        "secret": secret.get_secret_value(),
    }
    document: dict[str, Any] = {
        "door": {"host": "127.0.0.1", "port": ports[0]},
        "admin": {"host": "127.0.0.1", "port": ports[1]},
        "metrics": {"host": "127.0.0.1", "port": ports[2]},
        "data_dir": str(folder / "state"),
        "identity": {"jwt": [issuer]},
        "keys": [{"id": "k1", "secret": PAGE_KEY}],
        "engines": engines,
        "policies": [str(folder / "policies.yaml")],
        "store": {"url": f"sqlite:///{folder / 'usage.db'}"},
        "drain_seconds": 0,
        "catalogs": {"refresh_seconds": 600},  # to read it again every minute takes a real Trino seconds
        "breaker": {"enabled": False},  # attacks probe all day; the breaker's own tests turn it on
    }
    for name, section in sections.items():
        document[name] = {**document[name], **section} if isinstance(document.get(name), dict) else section
    path = folder / "penstock.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return path, ports[0], ports[2]


@contextmanager
def run_gateway(
    folder: Path, engines: list[dict[str, Any]], policies: str | None, **sections: Any
) -> Iterator[Gateway]:
    """Run `penstock serve` until the block ends. Raises NotStartedError."""
    path, port, metrics_port = write_config(folder, engines, policies, **sections)
    process = start(path, folder / "gateway.log")
    gateway = Gateway(process, folder, port, metrics_port)
    try:
        _wait_ready(gateway)
        yield gateway
    finally:
        stop(process)


def start(config: Path, log: Path) -> Hatched:
    """Start `penstock serve`, with a log of its own."""
    log.unlink(missing_ok=True)
    return nursery().start(["serve", "--config", str(config)], os.environ, log)


def reload(gateway: Gateway, says: str) -> None:
    """Let a gateway read its files again, and wait for what it says of them."""
    gateway.new_log()
    gateway.process.send_signal(signal.SIGHUP)
    log, deadline = "", time.monotonic() + 30
    while says not in log and time.monotonic() < deadline:
        time.sleep(0.05)
        log += gateway.new_log()
    assert says in log, log


def stop(process: Hatched) -> None:
    """End a gateway."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


_READY_SECONDS = 180.0
"""How long a gateway may take to come up beside all that else runs on a machine."""


def _wait_ready(gateway: Gateway) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and gateway.alive:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)) as connection:
                connection.request("GET", "/v1/info")
                if connection.getresponse().status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise NotStartedError("the gateway did not start:\n" + gateway.log()[-4000:])
