"""`make bench-traps`: queries over the table of traps on every path, each answer held against the real Trino's.

The queries are the shared function cases, every template of the grammar with every column, values of every type in
every place where they are compared, sorted, computed with or cast, and shapes and joins drawn by a seed.
A path answers as Trino does, fails as Trino does, or refuses by name; the last line counts. Where Trino fails at some
rows, the same is asked over the others once more. Each path is asked by a reader who sees all, and by an analyst whom
policies leave a part; `lake+replicas` is the lake with a copy of its table in ClickHouse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from gateway.compare.client import Answer, Number, Side
from gateway.compare.judge import SAME, Verdict, judge
from gateway.compare.rows import same_bag
from loadtests.paths.policed import READER
from loadtests.paths.replicas import handed_over
from loadtests.traps.places import joins, places
from loadtests.traps.queries import Drawn, drawn, systematic
from loadtests.traps.world import CASES, PATHS, USERS, Way, World

_REPEATS = 2
"""How often Trino is asked once more where rows differ: its own answers may, too."""
_NEVER = frozenset({"TYPE_MISMATCH", "FUNCTION_NOT_FOUND", "SYNTAX_ERROR", "EXPRESSION_NOT_AGGREGATE"})
"""Errors of a text, not of rows."""
_AT_ONCE = 3
_LEAST_GRADE = "SET SESSION min_grade = 'float'"
"""Engines add doubles up in their own order, which the comparison allows for."""


def main() -> None:
    """Ask, judge and print; the last line is for machines."""
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = World(folder, options.cases, stack)
        users = options.users.split(",")
        ways = {name: world.path(name) for name in options.paths.split(",") if name}
        asking = _Asking({user: world.direct(user) for user in users}, ways)
        queries = [each for each in _queries(options) if options.only in each.name]
        asyncio.run(asking.all(queries))
        handed = {name: [handed_over(way.copied, user) for user in users] for name, way in ways.items() if way.copied}
    for file, lines in ((options.out, asking.told), (options.record, asking.recorded)):
        if file is not None:
            file.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in lines), "utf-8")
    for (path, user, group), counts in sorted(asking.counts.items()):
        print(f"{path} {user} {group}: {said(counts)}")
    for name, numbers in handed.items():
        print(f"{name}: handed_over={sum(numbers)}")
    print(said(sum(asking.counts.values(), Counter[str]())))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=CASES, help="the folder of the function cases")
    parser.add_argument("--paths", default=",".join(PATHS), help="paths to ask")
    parser.add_argument("--users", default=",".join(USERS), help="who asks: who sees all, who is policed")
    parser.add_argument("--groups", default="cases,systematic,places,drawn,joins", help="which queries")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000, help="of queries drawn")
    parser.add_argument("--only", default="", help="names of queries, by a part of them")
    parser.add_argument("--out", type=Path, help="what is not equal, as JSON lines")
    parser.add_argument("--record", type=Path, help="all queries with Trino's answers, in the form of the shared cases")
    return parser.parse_args()


def _queries(options: argparse.Namespace) -> Iterator[Drawn]:
    groups = options.groups.split(",")
    if "cases" in groups:
        yield from shared(options.cases / "cases.jsonl")
    if "systematic" in groups:
        yield from systematic(options.seed)
    if "places" in groups:
        yield from places()
    if "drawn" in groups:
        yield from drawn(options.seed, options.count)
    if "joins" in groups:
        yield from joins(options.seed, options.count)


def shared(file: Path) -> Iterator[Drawn]:
    """Yield the shared function cases."""
    for line in file.read_text("utf-8").splitlines():
        case = json.loads(line)
        zone, tolerance = case.get("tz", "UTC"), float(case.get("tol", 0.0))
        yield Drawn(f"case.{case['id']}", case["trino_sql"], time_zone=zone, tolerance=tolerance)


def within(tolerance: float, expected: Answer, answer: Answer) -> bool:
    """Tell whether two answers of the same columns are as near as a query says of itself."""
    if not tolerance or expected.columns != answer.columns:
        return False
    return same_bag(expected.rows, answer.rows, [tolerance] * len(expected.columns or ()))


def said(counts: Mapping[str, int]) -> str:
    """Return the figures of a line: equal counts equal answers and equal errors."""
    wrong = counts.get("wrong answer", 0) + counts.get("accepted", 0)
    refused = counts.get("refused", 0) + counts.get("other error", 0)
    return f"equal={counts.get('same', 0)} refused={refused} wrong={wrong} n={sum(counts.values())}"


class _Asking:
    """Asks all ways and keeps what was found."""

    def __init__(self, direct: Mapping[str, Way], ways: Mapping[str, Way]) -> None:
        self.counts: dict[tuple[str, str, str], Counter[str]] = {}
        self.told: list[dict[str, Any]] = []
        self.recorded: list[dict[str, Any]] = []
        self._direct, self._ways = direct, ways

    async def all(self, queries: Sequence[Drawn]) -> None:
        """Ask all queries, a few at once."""
        pending = iter(queries)
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(self._some(pending))

    async def _some(self, pending: Iterator[Drawn]) -> None:
        async with AsyncExitStack() as stack:
            sides: dict[tuple[str, str, str], Side] = {}
            for query in pending:
                for user, direct in self._direct.items():
                    for name, way in (("", direct), *self._ways.items()):
                        key = (user, name, query.time_zone)
                        if key not in sides:
                            side = Side(way.url, user, None, None, seconds=60.0, time_zone=query.time_zone)
                            sides[key] = await stack.enter_async_context(side)
                            await (side.run(_LEAST_GRADE) if name else asyncio.sleep(0))
                    mine = {
                        name: side
                        for (who, name, zone), side in sides.items()
                        if (who, zone) == (user, query.time_zone)
                    }
                    await self._one(user, query, mine)

    async def _one(self, user: str, query: Drawn, sides: Mapping[str, Side]) -> None:
        table = self._direct[user].table
        sql = query.sql.replace("{t}", table)
        expected = await sides[""].run(sql)
        if user == READER:
            self.recorded.append(_as_case(query, expected))
        for name, way in self._ways.items():
            answer = await sides[name].run(query.sql.replace("{t}", way.table))
            verdict = judge(sql, expected, answer)
            if verdict.kind == "wrong answer":
                again = [await sides[""].run(sql) for _ in range(_REPEATS)]
                near = within(query.tolerance, expected, answer)
                verdict = SAME if near else judge(sql, expected, answer, again)
            self._note((name, user), query, verdict, expected, answer)
        if query.value is not None and expected.error is not None and expected.error_name not in _NEVER:
            ids = await _that_succeed(query.value, sides[""], table)
            if ids:
                await self._one(user, query.over(ids), sides)

    def _note(self, way: tuple[str, str], query: Drawn, verdict: Verdict, expected: Answer, answer: Answer) -> None:
        group = query.name.partition("-")[0].partition(".")[0]
        self.counts.setdefault((*way, group), Counter())[verdict.kind] += 1
        if verdict.kind == "same":
            return
        path, user = way
        of = {"path": path, "user": user, "name": query.name}
        told = {**of, "kind": verdict.kind, "what": verdict.what, "sql": query.sql}
        self.told.append({**told, "trino": _shown(expected), "here": _shown(answer)})
        if verdict.kind in ("wrong answer", "accepted"):
            print(f"  {path} {user} {query.name}: {verdict.kind}: {verdict.what}\n    {query.sql}"[:600], flush=True)


def _as_case(query: Drawn, answer: Answer) -> dict[str, Any]:
    if answer.error is not None:
        truth: dict[str, Any] = {"error": answer.error_name}
    else:
        truth = {
            "columns": [[each["name"], each["type"]] for each in answer.columns or ()],
            "rows": _plain(answer.rows),
        }
    return {"id": query.name, "trino_sql": query.sql, "ordered": query.ordered, "tol": 1e-9, "truth": truth}


def _plain(value: Any) -> Any:
    if isinstance(value, Number):
        return float(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


async def _that_succeed(value: str, side: Side, table: str) -> list[int]:
    """Return the rows at which Trino computes a value, if those are some but not all."""
    answer = await side.run(f"SELECT id FROM {table} WHERE try({value}) IS NOT NULL")
    return [] if answer.error is not None else sorted(row[0] for row in answer.rows)


def _shown(answer: Answer) -> dict[str, Any]:
    if answer.error is not None:
        return {key: answer.error.get(key) for key in ("errorName", "message")}
    return {
        "columns": [[each["name"], each["type"]] for each in answer.columns or ()],
        "rows": _plain(answer.rows[:60]),
    }


if __name__ == "__main__":
    main()
