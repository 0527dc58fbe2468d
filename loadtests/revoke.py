"""How soon a revocation acts on every replica: `make bench-revoke`.

Three gateways stand over one Postgres and one small lake. Of each entitlement that is revoked, each replica is asked
again and again from the moment of DELETE's answer on, until it refuses. `revoke_...` is the time of the last of the
three. `unannounced_...` is the same where nobody tells the replicas, and they find it in the store by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from pyiceberg.catalog.sql import SqlCatalog

from gateway.auth.bearer import issue_token
from gateway.config.model import JwtIssuer
from gateway.demo.children import start_child
from gateway.demo.postgres import free_port, start_postgres
from gateway.partners.changes import revoke
from gateway.partners.store import PartnerStore

_TABLE, _PARTNER = "lake.curated.prices", "acme-corp"
_ISSUER = {"issuer": "bench", "audience": "penstock", "algorithms": ["HS256"], "secret": secrets.token_urlsafe(48)}
_POLICIES = """\
version: 1
roles: {admin: , partner: }
users: {root: {roles: [admin]}}
grants: [{id: all, roles: [admin], assets: "*", allow: [all]}]
administration: [{users: [root], allow: [steward]}]
"""
_START_SECONDS, _LATEST_SECONDS = 90.0, 60.0


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="revocations that are announced")
    parser.add_argument("--unannounced", type=int, default=30, help="revocations that nobody tells the replicas of")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # Postgres runs as somebody else
        postgres = stack.enter_context(start_postgres(folder / "postgres", lambda text: None))
        postgres.create_database("bench")
        store, lake = postgres.url("bench"), _lake(folder / "lake")
        replicas = [stack.enter_context(_gateway(folder / f"replica-{n}", store, lake)) for n in range(3)]
        steward = _Admin(replicas[0][1])
        steward.call("POST", "/partners/", {"partner_id": _PARTNER, "organization": "ACME Trading", "rate": 1_000_000})
        doors = [_Door(door) for door, _ in replicas]
        print(f"revoking {options.rounds} times, seen from 3 replicas ...", flush=True)
        told = [
            _round(steward, doors, lambda key: steward.call("DELETE", f"/entitlements/{key}"))
            for _ in range(options.rounds)
        ]
        quiet = [_round(steward, doors, lambda key: _unannounced(store, key)) for _ in range(options.unannounced)]
    print(f"{_said('revoke', told)} {_said('unannounced', quiet)} n={len(told)}")


def _round(steward: _Admin, doors: Sequence[_Door], take_back: Callable[[str], object]) -> float:
    """Return after how many milliseconds the last replica refused what one entitlement gave."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
    body = {"partner_id": _PARTNER, "dataset_name": "prices", "scope": "read_only", "expires_at": end}
    entitlement = steward.call("POST", "/entitlements/", body)["id"]
    with ThreadPoolExecutor(len(doors)) as pool:
        list(pool.map(lambda door: door.until(True), doors))
        take_back(entitlement)
        begun = time.perf_counter()
        ends: list[float] = list(pool.map(lambda door: door.until(False), doors))
    return (max(ends) - begun) * 1000


def _unannounced(store: str, entitlement: str) -> None:
    async def take_back() -> None:
        registry = PartnerStore(store)
        await registry.change(revoke(entitlement, "root"))
        await registry.close()

    asyncio.run(take_back())


class _Door:
    """One replica's Trino endpoint, asked as the partner."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def until(self, served: bool) -> float:
        """Ask until the partner is served, or is not; return when that was."""
        deadline = time.perf_counter() + _LATEST_SECONDS
        while self._served() is not served:
            if time.perf_counter() > deadline:
                raise SystemExit("a replica did not follow")
            time.sleep(0.002)
        return time.perf_counter()

    def _served(self) -> bool:
        answer = self._ask("POST", "/v1/statement", f"SELECT * FROM {_TABLE}")
        while "nextUri" in answer and "error" not in answer:
            answer = self._ask("GET", answer["nextUri"].split("/", 3)[3].join(("/", "")))
        return "error" not in answer

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        self._connection.request(method, path, body, {"X-Trino-User": _PARTNER})
        return dict(json.loads(self._connection.getresponse().read()))


class _Admin:
    """One replica's admin port, asked as a steward."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        token = issue_token(JwtIssuer.model_validate(_ISSUER), "root", seconds=3600)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON of an answer; ends the run for a refusal."""
        self._connection.request(method, path, json.dumps(body) if body is not None else None, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
        return dict(json.loads(text)) if text else {}


def _lake(folder: Path) -> dict[str, Any]:
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
def _gateway(folder: Path, store: str, lake: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """Run a gateway; yield the ports of its door and of its admin API."""
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
    }
    (folder / "policies.yaml").write_text(_POLICIES)
    (folder / "penstock.yaml").write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(folder / "penstock.yaml")]
    child = start_child(command, log=folder / "log", cwd=Path.cwd())
    try:
        _wait_ready(admin, folder / "log")
        yield door, admin
    finally:
        child.stop()


def _wait_ready(port: int, log: Path) -> None:
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
        if time.monotonic() > deadline:
            raise SystemExit(f"a gateway is not ready:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)


def _said(what: str, times: Sequence[float]) -> str:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return f"{what}_p50_ms={cuts[49]:.0f} {what}_p99_ms={cuts[98]:.0f}"


if __name__ == "__main__":
    main()
