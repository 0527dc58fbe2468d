"""Superset, unmodified, in an environment of its own; and what a browser asks of it, by its REST API."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from gateway.demo.ports import free_port

SOURCE = Path(__file__).parent / "superset"
START_SECONDS = 600


@dataclass(slots=True)
class Superset:
    """A user's session with a running Superset."""

    url: str
    secret: str
    session: requests.Session = field(default_factory=requests.Session)

    def sign_in(self, user: str) -> Superset:
        """Return a session of another user."""
        signed = Superset(self.url, self.secret)
        form = {"username": user, "password": self.secret, "provider": "db", "refresh": False}
        token = signed.call("POST", "security/login", json=form)["access_token"]
        signed.session.headers["Authorization"] = f"Bearer {token}"
        return signed

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Ask the API; an answer that is no success comes as its `errors` or its message."""
        answer = self.session.request(method, f"{self.url}/api/v1/{path}", timeout=300, **more)
        try:
            return answer.json()
        except ValueError:
            raise AssertionError(f"{path}: HTTP {answer.status_code}: {answer.text[:500]}") from None

    def connect(self, name: str, uri: str, *, impersonate: bool = False, headers: dict[str, str] | None = None) -> int:
        """Create a database connection and return its number."""
        connect_args = {"http_headers": headers} if headers else {}
        made = self.call(
            "POST",
            "database/",
            json={
                "database_name": name,
                "sqlalchemy_uri": uri,
                "expose_in_sqllab": True,
                "allow_ctas": True,
                "allow_dml": True,
                "impersonate_user": impersonate,
                "extra": json.dumps(
                    {"engine_params": {"connect_args": connect_args}, "allows_virtual_table_explore": True}
                ),
            },
        )
        assert "id" in made, made
        return int(made["id"])

    def run(self, database: int, sql: str, client_id: str | None = None, limit: int = 1000) -> Any:
        """Run a statement in SQL Lab, without a worker: the answer has the rows, or the errors."""
        return self.call(
            "POST",
            "sqllab/execute/",
            json={
                "database_id": database,
                "catalog": "iceberg",
                "schema": "trading",
                "sql": sql,
                "client_id": client_id or secrets.token_hex(5),
                "queryLimit": limit,
                "runAsync": False,
                "expand_data": True,
                "tab": "tests",
                "sql_editor_id": "1",
            },
        )

    @contextmanager
    def dataset(self, database: int, schema: str, table: str) -> Iterator[int]:
        """Make a dataset of a table, whose columns are read from the server, and give its number; then remove it.

        On SQLite, Superset keeps one dataset of a name.
        """
        form = {"database": database, "catalog": "iceberg", "schema": schema, "table_name": table}
        made = self.call("POST", "dataset/", json=form)
        assert "id" in made, made
        try:
            yield int(made["id"])
        finally:
            self.call("DELETE", f"dataset/{made['id']}")

    def chart(self, dataset: int, query: dict[str, Any]) -> Any:
        """Ask for a chart's data, past every cache."""
        source = {"id": dataset, "type": "table"}
        body = {"datasource": source, "force": True, "result_format": "json", "result_type": "full", "queries": [query]}
        return self.call("POST", "chart/data", json=body)


@contextmanager
def run_superset(programs: Path, folder: Path, users: list[str]) -> Iterator[Superset]:
    """Serve Superset with these users until the block ends; its own log is in the folder."""
    port, secret = free_port(), secrets.token_urlsafe(40)
    own = {
        "SUPERSET_CONFIG_PATH": str(SOURCE / "superset_config.py"),
        "SUPERSET_HOME": str(folder),
        "PROBE_SECRET": secret,
    }
    with (folder / "superset.log").open("w+") as log:
        process = subprocess.Popen(
            [programs / "python", SOURCE / "serve.py", str(port), *users],
            cwd=folder,
            env={**os.environ, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}", folder / "superset.log")
            yield Superset(f"http://127.0.0.1:{port}", secret)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.5)
    raise AssertionError("Superset did not start:\n" + log.read_text()[-4000:])
