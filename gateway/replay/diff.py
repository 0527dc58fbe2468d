"""Compare two policy sets over recorded statements, and say which of them are worth counting rows for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from catalog.types import BIGINT
from engines.base import EngineStatement, OutputColumn
from gateway.execute import engine_statement
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Plan
from gateway.received import Received
from gateway.replay.compare import Compared, Comparison
from gateway.replay.report import Report, RowCount, Tally
from gateway.replay.statements import Statement

if TYPE_CHECKING:
    from gateway.replay.recorded import Recorded

Progress = Callable[[int, int], None]
"""Called with how many statements are done, and of how many."""
_TELL_EVERY = 50


@dataclass(frozen=True, slots=True)
class Count:
    """A governed query whose rows are to be counted on an engine."""

    engine: str
    statement: EngineStatement


@dataclass(frozen=True, slots=True)
class Sampled:
    """A statement that differs, with what counts its rows on either side."""

    query_id: str
    before: Count | None
    after: Count | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a comparison found, before any rows are counted."""

    tally: Tally
    sample: tuple[Sampled, ...]
    before: str
    after: str
    left_out: int


async def diff(known: Recorded, comparison: Comparison, now: float, *, sample: int, progress: Progress) -> Found:
    """Compare every statement as if it were asked now."""
    tally, chosen = Tally(), _Sample(sample)
    statements = known.statements
    for done, statement in enumerate(statements):
        if done % _TELL_EVERY == 0:
            progress(done, len(statements))
        found = await comparison.compare(statement, now)
        first = tally.add(statement, found)
        if found.differences:
            chosen.offer(statement, found, first=first)
    progress(len(statements), len(statements))
    return Found(tally, chosen.taken(), comparison.before.version, comparison.after.version, known.left_out)


def reported(found: Found, rows: Sequence[RowCount], *, since: float, until: float, seconds: float) -> Report:
    """Return the report of what was found."""
    tally = found.tally
    return Report(
        before=found.before,
        after=found.after,
        since=datetime.fromtimestamp(round(since, 3), UTC),
        until=datetime.fromtimestamp(round(until, 3), UTC),
        statements=tally.statements,
        distinct=tally.distinct,
        left_out=found.left_out,
        planned=tally.planned,
        approximate=tally.approximate,
        not_compared=dict(tally.errors),
        kinds=dict(tally.kinds),
        groups=tally.groups(list(rows)),
        groups_left_out=len(tally.left_out),
        sampled=len(rows),
        rows_changed=sum(1 for each in rows if not each.error and each.before != each.after),
        seconds=round(seconds, 3),
    )


class _Sample:
    """Choose statements: the first of each group, then others until there are enough."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._firsts: list[Sampled] = []
        self._others: list[Sampled] = []

    def offer(self, statement: Statement, found: Compared, *, first: bool) -> None:
        chosen = self._firsts if first else self._others
        if len(chosen) < self._most:
            sampled = _sampled(statement, found)
            if sampled is not None:
                chosen.append(sampled)

    def taken(self) -> tuple[Sampled, ...]:
        return tuple([*self._firsts, *self._others][: self._most])


def _sampled(statement: Statement, found: Compared) -> Sampled | None:
    if found.received is None:
        return None
    before, after = (_count(plan, found.received) for plan in (found.before, found.after))
    return Sampled(statement.query_id, before, after) if before is not None or after is not None else None


def _count(plan: Plan | None, received: Received) -> Count | None:
    """Return what counts a plan's rows; None for what is no query of an engine's own tables, writes above all."""
    if plan is None or plan.kind != "SELECT" or plan.write is not None or plan.policy_edit is not None:
        return None
    if plan.route != "engine" or plan.engine in (None, SYSTEM) or plan.sql is None or plan.prepared is not None:
        return None
    counted = msgspec.structs.replace(
        engine_statement(plan, received),
        sql=f"SELECT count(*) AS counted FROM (\n{plan.sql}\n) AS governed",  # noqa: S608  (governed text)
        columns=(OutputColumn("counted", BIGINT),),
        headers=(),
        trace=None,
    )
    return Count(plan.engine or "", counted)
