"""Run the fuzzer: python -m tests.fuzz --seconds 60 --seed 1 [--engine trino] [--queries N] [--reasons] [--out DIR]."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from gateway.demo.trino_server import start_trino
from tests.fuzz.corpus import cases, replay, write_find
from tests.fuzz.fuzzing import Engine, Find, Tally, fuzz
from tests.fuzz.lake_sides import LakeSides
from tests.fuzz.trino_sides import trino_sides


def main() -> None:
    """Run, and exit with 1 where anything escaped."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--queries", type=int, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("lake", "trino"), default="lake")
    parser.add_argument("--reasons", action="store_true", help="say why statements were refused, and how they failed")
    parser.add_argument("--tries", type=int, default=400, help="how often a find is tried to make it smaller")
    parser.add_argument("--out", type=Path, default=Path(".fuzz"), help="the directory for finds")
    options = parser.parse_args()
    if options.seconds is None and options.queries is None:
        options.seconds = 60.0
    with tempfile.TemporaryDirectory(prefix="penstock-fuzz-") as folder:
        tally = asyncio.run(_run(options, Path(folder)))
    if options.reasons:
        _explain(tally)
    print(tally.line())
    sys.exit(1 if tally.escapes else 0)


async def _run(options: argparse.Namespace, folder: Path) -> Tally:
    def tell(find: Find) -> None:
        path = write_find(find, options.out)
        print(f"{path}: {find.escape.what}: {find.escape.step.sql}", file=sys.stderr)

    again = await _replay(folder)
    with ExitStack() as stack:
        sides = await _engine(options.engine, folder, stack)
        tally = await fuzz(
            sides,
            options.seed,
            seconds=options.seconds,
            queries=options.queries,
            tries=options.tries,
            tell=tell,
        )
    tally.queries += again.queries
    tally.escapes += again.escapes
    return tally


async def _engine(name: str, folder: Path, stack: ExitStack) -> Engine:
    """Open the embedded lake, or start the real Trino with a gateway before it."""
    if name == "lake":
        return stack.enter_context(closing(LakeSides(folder)))
    trino = stack.enter_context(start_trino(folder / "trino", _say))
    sides = stack.enter_context(trino_sides(trino.url, trino.catalogs, folder / "gateway"))
    await sides.furnish()
    return sides


def _say(line: str) -> None:
    print(line, file=sys.stderr)


async def _replay(folder: Path) -> Tally:
    """Try what escaped in the past, first; on the embedded lake."""
    tally = Tally()
    with closing(LakeSides(folder)) as sides:
        for case in cases():
            outcome = await replay(case, sides)
            tally.note(outcome)
            if outcome.escape is not None:
                _say(f"again {case.name}: {outcome.escape.what}: {outcome.escape.step.sql}")
    return tally


def _explain(tally: Tally) -> None:
    for title, counts in (("refused", tally.refusals), ("failed alike", tally.errors)):
        for reason, count in counts.most_common(25):
            print(f"{title} {count}: {reason}")
    print(f"policies={tally.policies}")


if __name__ == "__main__":
    main()
