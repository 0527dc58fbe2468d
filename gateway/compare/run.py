"""The comparison itself: each statement on both sides, a verdict each, differences as JSON lines."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TextIO

from gateway.compare.arena import Arena
from gateway.compare.client import Answer, Side
from gateway.compare.corpus import PLACEHOLDER, Statement, with_schema
from gateway.compare.judge import Verdict, judge

Report = Callable[[str], None]
_REPEATS = 2
"""How often a statement is asked directly once more when its rows differ."""
_SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks, and with which defaults."""

    user: str
    catalog: str | None = "tpch"
    schema: str | None = "tiny"
    scratch: str = "memory"
    """The catalog in which each side gets a schema of its own to change things."""
    seconds: float = 300.0
    """Bound one statement."""


@dataclass(slots=True)
class Tally:
    """Count what came out."""

    kinds: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    """Statements that Trino itself answers."""

    @property
    def passed(self) -> int:
        """Return how many statements were answered alike."""
        return self.kinds["same"]

    @property
    def failed(self) -> int:
        """Return how many were not."""
        return sum(self.kinds.values()) - self.passed

    def lines(self) -> list[str]:
        """Say in words what failed, and in the end the two counts."""
        lines = [f"{kind}: {count}" for kind, count in sorted(self.kinds.items()) if kind != "same"]
        if self.accepted:
            taken = 100 * (self.accepted - self.kinds["refused"]) / self.accepted
            lines.append(f"Trino answers {self.accepted} of them, the gateway {taken:.2f} % of those")
        return [*lines, f"{self.passed} passed, {self.failed} failed"]


async def compare(
    statements: Sequence[Statement], arena: Arena, session: Session, *, out: TextIO, report: Report
) -> Tally:
    """Run all statements on both sides. Statements of one source share a session, in their order."""
    tally = Tally()
    progress = _Progress(len(statements), report)
    async with _sides(arena, session) as (direct, gateway):
        for _, group in groupby(statements, key=lambda statement: statement.source):
            direct.side.reset()
            gateway.side.reset()
            for statement in group:
                verdict, answers = await _compare_one(statement, direct, gateway)
                tally.kinds[verdict.kind] += 1
                tally.accepted += answers[0].error is None
                if verdict.kind != "same":
                    out.write(json.dumps(_difference(statement, verdict, *answers), ensure_ascii=False) + "\n")
                    out.flush()
                progress.step(statement.source, tally.failed)
    return tally


@dataclass(frozen=True, slots=True)
class _Party:
    """A side and the schema that is its own."""

    side: Side
    schema: str

    async def run(self, sql: str) -> Answer:
        """Run a statement in this side's schema; the answer names the schema by the placeholder again."""
        answer = await self.side.run(with_schema(sql, self.schema))
        answer.rows = _renamed(answer.rows, self.schema)
        answer.effects = [(name, value.replace(self.schema, PLACEHOLDER)) for name, value in answer.effects]
        return answer


def _renamed(value: Any, schema: str) -> Any:
    if type(value) is str:
        return value.replace(schema, PLACEHOLDER)
    return [_renamed(item, schema) for item in value] if isinstance(value, list) else value


@asynccontextmanager
async def _sides(arena: Arena, session: Session) -> AsyncIterator[tuple[_Party, _Party]]:
    """Connect both sides, each with a schema of its own that is dropped in the end."""
    mark = secrets.token_hex(4)
    defaults = (session.user, session.catalog, session.schema)
    async with (
        Side(arena.direct, *defaults, seconds=session.seconds) as direct,
        Side(arena.gateway, *defaults, seconds=session.seconds) as gateway,
    ):
        # Names of one length, since a type may tell how long a text is.
        parties = (_Party(direct, f"compare_{mark}_d"), _Party(gateway, f"compare_{mark}_g"))
        for party in parties:
            answer = await party.side.run(f"CREATE SCHEMA {session.scratch}.{party.schema}")
            if answer.error is not None:
                raise ConnectionError(f"a schema to change things in cannot be made: {answer.error.get('message')}")
        try:
            yield parties
        finally:
            for party in parties:
                party.side.reset()
                await party.side.run(f"DROP SCHEMA IF EXISTS {session.scratch}.{party.schema} CASCADE")


async def _compare_one(statement: Statement, direct: _Party, gateway: _Party) -> tuple[Verdict, tuple[Answer, Answer]]:
    ours, theirs = await asyncio.gather(direct.run(statement.sql), gateway.run(statement.sql))
    verdict = judge(statement.sql, ours, theirs)
    if verdict.what in ("rows", "number of rows", "order of rows") and ours.update_type is None:
        again = [await direct.run(statement.sql) for _ in range(_REPEATS)]
        verdict = judge(statement.sql, ours, theirs, again)
    return verdict, (ours, theirs)


def _difference(statement: Statement, verdict: Verdict, direct: Answer, gateway: Answer) -> dict[str, Any]:
    return {
        "source": statement.source,
        "line": statement.line,
        "kind": verdict.kind,
        "what": verdict.what,
        "sql": statement.sql,
        "direct": _shown(direct),
        "gateway": _shown(gateway),
    }


def _shown(answer: Answer) -> dict[str, Any]:
    """Return the start of an answer, small enough for a line."""
    if answer.error is not None:
        return {key: answer.error.get(key) for key in ("errorName", "errorCode", "errorType", "message")}
    return {
        "columns": [f"{column.get('name')} {column.get('type')}" for column in answer.columns or ()],
        "rows": answer.rows[:_SHOWN_ROWS],
        "row_count": len(answer.rows),
        "update_type": answer.update_type,
        "update_count": answer.update_count,
    }


class _Progress:
    """Say now and then how far we are."""

    def __init__(self, total: int, report: Report) -> None:
        self._total, self._report = total, report
        self._done, self._told = 0, time.monotonic()

    def step(self, source: str, failed: int) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._told > 5.0 or self._done == self._total:
            self._told = now
            self._report(f"  {self._done} of {self._total} ({source}), {failed} failed")
