"""How many requests a second pass, by wrk, with 32 clients that are always busy, each on a connection of its own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from loadtests.peers.stub import LONG_PAGES
from loadtests.peers.tools import Tool

CONNECTIONS = 32
_LONGEST_SECONDS = 30.0
_RESULT = re.compile(r"BENCH requests=(\d+) microseconds=(\d+) wrong=(\d+)")

Headers = tuple[tuple[str, str], ...]


def polls_per_second(wrk: Tool, port: int, sql: bytes, headers: Headers, seconds: float) -> float:
    """Return the pages a second that clients get who follow long statements."""
    rate = _run(wrk, "polls.lua", port, sql, (*headers, ("X-Trino-Source", "bench-long")), seconds)
    return rate * LONG_PAGES / (LONG_PAGES + 1)


def posts_per_second(wrk: Tool, port: int, sql: bytes, headers: Headers, seconds: float) -> float:
    """Return the statements a second that are taken in."""
    return _run(wrk, "posts.lua", port, sql, (*headers, ("X-Trino-Source", "bench-short")), seconds)


def _run(wrk: Tool, script: str, port: int, sql: bytes, headers: Headers, seconds: float) -> float:
    # A thread a connection: the script's memory is the thread's, and clients follow a statement on one connection.
    command = [wrk.path, "-t", str(CONNECTIONS), "-c", str(CONNECTIONS), "-d", f"{seconds:.0f}s", "--timeout", "30s"]
    command += ["-s", Path(__file__).with_name(script)]
    for name, value in headers:
        command += ["-H", f"{name}: {value}"]
    environment = {**wrk.environment, "BENCH_SQL": sql.decode()}
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/v1/statement"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = _RESULT.search(done.stdout)
    if found is None or int(found[3]):
        raise SystemExit(f"{script} did not go well:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    if found[1] == "0" and seconds < _LONGEST_SECONDS:  # too slow for the time given, as a cold JVM on a busy machine
        return _run(wrk, script, port, sql, headers, seconds * 3)
    return int(found[1]) / (int(found[2]) / 1e6)
