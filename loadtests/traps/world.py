"""The table of traps as each engine holds it, behind a gateway each, beside the real Trino that holds it itself.

Of two who ask, a reader sees the table whole; for an analyst, whom a filter and masks leave a part, Trino has a view.
"""

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

from gateway.demo.postgres import start_postgres
from gateway.demo.trino_server import ICEBERG_DATABASE, open_lake, start_trino
from loadtests.estimate.gateways import gateway
from loadtests.paths.policed import ANALYST, KEEPER, READER, Policed, policies, run_all, view
from loadtests.paths.replicas import await_built, sections

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "functions"
PATHS = ("clickhouse", "lake", "trino", "lake+replicas")
USERS = (READER, ANALYST)
_TRUTH = "memory.truth.trap"
_SEEN = "memory.truth.seen"
_IN_CLICKHOUSE, _IN_LAKE = "truth.trap", "truth.trap"
_POLICED = Policed("id % 5 <> 3", {"v": "CASE WHEN id % 2 = 0 THEN v END", "b": "CASE WHEN k IS NOT NULL THEN b END"})
"""What an analyst sees."""
_POLICIES = policies({f"{catalog}.truth.trap": _POLICED for catalog in ("memory", "clickhouse", "iceberg")})
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
    copied: Path | None = None
    """The store of a gateway that hands over to copies."""


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
        seen = view(_SEEN, _TRUTH, (name for name, _ in self._columns), _POLICED)
        self._run(["CREATE SCHEMA memory.truth", *made, seen])
        self._section: tuple[dict[str, Any], str] | None = None

    def direct(self, user: str) -> Way:
        """Return the way to Trino itself, and what stands there for what a user sees."""
        return Way(self._server.url, _SEEN if user == ANALYST else _TRUTH)

    def path(self, name: str) -> Way:
        """Start a gateway over an engine; return the way through it."""
        engine, _, copied = name.partition("+")
        section, table = {"clickhouse": self._clickhouse, "lake": self._lake, "trino": self._trino}[engine]()
        more = sections(self._folder / "copies", section, [_IN_LAKE], "iceberg") if copied else {}
        running = self._stack.enter_context(gateway(self._folder / f"through-{name}", section, _POLICIES, **more))
        url = f"http://127.0.0.1:{running.port}"
        if copied:
            await_built(url, KEEPER, 1)
        return Way(url, table, running.store if copied else None)

    def _trino(self) -> tuple[dict[str, Any], str]:
        return {"kind": "trino", "name": "trino", "url": self._server.url, "catalogs": ["memory"]}, _TRUTH

    def _clickhouse(self) -> tuple[dict[str, Any], str]:
        path = self._folder / "clickhouse"
        script = str(self._script / "make_trap_table.clickhouse.sql")
        subprocess.run([sys.executable, "-m", "loadtests.traps.filling", path, script, _IN_CLICKHOUSE], check=True)
        section = {"kind": "clickhouse", "name": "clickhouse", "catalog": "clickhouse", "path": str(path)}
        return {**section, "declared": _DECLARED}, f"clickhouse.{_IN_CLICKHOUSE}"

    def _lake(self) -> tuple[dict[str, Any], str]:
        """Return the lake's section and table, which is made once."""
        if self._section is None:
            self._section = self._made_lake()
        return self._section

    def _made_lake(self) -> tuple[dict[str, Any], str]:
        kept = (f"CAST({name} AS {_IN_ICEBERG.get(name, kind)}) AS {name}" for name, kind in self._columns)
        made = f"CREATE TABLE iceberg.truth.trap AS SELECT {', '.join(kept)} FROM {_TRUTH}"
        self._run(["CREATE SCHEMA iceberg.truth", made])
        back = (f"CAST({n} AS {kind}) AS {n}" if n in _IN_ICEBERG else n for n, kind in self._columns)
        table = f"(SELECT {', '.join(back)} FROM iceberg.truth.trap)"
        uri = self._postgres.url(ICEBERG_DATABASE, "postgresql+psycopg2")
        place = {"uri": uri, "warehouse": self._warehouse.resolve().as_uri()}
        return {"kind": "lake", "name": "lake", "catalog": "iceberg", **place}, table

    def _run(self, made: Iterable[str]) -> None:
        asyncio.run(run_all(self._server.url, made))


def statements(script: str, table: str) -> Sequence[str]:
    """Return the statements of a script that makes the table."""
    lines = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    parts = re.split(r";\n", lines.replace("{table}", table).rstrip().rstrip(";"))
    return [part.strip() for part in parts if part.strip()]
