"""One function a client: drain a statement from both servers in turns, and tell each run's seconds."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trino.dbapi import connect

from gateway.demo.downloads import trino_cli, trino_jdbc

USER = "bench"
_BATCH = 10_000
_STARTS = 3
"""How often the CLI is started with nothing to read, to know what its start takes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, of whom, how often."""

    direct: int
    through: int
    """Ports."""
    sql: str
    rows: int
    warm_up: str
    rounds: int
    java: Path


@dataclass(slots=True)
class Runs:
    """Seconds of every run, and the rows that each gave."""

    direct: list[float] = field(default_factory=list)
    through: list[float] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)

    @property
    def ratio(self) -> float:
        """Return the throughput through the gateway over the direct one, by medians."""
        return statistics.median(self.direct) / statistics.median(self.through)

    def add(self, name: str, seconds: float, rows: int) -> None:
        """Add a run."""
        (self.direct if name == "direct" else self.through).append(seconds)
        self.rows.add(rows)


def python_client(asked: Asked) -> Runs:
    """Read by the Python client, every value converted, as DB-API gives them."""

    def drain(port: int, sql: str) -> int:
        with connect(host="127.0.0.1", port=port, user=USER) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            rows = 0
            while batch := cursor.fetchmany(_BATCH):
                rows += len(batch)
            return rows

    for port in (asked.direct, asked.through):
        drain(port, asked.warm_up)
    return _in_turns(asked, lambda port: drain(port, asked.sql))


def jdbc(asked: Asked) -> Runs:
    """Read by the JDBC driver in one virtual machine, every value asked for."""
    urls = [f"jdbc:trino://127.0.0.1:{port}/tpch/sf1" for port in (asked.direct, asked.through)]
    program = [asked.java / "bin" / "java", "-cp", trino_jdbc(print), Path(__file__).with_name("Drain.java")]
    arguments = [*urls, USER, str(asked.rounds), asked.warm_up, asked.sql]
    runs = Runs()
    for line in _output([*program, *arguments]).splitlines():
        name, seconds, rows = line.split()
        runs.add(name, float(seconds), int(rows))
    return runs


def cli(asked: Asked) -> Runs:
    """Read by the CLI, written as CSV; what its start takes is measured alone and taken off."""

    def drain(port: int, sql: str) -> int:
        program = [asked.java / "bin" / "java", "-jar", trino_cli(print), "--server", f"http://127.0.0.1:{port}"]
        return _output([*program, "--user", USER, "--output-format", "CSV", "--execute", sql]).count("\n")

    starts = []
    for _ in range(_STARTS):
        for port in (asked.direct, asked.through):
            begun = time.perf_counter()
            drain(port, "SELECT 1")
            starts.append(time.perf_counter() - begun)
    return _in_turns(asked, lambda port: drain(port, asked.sql), statistics.median(starts))


def _in_turns(asked: Asked, drain: Callable[[int], int], start: float = 0.0) -> Runs:
    runs = Runs()
    sides = [("direct", asked.direct), ("through", asked.through)]
    for number in range(asked.rounds):
        # Who goes first changes from round to round, so that a drift of the machine favours nobody.
        for name, port in sides[:: -1 if number % 2 else 1]:
            begun = time.perf_counter()
            rows = drain(port)
            runs.add(name, time.perf_counter() - begun - start, rows)
    return runs


def _output(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    return done.stdout
