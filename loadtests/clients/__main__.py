"""`make bench-clients`: a million rows of the real Trino by the Python client, JDBC and the CLI, in turns.

`ratio` is a client's throughput through the gateway over its direct one, by medians.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from gateway.demo.trino_server import start_trino
from loadtests.clients.runs import Asked, Runs, cli, jdbc, python_client
from loadtests.relay.__main__ import SQL
from loadtests.relay.gateway import gateway

CLIENTS = {"python": python_client, "jdbc": jdbc, "cli": cli}
WARM_UP_ROWS = 100_000


def measure(rounds: int, rows: int, wanted: list[str]) -> dict[str, Runs]:
    """Return the runs of each client, having told them one by one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start_trino(Path(folder) / "trino", print) as trino,
        gateway(Path(folder), trino.url) as (port, _),
    ):
        sql = SQL.format(rows=rows)
        asked = Asked(trino.port, port, sql, rows, SQL.format(rows=WARM_UP_ROWS), rounds, trino.java)
        python_client(Asked(trino.port, port, sql, rows, asked.warm_up, 1, trino.java))  # Trino's own warm-up
        found = {}
        for name in wanted:
            found[name] = CLIENTS[name](asked)
            _tell(name, found[name], rows)
        return found


def _tell(name: str, runs: Runs, rows: int) -> None:
    if runs.rows != {rows}:
        raise SystemExit(f"not every run of {name} gave every row: {runs.rows}")
    for side, times in (("direct", runs.direct), ("through the gateway", runs.through)):
        print(f"{name} {side}: seconds {' '.join(f'{seconds:.2f}' for seconds in times)}", flush=True)


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    options = parser.parse_args()
    found = measure(options.rounds, options.rows, options.clients)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{options.rows:,} rows, {os.cpu_count()} cores, load {load}")
    print(" ".join(f"{name}_ratio={runs.ratio:.2f}" for name, runs in found.items()))


if __name__ == "__main__":
    main()
