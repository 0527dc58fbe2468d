"""The demo's state folder: secrets made once, and the configuration that `penstock serve` itself would read."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from gateway.demo import views

_POLICIES = Path(__file__).with_name("policies.yaml")
LAKE_CATALOG = "iceberg"


@dataclass(frozen=True, slots=True)
class DemoPlaces:
    """Ports and folders of the demo, from the environment's fixed names."""

    data: Path
    port: int
    admin_port: int
    metrics_port: int
    trino_port: int

    @property
    def config(self) -> Path:
        """Return where the demo's configuration stands."""
        return self.data / "penstock.yaml"

    @property
    def warehouse(self) -> str:
        """Return the warehouse's address."""
        return f"file://{self.data / 'warehouse'}"


def demo_places(environment: Mapping[str, str] = os.environ) -> DemoPlaces:
    """Read PENSTOCK_DATA and the ports. Raises ValueError that names the variable."""

    def port(name: str, default: int) -> int:
        value = environment.get(name, str(default))
        if not value.isdigit() or not 0 <= int(value) <= 65535:
            raise ValueError(f"{name} must be a port number, not {value!r}")
        return int(value)

    return DemoPlaces(
        Path(environment.get("PENSTOCK_DATA", ".demo")).resolve(),
        port("PENSTOCK_PORT", 8080),
        port("PENSTOCK_ADMIN_PORT", 8081),
        port("PENSTOCK_METRICS_PORT", 9090),
        port("PENSTOCK_TRINO_PORT", 8085),
    )


def _secret(places: DemoPlaces, name: str) -> str:
    """Return a secret of this demo, made at first use and readable by its owner only."""
    path = places.data / f"{name}.secret"
    if not path.exists():
        places.data.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_urlsafe(48))
        partial.rename(path)
    return path.read_text()


def _place_policies(places: DemoPlaces) -> None:
    """Put the demo's policies where they can be edited; an edited file is left alone."""
    target, mark = places.data / "policies.yaml", places.data / ".policies.sha256"
    shipped = _POLICIES.read_bytes()
    if target.exists():
        edited = not mark.exists() or mark.read_text() != hashlib.sha256(target.read_bytes()).hexdigest()
        if edited:
            return
    target.write_bytes(shipped)
    mark.write_text(hashlib.sha256(shipped).hexdigest())


def write_config(
    places: DemoPlaces,
    *,
    trino_url: str | None = None,
    lake_uri: str | None = None,
    declared: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write the demo's configuration; with `trino_url` the real Trino takes the embedded lake's place.

    `declared` are Trino types of String columns in ClickHouse.
    """
    places.data.mkdir(parents=True, exist_ok=True)
    _place_policies(places)
    lake_uri = lake_uri or f"sqlite:///{places.data / 'lake.db'}"
    lake = {"kind": "lake", "name": "lake", "catalog": LAKE_CATALOG, "uri": lake_uri, "warehouse": places.warehouse}
    catalogs = [LAKE_CATALOG, "tpch", "tpcds", "memory"]
    manifests = {LAKE_CATALOG: {"type": "sql", "uri": lake_uri}}
    trino = {"kind": "trino", "name": "trino", "url": trino_url, "catalogs": catalogs, "iceberg": manifests}
    document = {
        "door": {"host": "127.0.0.1", "port": places.port},
        "admin": {"host": "127.0.0.1", "port": places.admin_port},
        "metrics": {"host": "127.0.0.1", "port": places.metrics_port},
        "data_dir": str(places.data / "state"),
        "identity": {
            "insecure": True,
            "jwt": [
                {
                    "issuer": "penstock-demo",
                    "audience": "penstock",
                    "algorithms": ["HS256"],
                    "secret": _secret(places, "tokens"),
                }
            ],
        },
        "keys": [{"id": "demo", "secret": _secret(places, "pages")}],
        "engines": [
            trino if trino_url else lake,
            {
                "kind": "clickhouse",
                "name": "clickhouse",
                "path": str(places.data / "clickhouse"),
                "declared": dict(declared),
            },
        ],
        "policies": [str(places.data / "policies.yaml")],
        "store": {"url": f"sqlite:///{places.data / 'usage.db'}"},
        "audit": {"keys": [{"id": "demo", "secret": _secret(places, "audit")}]},
        "partners": {"keys": [{"id": "demo", "secret": _secret(places, "partners")}]},
        "log_format": "json",
        "drain_seconds": 1,
        **views.sections(LAKE_CATALOG),
    }
    partial = places.config.with_suffix(f".{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text("# Written by `penstock demo` at each start.\n" + yaml.safe_dump(document, sort_keys=False))
    partial.rename(places.config)
    return places.config
