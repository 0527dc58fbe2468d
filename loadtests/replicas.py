"""Three gateways over one Postgres and one small lake, and a steward who speaks to the first: for measurements."""

from __future__ import annotations

import http.client
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from pyiceberg.catalog.sql import SqlCatalog

from gateway.auth.bearer import issue_token
from gateway.config.model import JwtIssuer
from gateway.demo.children import Child, start_child
from gateway.demo.ports import free_port
from gateway.demo.postgres import start_postgres

TABLE = "lake.curated.prices"
_ISSUER = {"issuer": "bench", "audience": "penstock", "algorithms": ["HS256"], "secret": secrets.token_urlsafe(48)}
POLICIES = """\
version: 1
roles: {admin: , partner: }
users: {root: {roles: [admin]}}
grants: [{id: all, roles: [admin], assets: "*", allow: [all]}]
administration: [{users: [root], allow: [steward]}]
"""
_START_SECONDS = 900.0
"""How long a gateway may take to start: on a busy machine importing alone has taken a minute."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """The ports of the gateways' doors and admin APIs, and the address of their store."""

    doors: tuple[int, ...]
    admins: tuple[int, ...]
    store: str


@contextmanager
def three_replicas(policies: str = POLICIES) -> Iterator[Replicas]:
    """Run the gateways until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # Postgres runs as somebody else
        postgres = stack.enter_context(start_postgres(folder / "postgres", lambda text: None))
        postgres.create_database("bench")
        store, lake = postgres.url("bench"), small_lake(folder / "lake")
        ports = [stack.enter_context(one_gateway(folder / f"replica-{n}", store, lake, policies)) for n in range(3)]
        yield Replicas(tuple(door for door, _ in ports), tuple(admin for _, admin in ports), store)


class Admin:
    """One replica's admin port, asked as a steward."""

    def __init__(self, port: int) -> None:
        """Connect when first asked."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        token = issue_token(JwtIssuer.model_validate(_ISSUER), "root", seconds=3600)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, etag: str | None = None
    ) -> dict[str, Any]:
        """Return the JSON of an answer; ends the run for a refusal. `etag` becomes If-Match."""
        headers = {**self.headers, **({"If-Match": etag} if etag else {})}
        self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
        return dict(json.loads(text)) if text else {}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def small_lake(folder: Path) -> dict[str, Any]:
    """Make a lake of one small table; return the engine's section of the configuration."""
    folder.mkdir()
    uri, warehouse = f"sqlite:///{folder / 'lake.db'}", f"file://{folder / 'warehouse'}"
    catalog = SqlCatalog("lake", uri=uri, warehouse=warehouse)
    catalog.create_namespace("curated")
    rows = pa.table({"iso": ["CAISO", "MISO"], "price": [1.0, 2.0]})
    catalog.create_table("curated.prices", schema=rows.schema).append(rows)
    catalog.close()
    return {"kind": "lake", "name": "lake", "catalog": "lake", "uri": uri, "warehouse": warehouse, "threads": 1}


@contextmanager
def one_gateway(
    folder: Path, store: str, lake: dict[str, Any], policies: str, **sections: dict[str, Any]
) -> Iterator[tuple[int, int]]:
    """Run a gateway, with further sections of its configuration; yield the ports of its door and of its admin API."""
    folder.mkdir()
    door, admin = free_port(), free_port()
    document = {
        "door": {"port": door},
        "admin": {"port": admin},
        "metrics": {"port": free_port()},
        "data_dir": str(folder / "data"),
        "identity": {"insecure": True, "jwt": [_ISSUER]},
        "keys": [{"id": "b", "secret": _ISSUER["secret"]}],
        "engines": [lake],
        "policies": [str(folder / "policies.yaml")],
        "store": {"url": store},
        **sections,
    }
    (folder / "policies.yaml").write_text(policies)
    (folder / "penstock.yaml").write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(folder / "penstock.yaml")]
    child = start_child(command, log=folder / "log", cwd=Path.cwd())
    try:
        _wait_ready(admin, child)
        yield door, admin
    finally:
        child.stop()


def _wait_ready(port: int, child: Child) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        if time.monotonic() > deadline or not child.running:
            raise SystemExit(f"a gateway is not ready:\n{child.last_words()}")
        time.sleep(0.1)


def said(what: str, times: Sequence[float]) -> str:
    """Return the last line's figures of milliseconds."""
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return f"{what}_p50_ms={cuts[49]:.0f} {what}_p99_ms={cuts[98]:.0f}"
