"""`make bench-paths`: TPC-H and TPC-DS on every path, each answer held against that of the real Trino.

The same rows lie in Iceberg tables, which the real Trino and the embedded lake read, and in ClickHouse. Each of the
121 queries is asked of Trino directly and, through a gateway, of the lake, of ClickHouse, of Trino, and of lake and
Trino where ClickHouse has copies of all of their tables (`lake+replicas`, `trino+replicas`). Each path is asked by
two: a reader who sees all, and an analyst whom filters and masks leave some of it, for whom Trino has views that say
the same. A path answers as Trino does, or refuses by name; the last line counts all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway.compare.client import Answer, Side
from gateway.compare.judge import Verdict, judge
from loadtests.estimate.gateways import Gateway, gateway
from loadtests.estimate.queries import Asked
from loadtests.estimate.world import World
from loadtests.paths.policed import ANALYST, KEEPER, READER, TRUTH, in_catalog, policies, run_all, views
from loadtests.paths.replicas import await_built, handed_over, sections

_COPIED = "+replicas"
PATHS = ("lake", "clickhouse", "trino", f"lake{_COPIED}", f"trino{_COPIED}")
_REPEATS = 2
"""How often Trino is asked once more where rows differ: its own answers may, too."""
_LEAST_GRADE = "SET SESSION min_grade = 'float'"
"""Engines add doubles up in their own order, which the comparison allows for."""


def main() -> None:
    """Ask, judge and print; the last line is for machines."""
    options = _options()
    totals: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # Postgres may run as somebody else
        paths = _Paths(folder, World(options.scale, folder, stack))
        asking = _Asking(paths.direct["url"], [each for each in paths.world.published() if options.only in each.name])
        asyncio.run(run_all(paths.direct["url"], views(paths.world.tables())))
        for name in options.engines.split(","):
            with paths.running(name) as (running, catalog):
                for user in options.users.split(","):
                    counts = asyncio.run(asking.all(name, user, f"http://127.0.0.1:{running.port}", catalog))
                    handed = handed_over(running.store, user) if _COPIED in name else None
                    print(
                        f"{name} {user}: {_said(counts)}{f' handed_over={handed}' if handed is not None else ''}",
                        flush=True,
                    )
                    totals += counts
    if options.out is not None:
        options.out.write_text("".join(f"{json.dumps(each)}\n" for each in asking.told))
    print(_said(totals))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="of TPC-H and TPC-DS")
    parser.add_argument("--engines", default=",".join(PATHS), help="paths to ask")
    parser.add_argument("--users", default=f"{READER},{ANALYST}", help="who asks: who sees all, who is policed")
    parser.add_argument("--only", default="", help="names of queries, by a part of them")
    parser.add_argument("--out", type=Path, help="differences and refusals as JSON lines")
    return parser.parse_args()


class _Paths:
    """The ways to ask, beside the real Trino that is asked directly."""

    def __init__(self, folder: Path, world: World) -> None:
        """Start Trino."""
        self.world = world
        self.direct, _ = world.engine("trino")
        self._folder = folder

    @contextmanager
    def running(self, name: str) -> Iterator[tuple[Gateway, str]]:
        """Run the gateway of a path; yield it and the catalog to ask."""
        engine = name.removesuffix(_COPIED)
        section, catalog = (self.direct, "iceberg") if engine == "trino" else self.world.engine(engine)
        tables = [f"{each.schema}.{each.name}" for each in self.world.tables()]
        copied: dict[str, Any] = {}
        if name.endswith(_COPIED):
            copied = sections(self._folder / f"copies-{engine}", section, tables, catalog)
        with gateway(self._folder / f"through-{name}", section, policies(in_catalog(catalog)), **copied) as running:
            if copied:
                await_built(f"http://127.0.0.1:{running.port}", KEEPER, len(tables))
            yield running, catalog


@dataclass(slots=True)
class _Asking:
    """Asks all queries on a path and keeps what was not equal."""

    url: str
    """Of Trino."""
    wanted: Sequence[Asked]
    told: list[dict[str, object]] = field(default_factory=list)
    _truth: dict[tuple[str, str], Answer] = field(default_factory=dict)
    """What Trino answered to each user and query: the rows stay as they are."""

    async def all(self, path: str, user: str, through: str, catalog: str) -> Counter[str]:
        """Ask all queries of Trino and on a path; return how many came out how."""
        counts: Counter[str] = Counter()
        truth = TRUTH if user == ANALYST else "iceberg"
        for schema, asked in groupby(self.wanted, key=lambda each: each.schema):
            async with Side(self.url, user, truth, schema) as ours, Side(through, user, catalog, schema) as theirs:
                await theirs.run(_LEAST_GRADE)
                for each in asked:
                    verdict, answer = await self._one(user, each, ours, theirs)
                    counts[verdict.kind] += 1
                    if verdict.kind != "same":
                        self._note(path, user, each, verdict, answer)
        return counts

    async def _one(self, user: str, asked: Asked, ours: Side, theirs: Side) -> tuple[Verdict, Answer]:
        sql, known = asked.sql, self._truth.get((user, asked.name))
        answer = await theirs.run(sql)
        expected = self._truth[user, asked.name] = known if known is not None else await ours.run(sql)
        verdict = judge(sql, expected, answer)
        if verdict.kind == "wrong answer":
            verdict = judge(sql, expected, answer, [await ours.run(sql) for _ in range(_REPEATS)])
        return verdict, answer

    def _note(self, path: str, user: str, asked: Asked, verdict: Verdict, answer: Answer) -> None:
        message = str((answer.error or {}).get("message", ""))
        of = {"path": path, "user": user, "query": asked.name}
        self.told.append({**of, "kind": verdict.kind, "what": verdict.what, "message": message})
        print(f"  {path} {user} {asked.name}: {verdict.kind}: {verdict.what}: {message}"[:300], flush=True)


def _said(counts: Counter[str]) -> str:
    wrong = counts["wrong answer"] + counts["accepted"] + counts["other error"]
    return f"equal={counts['same']} refused={counts['refused']} wrong={wrong} n={sum(counts.values())}"


if __name__ == "__main__":
    main()
