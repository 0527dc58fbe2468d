"""`make function-table`: the demo with the function cases' table of traps, as `clickhouse.traps.trap` for `admin1`.

The cases' own `run.py` can then be pointed at the gateway: `--url http://127.0.0.1:8080 --table clickhouse.traps.trap
--user admin1`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from gateway.demo.run import DemoError, MoreTables, run_demo

CASES = Path(__file__).resolve().parents[1].parent / "shared" / "cases" / "functions"
DECLARED = {"traps.trap.c": "char(5)", "traps.trap.vb": "varbinary"}
"""Columns that ClickHouse holds as String, and what they are."""


def script(cases: Path) -> str:
    """Return the statements that make the table anew. Raises FileNotFoundError."""
    table = (cases / "make_trap_table.clickhouse.sql").read_text("utf-8").replace("{table}", "traps.trap")
    return f"DROP DATABASE IF EXISTS traps;\nCREATE DATABASE traps;\n{table}"


def main() -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=["clickhouse"], default="clickhouse", help="where the table lies")
    parser.add_argument("--cases", type=Path, default=CASES, help="the folder of the function cases")
    asked = parser.parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        try:
            file.write(script(asked.cases))
            file.flush()
            run_demo("lake", lambda line: print(line, flush=True), MoreTables(Path(file.name), DECLARED))
        except (DemoError, FileNotFoundError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
