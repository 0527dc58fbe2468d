"""`make bench-dashboards`: the demo's twenty dashboard queries, with and without materialized views, in turns.

A demo of its own runs on free ports. Each query is asked by a stock client, first a few times to warm both ways, then
in turns; what counts is the time until the last row. Both answers must be the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from gateway.demo.children import start_child
from gateway.demo.ports import free_port
from loadtests.dashboards.queries import Tile, tiles

_START_SECONDS, _BUILD_SECONDS = 180.0, 300.0
_UNFINISHED = "SELECT count(*), count(*) FILTER (WHERE state <> 'current') FROM penstock.catalog.materialized_views"
_FIRST, _REST_SECONDS = 12, 5.0
"""How often all is asked beforehand: the first answers of each view are computed on the base, too."""
_BAND = 0.05
"""How far two percentiles may lie apart, relative to the larger."""
_HTTP = requests.Session()


@dataclass(slots=True)
class Times:
    """Milliseconds of one query, both ways."""

    tile: Tile
    rewritten: bool = False
    same: bool = False
    with_views: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Return how long the views take of what the base takes, by medians."""
        return statistics.median(self.with_views) / statistics.median(self.without)


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--engine", default="lake", choices=("lake", "trino"))
    parser.add_argument("--only", default="", help="titles, by a part of them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _demo(Path(folder), options.engine) as port:
        _await_views(port)
        for _ in range(_FIRST):
            for tile in tiles():
                _ask(port, tile.user, tile.sql)
        time.sleep(_REST_SECONDS)
        measured = [_measure(port, tile, options.rounds) for tile in tiles() if options.only in tile.title]
    for each in measured:
        print(
            f"{'view' if each.rewritten else 'base':<5}{statistics.median(each.without):8.1f} ms -> "
            f"{statistics.median(each.with_views):7.1f} ms {each.ratio:6.2f}  {each.tile.title}"
            f"{'' if each.same else '  DIFFERENT ANSWERS'}"
        )
    print(_said(measured))
    if not all(each.same for each in measured):
        raise SystemExit(1)


def _said(measured: Sequence[Times]) -> str:
    ratios = [each.ratio for each in measured]
    every = sorted(time for each in measured for time in each.with_views)
    p95 = every[min(len(every) - 1, int(len(every) * 0.95))]
    rewritten, same = sum(each.rewritten for each in measured), sum(each.same for each in measured)
    return (
        f"ratio_p50={statistics.median(ratios):.2f} p95_ms={p95:.0f} "
        f"rewritten={rewritten} same={same} n={len(measured)}"
    )


def _measure(port: int, tile: Tile, rounds: int) -> Times:
    times = Times(tile)
    answers: list[list[list[Any]]] = []
    for number in range(rounds + 2):
        for views in (True, False):
            began = time.perf_counter()
            rows, warned = _ask(port, tile.user, tile.sql, views=views)
            spent = (time.perf_counter() - began) * 1000
            if number < 2:
                answers.append(rows)
                times.rewritten |= views and warned
            else:
                (times.with_views if views else times.without).append(spent)
    times.same = _same(answers[-2], answers[-1], close=tile.close)
    return times


def _ask(port: int, user: str, sql: str, *, views: bool = True) -> tuple[list[list[Any]], bool]:
    """Return the rows, and whether the gateway says that views answered."""
    session = f"materialized_views={str(views).lower()},min_grade=approximate"
    headers = {"X-Trino-User": user, "X-Trino-Session": session, "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}
    page = _HTTP.post(f"http://127.0.0.1:{port}/v1/statement", sql.encode(), headers=headers).json()
    rows: list[list[Any]] = []
    while True:
        rows += page.get("data") or []
        if "error" in page:
            raise SystemExit(f"{sql}: {page['error']['message']}")
        following = page.get("nextUri")
        if following is None:
            return rows, any("materialized view" in str(each) for each in page["warnings"])
        page = _HTTP.get(following, headers=headers).json()


def _same(left: list[list[Any]], right: list[list[Any]], *, close: bool) -> bool:
    if len(left) != len(right):
        return False
    return all(
        _alike(a, b, close) for one, other in zip(left, right, strict=True) for a, b in zip(one, other, strict=True)
    )


def _alike(left: Any, right: Any, close: bool) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        apart = max(_BAND * max(abs(left), abs(right)), 0.5) if close else 1e-9 * max(abs(left), abs(right))
        return abs(left - right) <= apart
    return bool(left == right)


@contextmanager
def _demo(folder: Path, engine: str) -> Iterator[int]:
    ports = {name: free_port() for name in ("PORT", "ADMIN_PORT", "METRICS_PORT", "TRINO_PORT")}
    environment = {f"PENSTOCK_{name}": str(port) for name, port in ports.items()}
    command = [sys.executable, "-m", "gateway.cli", "demo", "--engine", engine]
    log = folder / "demo.log"
    child = start_child(command, log=log, env={**os.environ, **environment, "PENSTOCK_DATA": str(folder / "data")})
    try:
        _await(lambda: "Penstock is ready" in log.read_text(), _START_SECONDS, log)
        yield ports["PORT"]
    finally:
        child.stop()


def _await_views(port: int) -> None:
    """Wait until the demo's views are built."""

    def built() -> bool:
        ((count, unfinished),), _ = _ask(port, "admin1", _UNFINISHED)
        return bool(count > 0 and unfinished == 0)

    _await(built, _BUILD_SECONDS, None)


def _await(found: Any, seconds: float, log: Path | None) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            tail = (
                subprocess.run(["tail", "-5", str(log)], capture_output=True, text=True, check=False).stdout
                if log
                else ""
            )
            raise SystemExit(f"not within {seconds:.0f} s {tail}")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
