"""Run trino-gateway 20 on Postgres, with one backend."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from gateway.demo.children import Child, start_child
from gateway.demo.java import java_home
from gateway.demo.ports import free_port
from gateway.demo.postgres import PostgresServer, start_postgres
from loadtests.peers.nginx import answers
from loadtests.peers.tools import trino_gateway as jar

DATABASE = "trino_gateway"
START_SECONDS = 180.0
HEAP = "-Xmx1g"


@contextmanager
def trino_gateway(folder: Path, backend: int) -> Iterator[tuple[int, int]]:
    """Run it; yield its port and process id once statements reach the backend."""
    folder.mkdir(parents=True)
    port = free_port()
    with start_postgres(folder / "postgres", print) as postgres:
        postgres.create_database(DATABASE)
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(_config(port, postgres)))
        command = [str(java_home(print) / "bin" / "java"), HEAP, "-jar", str(jar()), str(config)]
        child = start_child(command, log=folder / "trino-gateway.log", cwd=folder)
        try:
            _wait(child, lambda: answers(f"http://127.0.0.1:{port}/trino-gateway/livez"))
            _add(port, backend)
            _wait(child, lambda: _reaches(port))
            yield port, child.watcher.pid
        finally:
            child.stop()


def _config(port: int, postgres: PostgresServer) -> dict[str, object]:
    return {
        "serverConfig": {
            "node.environment": "bench",
            "http-server.http.port": port,
            "node.internal-address": "127.0.0.1",
            "node.bind-ip": "127.0.0.1",
        },
        "dataStore": {
            "jdbcUrl": postgres.jdbc_url(DATABASE),
            "user": postgres.user,
            "password": postgres.password,
            "driver": "org.postgresql.Driver",
        },
        "clusterStatsConfiguration": {"monitorType": "INFO_API"},
        "monitor": {"taskDelay": "2s"},
    }


def _add(port: int, backend: int) -> None:
    cluster = {"name": "stub", "proxyTo": f"http://127.0.0.1:{backend}", "active": True, "routingGroup": "adhoc"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/gateway/backend/modify/add",
        json.dumps(cluster).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=30).close()


def _reaches(port: int) -> bool:
    """Tell whether a statement comes through: a new backend counts as healthy after a while only."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/statement", b"SELECT 1", {"X-Trino-User": "bench"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return b'"nextUri"' in answer.read()
    except (urllib.error.URLError, OSError):
        return False


def _wait(child: Child, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if not child.running or time.monotonic() > deadline:
            raise SystemExit(f"trino-gateway did not start:\n{child.last_words(40)}")
        time.sleep(0.5)
