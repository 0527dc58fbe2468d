"""`make bench-relay`: a million rows of the real Trino, direct against through the gateway, in turns.

The same client runs the same statement on both sides; the gateway is the whole application in a process of its own,
with policies, recording and all. `ratio` is the throughput through the gateway over the direct one, by medians;
`growth_mb` is how far the gateway's memory rose above where it stood before the first large result.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from gateway.demo.trino_server import start_trino
from loadtests.relay.client import Client, Drained
from loadtests.relay.gateway import Memory, gateway

COLUMNS = "orderkey, partkey, suppkey, linenumber, quantity, extendedprice, shipdate, shipmode"
SQL = f"SELECT {COLUMNS} FROM tpch.sf1.lineitem LIMIT {{rows}}"


def measure(rounds: int, rows: int) -> tuple[list[Drained], list[Drained], float]:
    """Return the direct runs, the runs through the gateway, and the gateway's growth in MB."""
    sql = SQL.format(rows=rows)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_trino(Path(folder) / "trino", print) as trino,
        gateway(Path(folder), trino.url) as (port, pid),
    ):
        near, far = Client(trino.port, "bench"), Client(port, "bench")
        for client in (near, far, near, far):
            client.drain(SQL.format(rows=50_000))
        memory = Memory(pid)
        before = memory.now()
        near.drain(sql)  # Trino's own warm-up counts for neither side
        direct: list[Drained] = []
        through: list[Drained] = []
        for number in range(rounds):
            # Who goes first changes from round to round, so that a drift of the machine favours nobody.
            for client, runs in ((near, direct), (far, through))[:: 1 if number % 2 else -1]:
                runs.append(client.drain(sql))
        memory.stop()
        near.close()
        far.close()
        return direct, through, memory.peak - before


def describe(name: str, runs: list[Drained]) -> float:
    """Print one side's runs; return its median throughput in rows a second."""
    speed = statistics.median(run.rows / run.seconds for run in runs)
    times = " ".join(f"{run.seconds:.2f}" for run in runs)
    size = runs[0].bytes / 1e6
    print(f"{name}: {runs[0].rows} rows, {size:.0f} MB in {runs[0].pages} pages; seconds {times}; {speed:,.0f} rows/s")
    return speed


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    direct, through, growth = measure(options.rounds, options.rows)
    if {run.rows for run in (*direct, *through)} != {options.rows}:
        raise SystemExit("not every run gave every row")
    near, far = describe("direct", direct), describe("through the gateway", through)
    print(f"ratio={far / near:.2f} growth_mb={growth:.0f}")


if __name__ == "__main__":
    main()
