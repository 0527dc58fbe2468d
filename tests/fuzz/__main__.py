"""Run the fuzzer: python -m tests.fuzz --seconds 60 --seed 1 [--engine clickhouse] [--queries N] [--reasons] [--out DIR]."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.fuzz.corpus import cases, replay
from tests.fuzz.fuzzing import Tally
from tests.fuzz.house_sides import sides_of
from tests.fuzz.lake import LAKE
from tests.fuzz.working import say, work


def main() -> None:
    """Run, and exit with 1 where anything escaped."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--queries", type=int, default=None, help="stop after so many in each process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("lake", "clickhouse", "trino"), default="lake")
    parser.add_argument("--jobs", type=int, default=None, help="processes; default: one for each core, one for trino")
    parser.add_argument("--reasons", action="store_true", help="say why statements were refused, and how they failed")
    parser.add_argument("--tries", type=int, default=400, help="how often a find is tried to make it smaller")
    parser.add_argument("--out", type=Path, default=Path(".fuzz"), help="the directory for finds")
    options = parser.parse_args()
    if options.seconds is None and options.queries is None:
        options.seconds = 60.0
    tally = _run_all(options, 1 if options.engine == "trino" else options.jobs or os.cpu_count() or 1)
    if options.reasons:
        _explain(tally)
    print(tally.line())
    sys.exit(1 if tally.escapes else 0)


def _run_all(options: argparse.Namespace, jobs: int) -> Tally:
    """Try past finds, then run one process for each seed: the first has the seed itself."""
    seeds = [f"{options.seed}" if job == 0 else f"{options.seed}.{job}" for job in range(jobs)]
    with tempfile.TemporaryDirectory(prefix="penstock-fuzz-") as folder:
        total = asyncio.run(_replay(options.engine, Path(folder)))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for tally in pool.map(work, [options] * jobs, seeds):
            total.add(tally)
    return total


async def _replay(engine: str, folder: Path) -> Tally:
    """Try what escaped in the past, first; instead of Trino on the embedded lake."""
    tally, place = Tally(), LAKE if engine == "trino" else engine
    async with sides_of(place, folder) as sides:
        for case in cases(place):
            outcome = await replay(case, sides)
            tally.note(outcome)
            if outcome.escape is not None:
                say(f"again {case.name}: {outcome.escape.what}: {outcome.escape.step.sql}")
    return tally


def _explain(tally: Tally) -> None:
    for title, counts in (("refused", tally.refusals), ("failed alike", tally.errors)):
        for reason, count in counts.most_common(25):
            print(f"{title} {count}: {reason}")
    print(f"policies={tally.policies}")


if __name__ == "__main__":
    main()
