"""One process's part of a run: its own engine, its own seed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from gateway.demo.trino_server import start_trino
from tests.fuzz.corpus import write_find
from tests.fuzz.fuzzing import Engine, Find, Tally, fuzz
from tests.fuzz.house_sides import sides_of
from tests.fuzz.trino_sides import trino_sides


def work(options: argparse.Namespace, seed: str) -> Tally:
    """Run one process's part; finds are written down here, for policies do not travel between processes."""
    with tempfile.TemporaryDirectory(prefix="penstock-fuzz-") as folder:
        tally = asyncio.run(_run(options, seed, Path(folder)))
    tally.finds.clear()
    return tally


async def _run(options: argparse.Namespace, seed: str, folder: Path) -> Tally:
    def tell(find: Find) -> None:
        path = write_find(find, options.out)
        say(f"{path}: {find.escape.what}: {find.escape.step.sql}")

    async with AsyncExitStack() as stack:
        sides = await _engine(options.engine, folder, stack)
        limits = {"seconds": options.seconds, "queries": options.queries, "tries": options.tries}
        return await fuzz(sides, seed, **limits, tell=tell)


async def _engine(name: str, folder: Path, stack: AsyncExitStack) -> Engine:
    """Open the embedded lake, or start ClickHouse, or the real Trino with a gateway before it."""
    if name != "trino":
        return await stack.enter_async_context(sides_of(name, folder))
    trino = stack.enter_context(start_trino(folder / "trino", say))
    sides = stack.enter_context(trino_sides(trino.url, trino.catalogs, folder / "gateway"))
    await sides.furnish()
    return sides


def say(line: str) -> None:
    """Tell what happens, beside the result."""
    print(line, file=sys.stderr)
