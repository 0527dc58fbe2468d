"""`make bench-paths`: TPC-H and TPC-DS on every path, each answer held against that of the real Trino.

The same rows lie in Iceberg tables, which the real Trino and the embedded lake read, and in ClickHouse. Each of the
121 queries is asked of Trino directly and, through a gateway, of the lake, of ClickHouse and of Trino. A path answers
as Trino does, or refuses by name; the last line counts both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from gateway.compare.client import Answer, Side
from gateway.compare.judge import Verdict, judge
from loadtests.estimate.gateways import gateway
from loadtests.estimate.queries import Asked
from loadtests.estimate.world import ENGINES, World

_REPEATS = 2
"""How often Trino is asked once more where rows differ: its own answers may, too."""


def main() -> None:
    """Ask, judge and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="of TPC-H and TPC-DS")
    parser.add_argument("--engines", default=",".join(ENGINES), help="paths to ask")
    parser.add_argument("--only", default="", help="names of queries, by a part of them")
    parser.add_argument("--out", type=Path, help="differences and refusals as JSON lines")
    options = parser.parse_args()
    totals: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = World(options.scale, folder, stack)
        direct, _ = world.engine("trino")
        wanted = [each for each in world.published() if options.only in each.name]
        told: list[dict[str, object]] = []
        for engine in options.engines.split(","):
            section, catalog = (direct, "iceberg") if engine == "trino" else world.engine(engine)
            with gateway(folder / f"through-{engine}", section) as running:
                port = f"http://127.0.0.1:{running.port}"
                counts = asyncio.run(_path(engine, wanted, (direct["url"], "iceberg"), (port, catalog), told))
            print(f"{engine}: {_said(counts)}", flush=True)
            totals += counts
    if options.out is not None:
        options.out.write_text("".join(f"{json.dumps(each)}\n" for each in told))
    print(_said(totals))


async def _path(
    engine: str,
    wanted: Sequence[Asked],
    direct: tuple[str, str],
    through: tuple[str, str],
    told: list[dict[str, object]],
) -> Counter[str]:
    """Ask all queries on one path."""
    counts: Counter[str] = Counter()
    for schema, asked in groupby(wanted, key=lambda each: each.schema):
        async with (
            Side(direct[0], "reader", direct[1], schema) as ours,
            Side(through[0], "reader", through[1], schema) as path,
        ):
            for each in asked:
                verdict, answer = await _one(each.sql, ours, path)
                counts[verdict.kind] += 1
                if verdict.kind != "same":
                    note = str((answer.error or {}).get("message", ""))
                    why = {"engine": engine, "query": each.name, "kind": verdict.kind, "what": verdict.what}
                    told.append({**why, "message": note})
                    print(f"  {engine} {each.name}: {verdict.kind}: {verdict.what}: {note}"[:300], flush=True)
    return counts


async def _one(sql: str, ours: Side, path: Side) -> tuple[Verdict, Answer]:
    expected, answer = await asyncio.gather(ours.run(sql), path.run(sql))
    verdict = judge(sql, expected, answer)
    if verdict.kind == "wrong answer":
        verdict = judge(sql, expected, answer, [await ours.run(sql) for _ in range(_REPEATS)])
    return verdict, answer


def _said(counts: Counter[str]) -> str:
    wrong = counts["wrong answer"] + counts["accepted"] + counts["other error"]
    return f"equal={counts['same']} refused={counts['refused']} wrong={wrong} n={sum(counts.values())}"


if __name__ == "__main__":
    main()
