"""`make bench-estimate`: what estimates are worth, over TPC-H, TPC-DS and what the demo's users ask.

Each engine runs all queries through a gateway of its own, first with some sets of parameters, by which the gateway
calibrates its estimates as it always does, and then with others, which it has never seen: only those count. Of each of
them the estimate that its usage row keeps is held against the bytes that the engine read. At last a gateway over lake
and ClickHouse answers the demo's dashboards, mostly from materialized views.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.demo.downloads import DemoError
from loadtests.estimate import views
from loadtests.estimate.figures import Outcome, missing, said
from loadtests.estimate.gateways import Gateway, gateway
from loadtests.estimate.world import ENGINES, World

VIEWS = "views"
"""The lake with the demo's materialized views in ClickHouse."""


_AT_ONCE = 2
"""Engines measured at a time: how much they read does not depend on what else runs, and each mostly waits."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """An engine with its tables, ready to be asked."""

    engine: str
    catalog: str
    section: dict[str, Any]
    more: dict[str, Any]
    """Further sections of its gateway's configuration."""


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="of TPC-H and TPC-DS")
    parser.add_argument("--learn", type=int, default=2, help="sets of parameters that estimates are calibrated by")
    parser.add_argument("--hold-out", type=int, default=1, help="sets of parameters that count")
    parser.add_argument("--engines", default=",".join((*ENGINES, VIEWS)))
    parser.add_argument("--verbose", action="store_true", help="say each statement that counts")
    options = parser.parse_args()
    counted: list[Outcome] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = World(options.scale, folder, stack)
        engines = options.engines.split(",")
        trials = [trial for engine in engines if (trial := _prepared(world, engine)) is not None]
        pool = stack.enter_context(ThreadPoolExecutor(_AT_ONCE))
        ran = pool.map(lambda trial: _run(world, trial, options.learn + options.hold_out), trials)
        for trial, outcomes in zip(trials, ran, strict=True):
            counted += _told(trial.engine, outcomes, options.learn, verbose=options.verbose)
    print("held out, all engines, as engines say it: " + said(counted, raw=True))
    print(said(counted))
    absent = set(engines) - {trial.engine for trial in trials}
    if absent:
        raise SystemExit(f"not measured: {', '.join(sorted(absent))}")


def _prepared(world: World, engine: str) -> _Trial | None:
    """Fill an engine with its tables; None for one that is not here."""
    try:
        section, catalog = world.engine("lake" if engine == VIEWS else engine)
    except DemoError as error:
        print(f"{engine}: not here: {error}")
        return None
    more = views.with_views(section, world.folder / "marts") if engine == VIEWS else {}
    return _Trial(engine, catalog, section, more)


def _run(world: World, trial: _Trial, runs: int) -> list[Outcome]:
    """Run all queries on one engine."""
    with gateway(world.folder / f"through-{trial.engine}", trial.section, **trial.more) as running:
        if trial.engine == VIEWS:
            views.await_built(running.port)
        return _asked(world, running, trial.catalog, runs, trial.engine)


def _told(engine: str, outcomes: Sequence[Outcome], learn: int, *, verbose: bool) -> list[Outcome]:
    """Print what came out for one engine; return the statements that count."""
    held_out = [each for each in outcomes if each.run >= learn]
    counted = [each for each in held_out if each.estimated]
    print(f"{engine}: first set, as the engine says it: {said(_of_run(outcomes, 0), raw=True)}")
    for name in sorted({each.name.partition(" ")[0] for each in counted}):
        print(f"{engine}: {name}, held out: {said([e for e in counted if e.name.startswith(name)])}")
    print(f"{engine}: held out: {said(counted)}")
    print(f"{engine}: in no figure: {missing(held_out)}", flush=True)
    for each in counted if verbose else ():
        print(f"  {each.name}: {each.priced and each.priced.bytes} raw {each.priced and each.priced.raw} "
              f"read {each.scanned_bytes} {each.priced and each.priced.kind}")  # fmt: skip
    return counted


def _of_run(outcomes: Sequence[Outcome], run: int) -> list[Outcome]:
    return [each for each in outcomes if each.run == run and each.estimated]


def _asked(world: World, running: Gateway, catalog: str, runs: int, engine: str) -> list[Outcome]:
    count = 0
    for run in range(runs):
        asked = views.dashboards(run) if engine == VIEWS else world.asked(run, catalog)
        count += running.run(run, asked, catalog)
    return running.outcomes(count)


if __name__ == "__main__":
    main()
