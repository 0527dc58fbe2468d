"""The table of traps as each engine holds it, behind a gateway each, beside the real Trino that holds it itself."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.compare.client import Side
from gateway.demo.postgres import start_postgres
from gateway.demo.trino_server import ICEBERG_DATABASE, open_lake, start_trino
from loadtests.estimate.gateways import gateway

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "functions"
PATHS = ("clickhouse", "lake", "trino")
USER = "reader"
_TRUTH = "memory.truth.trap"
_IN_CLICKHOUSE = "truth.trap"
_DECLARED = {"truth.trap.c": "char(5)", "truth.trap.vb": "varbinary"}
"""Columns that ClickHouse holds as String, and what they are."""
_IN_ICEBERG = {
    "ti": "integer",
    "s": "integer",
    "c": "varchar",
    "ts3": "timestamp(6)",
    "ts9": "varchar",
    "tz3": "timestamp(6) with time zone",
}
"""Columns whose types Iceberg has not, and as what it keeps them; queries of the lake cast them back."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to ask: the address, and what stands for the table in a query."""

    url: str
    table: str


class World:
    """Trino and the gateways; what is started goes with `stack`."""

    def __init__(self, folder: Path, cases: Path, stack: ExitStack) -> None:
        """Start Trino and make the table there."""
        self._folder, self._stack = folder, stack
        self._script = cases
        folder.chmod(0o755)  # Postgres may run as somebody else
        self._postgres = stack.enter_context(start_postgres(folder / "postgres", print))
        self._warehouse = folder / "warehouse"
        open_lake(self._postgres, self._warehouse).close()
        self._server = stack.enter_context(
            start_trino(folder / "trino", print, postgres=self._postgres, warehouse=self._warehouse)
        )
        made = statements((cases / "make_trap_table.trino.sql").read_text("utf-8"), _TRUTH)
        self._columns = re.findall(r"^  (\w+) (.+?),?$", made[0], re.MULTILINE)
        self._run(["CREATE SCHEMA memory.truth", *made])

    @property
    def direct(self) -> Way:
        """Return the way to Trino itself."""
        return Way(self._server.url, _TRUTH)

    def path(self, name: str) -> Way:
        """Start a gateway over an engine; return the way through it."""
        section, table = {"clickhouse": self._clickhouse, "lake": self._lake, "trino": self._trino}[name]()
        running = self._stack.enter_context(gateway(self._folder / f"through-{name}", section))
        return Way(f"http://127.0.0.1:{running.port}", table)

    def _trino(self) -> tuple[dict[str, Any], str]:
        return {"kind": "trino", "name": "trino", "url": self._server.url, "catalogs": ["memory"]}, _TRUTH

    def _clickhouse(self) -> tuple[dict[str, Any], str]:
        path = self._folder / "clickhouse"
        script = str(self._script / "make_trap_table.clickhouse.sql")
        subprocess.run([sys.executable, "-m", "loadtests.traps.filling", path, script, _IN_CLICKHOUSE], check=True)
        section = {"kind": "clickhouse", "name": "clickhouse", "catalog": "clickhouse", "path": str(path)}
        return {**section, "declared": _DECLARED}, f"clickhouse.{_IN_CLICKHOUSE}"

    def _lake(self) -> tuple[dict[str, Any], str]:
        kept = (f"CAST({name} AS {_IN_ICEBERG.get(name, kind)}) AS {name}" for name, kind in self._columns)
        made = f"CREATE TABLE iceberg.truth.trap AS SELECT {', '.join(kept)} FROM {_TRUTH}"
        self._run(["CREATE SCHEMA iceberg.truth", made])
        back = (f"CAST({n} AS {kind}) AS {n}" if n in _IN_ICEBERG else n for n, kind in self._columns)
        table = f"(SELECT {', '.join(back)} FROM iceberg.truth.trap)"
        uri = self._postgres.url(ICEBERG_DATABASE, "postgresql+psycopg2")
        place = {"uri": uri, "warehouse": self._warehouse.resolve().as_uri()}
        return {"kind": "lake", "name": "lake", "catalog": "iceberg", **place}, table

    def _run(self, made: Iterable[str]) -> None:
        asyncio.run(_run_all(self._server.url, made))


async def _run_all(url: str, made: Iterable[str]) -> None:
    async with Side(url, USER, None, None) as side:
        for statement in made:
            answer = await side.run(statement)
            if answer.error is not None:
                raise SystemExit(f"{statement[:200]}: {answer.error.get('message')}")


def statements(script: str, table: str) -> Sequence[str]:
    """Return the statements of a script that makes the table."""
    lines = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    parts = re.split(r";\n", lines.replace("{table}", table).rstrip().rstrip(";"))
    return [part.strip() for part in parts if part.strip()]
