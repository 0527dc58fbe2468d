"""Run policy tests: simulate each, run it where rows are expected, and judge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from catalog.cache import CatalogCache
from catalog.errors import ErrorCode, Refusal
from engines.base import Engine, EngineStatement
from gateway.execute import caller_view, engine_statement
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Plan
from gateway.received import Received
from gateway.simulation.cases import Case
from gateway.simulation.judging import Failure, judge, judge_rows
from gateway.simulation.simulate import Grounds, Simulated, plan_as
from policies.index import PolicySet

_MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one test."""

    name: str
    failures: tuple[Failure, ...]
    simulated: Simulated

    @property
    def passed(self) -> bool:
        """Tell whether everything was as expected."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class Runner:
    """What runs a governed statement, where a test expects rows; `show` says that values may be told."""

    engines: Mapping[str, Engine]
    catalog: CatalogCache
    show: bool = True

    async def rows(self, plan: Plan, received: Received, policies: PolicySet) -> list[list[object]]:
        """Return the rows of a query that its plan has governed. Raises Refusal."""
        if plan.route != "engine" or plan.write is not None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "Rows can be expected of queries only.")
        return await self.carry_out(plan, received, policies)

    async def carry_out(self, plan: Plan, received: Received, policies: PolicySet) -> list[list[object]]:
        """Have an engine do what a plan says, to its end. Raises Refusal."""
        view = caller_view(self.catalog, policies, received) if plan.engine == SYSTEM else None
        statement = engine_statement(plan, received, view)
        found: list[list[object]] = []
        async with aclosing(_pages(self.engines[plan.engine or ""], statement, received.query_id)) as pages:
            async for page in pages:
                found.extend(page)
                if len(found) > _MOST_ROWS:
                    raise Refusal(ErrorCode.EXCEEDED_SCAN_LIMIT, f"The result has more than {_MOST_ROWS} rows.")
        return found


async def _pages(engine: Engine, statement: EngineStatement, query_id: str) -> AsyncGenerator[list[list[object]], None]:
    submitted = await engine.submit(statement, query_id)
    page, cursor = submitted.page, submitted.cursor if submitted.page is None else submitted.page.next
    try:
        while page is not None or cursor is not None:
            if page is not None:
                if page.failed is not None:
                    error = json.loads(page.members.get("error", b"{}"))
                    raise Refusal(ErrorCode.GENERIC_EXTERNAL, f"It failed: {page.failed}: {error.get('message', '')}")
                if "data" in page.members:
                    yield json.loads(page.members["data"])
            page = await engine.page(cursor) if cursor is not None else None
            cursor = page.next if page is not None else None
    finally:
        if cursor is not None:
            await engine.cancel(cursor)


async def run_case(grounds: Grounds, policies: PolicySet, case: Case, runner: Runner | None) -> Result:
    """Run one test; without a runner, rows that are expected are a failure."""
    simulated = await plan_as(grounds, case.question(), policies)
    failures = judge(case.expect, simulated)
    if not failures and case.expect.runs and simulated.plan is not None and simulated.received is not None:
        failures = await _run(case, simulated.plan, simulated.received, policies, runner)
    return Result(case.name, failures, simulated)


async def _run(
    case: Case, plan: Plan, received: Received, policies: PolicySet, runner: Runner | None
) -> tuple[Failure, ...]:
    if runner is None:
        return (Failure("rows", "a result", "nothing here runs statements"),)
    if plan.answer is not None:
        return judge_rows(case.expect, [list(row) for row in plan.answer.rows], show=runner.show)
    try:
        return judge_rows(case.expect, await runner.rows(plan, received, policies), show=runner.show)
    except Refusal as refusal:
        told = f"{refusal.code.name}: {refusal.text}" if runner.show else refusal.code.name
        return (Failure("rows", "a result", told),)


async def run_cases(
    grounds: Grounds, policies: PolicySet, cases: Sequence[Case], runner: Runner | None
) -> tuple[Result, ...]:
    """Run tests one after the other, and let others have their turn between them."""
    found = []
    for case in cases:
        found.append(await run_case(grounds, policies, case, runner))
        await asyncio.sleep(0)
    return tuple(found)
