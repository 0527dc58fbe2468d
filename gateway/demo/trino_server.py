"""Run the real Trino server beside the demo and the tests, over the same lake as pyiceberg."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.demo.children import Child, start_child
from gateway.demo.downloads import DemoError, Report, trino_home
from gateway.demo.java import java_home
from gateway.demo.ports import free_port
from gateway.demo.postgres import PostgresServer

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog

HOST = "127.0.0.1"
ICEBERG_CATALOG_NAME = "iceberg"
"""The name pyiceberg's `SqlCatalog` must have for both sides to see the same tables."""
ICEBERG_DATABASE = "iceberg_catalog"
START_SECONDS = 600.0
OPTIONS_VARIABLE = "PENSTOCK_TRINO_OPTIONS"
"""The environment variable with further options of Trino's Java, separated by blanks."""

JVM_OPTIONS = """\
-server
-Xmx{heap}
-XX:+UseG1GC
-XX:+ExplicitGCInvokesConcurrent
-XX:+ExitOnOutOfMemoryError
-XX:-OmitStackTraceInFastThrow
-XX:ReservedCodeCacheSize=256M
-XX:PerMethodRecompilationCutoff=10000
-XX:PerBytecodeRecompilationCutoff=10000
-Djdk.attach.allowAttachSelf=true
-Djdk.nio.maxCachedBufferSize=2000000
-Dfile.encoding=UTF-8
--enable-native-access=ALL-UNNAMED
"""


@dataclass(frozen=True, slots=True)
class TrinoServer:
    """Say how to reach a running Trino."""

    host: str
    port: int
    catalogs: tuple[str, ...]
    java: Path
    """The home of the Java runtime it runs on; the CLI needs it too."""
    child: Child

    @property
    def url(self) -> str:
        """Return the base URL."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def start_trino(
    data_dir: Path,
    report: Report,
    *,
    port: int = 0,
    postgres: PostgresServer | None = None,
    warehouse: Path | None = None,
    heap: str = "2G",
    settings: Mapping[str, str] | None = None,
    spooling: Mapping[str, str] | None = None,
    access_rules: Path | None = None,
) -> Iterator[TrinoServer]:
    """Run Trino 476 with its configuration and log in `data_dir`, until the block ends or we die.

    Serves `tpch`, `tpcds`, `memory` and `blackhole`; with `postgres` and `warehouse` also `iceberg`, over the tables
    that pyiceberg's `SqlCatalog("iceberg", uri=postgres.url(ICEBERG_DATABASE))` keeps. Port 0 takes a free one.
    `settings` go into its config.properties, `spooling` is its spooling-manager.properties; `access_rules` are
    rules of its own access control, read again when the file changes. Raises DemoError naming what is missing, or with
    the end of the server's log.
    """
    java = java_home(report)
    home = trino_home(report)
    port = port or free_port()
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir = data_dir.resolve()
    catalogs = _catalogs(postgres, warehouse)
    etc = _write_configuration(data_dir, port, heap, catalogs, settings or {})
    if spooling is not None:
        _write_properties(etc / "spooling-manager.properties", spooling)
    if access_rules is not None:
        access = {"access-control.name": "file", "security.config-file": str(access_rules.resolve())}
        _write_properties(etc / "access-control.properties", {**access, "security.refresh-period": "1s"})
    log = data_dir / "trino.log"
    log.unlink(missing_ok=True)
    environment = {**os.environ, "JAVA_HOME": str(java), "PATH": f"{java / 'bin'}:{os.environ.get('PATH', '')}"}
    # Paths are absolute: the launcher's folder is shared by every Trino of this user and must stay as it is.
    command = [_launcher(home), "run", f"--etc-dir={etc}", f"--data-dir={data_dir / 'var'}"]
    report(f"starting Trino 476 on port {port} (about 20 s; its log: {log}) ...")
    child = start_child(command, log=log, cwd=data_dir, env=environment)
    server = TrinoServer(HOST, port, tuple(catalogs), java, child)
    try:
        _wait(server, report)
        yield server
    finally:
        child.stop()


def open_lake(postgres: PostgresServer, warehouse: Path) -> SqlCatalog:
    """Open the Iceberg catalog that Trino and pyiceberg share, making its database and tables the first time."""
    from pyiceberg.catalog.sql import SqlCatalog  # heavy, and not needed by a Trino without a lake

    postgres.create_database(ICEBERG_DATABASE)
    warehouse.mkdir(parents=True, exist_ok=True)
    uri = postgres.url(ICEBERG_DATABASE, "postgresql+psycopg2")
    return SqlCatalog(ICEBERG_CATALOG_NAME, uri=uri, warehouse=warehouse.resolve().as_uri())


def _launcher(home: Path) -> str:
    launcher = home / "bin" / "launcher"
    system, machine = platform.system().lower(), platform.machine().lower()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    if not (home / "bin" / f"{system}-{arch}").is_dir():
        raise DemoError(f"Trino has no launcher for {system} on {machine}")
    return str(launcher)


def _catalogs(postgres: PostgresServer | None, warehouse: Path | None) -> dict[str, dict[str, str]]:
    catalogs = {
        "tpch": {"connector.name": "tpch", "tpch.splits-per-node": "2"},
        "tpcds": {"connector.name": "tpcds", "tpcds.splits-per-node": "2"},
        "memory": {"connector.name": "memory", "memory.max-data-per-node": "256MB"},
        "blackhole": {"connector.name": "blackhole"},
    }
    if postgres is not None and warehouse is not None:
        open_lake(postgres, warehouse)  # Trino expects the catalog's tables to be there
        catalogs["iceberg"] = {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "jdbc",
            "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
            "iceberg.jdbc-catalog.connection-url": postgres.jdbc_url(ICEBERG_DATABASE),
            "iceberg.jdbc-catalog.connection-user": postgres.user,
            "iceberg.jdbc-catalog.connection-password": postgres.password,
            "iceberg.jdbc-catalog.catalog-name": ICEBERG_CATALOG_NAME,
            "iceberg.jdbc-catalog.default-warehouse-dir": warehouse.resolve().as_uri(),
            "fs.native-local.enabled": "true",
            "local.location": "/",
        }
    return catalogs


def _write_configuration(
    data_dir: Path, port: int, heap: str, catalogs: dict[str, dict[str, str]], settings: Mapping[str, str]
) -> Path:
    etc = data_dir / "etc"
    shutil.rmtree(etc, ignore_errors=True)
    (etc / "catalog").mkdir(parents=True)
    further = "".join(f"{option}\n" for option in os.environ.get(OPTIONS_VARIABLE, "").split())
    _write(etc / "jvm.config", JVM_OPTIONS.format(heap=heap) + further)
    _write_properties(
        etc / "node.properties",
        {"node.environment": "demo", "node.id": str(uuid.uuid4()), "node.internal-address": HOST},
    )
    _write_properties(
        etc / "config.properties",
        {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": str(port),
            "http-server.process-forwarded": "true",
            # Trino has no setting for the interface it listens on, other than the node's bind address.
            "node.bind-ip": HOST,
            "discovery.uri": f"http://{HOST}:{port}",
            "catalog.management": "static",
            "query.max-memory-per-node": "768MB",
            "web-ui.enabled": "false",
            **settings,
        },
    )
    _write_properties(
        etc / "log.properties", {"io.trino": "WARN", "org.apache": "WARN", "io.airlift": "WARN", "Bootstrap": "WARN"}
    )
    for name, properties in catalogs.items():
        _write_properties(etc / "catalog" / f"{name}.properties", properties)
    return etc


def _write_properties(path: Path, properties: Mapping[str, str]) -> None:
    escaped = {name: value.replace("\\", "\\\\") for name, value in properties.items()}
    _write(path, "".join(f"{name}={value}\n" for name, value in escaped.items()))


def _write(path: Path, text: str) -> None:
    # Passwords stand in these files: nobody else may read them.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _wait(server: TrinoServer, report: Report) -> None:
    begun = time.monotonic()
    told = 5.0
    while (waited := time.monotonic() - begun) < START_SECONDS:
        if not server.child.running:
            break
        if _ready(server.url) and _schedules(server.url):
            report(f"Trino answers after {waited:.0f} s")
            return
        if waited > told:
            report(f"  waiting for Trino ... {waited:.0f} s")
            told = waited + 5.0
        time.sleep(0.25)
    raise DemoError(f"Trino did not come up:\n{server.child.last_words(40)}")


def _ready(url: str) -> bool:
    try:
        return _fetch(f"{url}/v1/info").get("starting") is False
    except (OSError, ValueError):
        return False


def _schedules(url: str) -> bool:
    """Run a small query: a server that says it is up may not have found itself as a worker yet."""
    try:
        page = _fetch(f"{url}/v1/statement", b"SELECT count(*) FROM tpch.tiny.region")
        while "nextUri" in page:
            page = _fetch(str(page["nextUri"]))
    except (OSError, ValueError):
        return False
    return "error" not in page


def _fetch(url: str, body: bytes | None = None) -> dict[str, object]:
    request = urllib.request.Request(url, body, {"X-Trino-User": "penstock", "X-Trino-Source": "penstock-demo"})  # noqa: S310  (our own server)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  (our own loopback address)
        page: dict[str, object] = json.load(answer)
        return page
