"""The fuzzer: policies times statements, until the time or the number is up; finds are shrunk and written down."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from tests.fuzz.choices import Choices
from tests.fuzz.judging import Escape, Outcome, Sides, canaries, judge
from tests.fuzz.policies import Policy, draw_policy
from tests.fuzz.shrink import Budget, shrink_policy, shrink_statement
from tests.fuzz.sql.statements import Step, draw_statement
from tests.fuzz.world import Relation

STATEMENTS = 40
"""Statements under one policy before the next is drawn."""


class Engine(Sides, Protocol):
    """Sides that policies can be set up on."""

    engine: str
    world: Mapping[str, Relation]

    async def set_up(self, policy: Policy) -> Mapping[str, Relation]:
        """Put a policy in force; return the copy that it leaves."""
        ...


@dataclass(slots=True)
class Find:
    """An escape, with all that it takes to see it again."""

    seed: str
    policy: Policy
    steps: list[Step]
    escape: Escape
    world: Mapping[str, Relation]
    copy: Mapping[str, Relation]
    tries: int = 0


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    queries: int = 0
    policies: int = 0
    escapes: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    finds: list[Find] = field(default_factory=list)

    def line(self) -> str:
        """Return the last line of a run."""
        return f"queries={self.queries} escapes={self.escapes} refusals={sum(self.refusals.values())}"

    def add(self, other: Tally) -> None:
        """Count what another run came to."""
        self.queries += other.queries
        self.policies += other.policies
        self.escapes += other.escapes
        self.refusals += other.refusals
        self.errors += other.errors

    def note(self, outcome: Outcome) -> None:
        """Count one statement."""
        self.queries += 1
        if outcome.refusal:
            self.refusals[outcome.refusal] += 1
        if outcome.error:
            self.errors[outcome.error] += 1
        if outcome.escape is not None:
            self.escapes += 1


async def fuzz(
    sides: Engine,
    seed: int | str,
    *,
    seconds: float | None = None,
    queries: int | None = None,
    tries: int = 400,
    tell: Callable[[Find], None] = lambda _: None,
    most_finds: int = 20,
) -> Tally:
    """Run until the time is up or so many statements were tried; the same seed draws the same ones."""
    tally = Tally()
    deadline = time.monotonic() + seconds if seconds is not None else None
    number = 0
    while _goes_on(tally, deadline, queries, most_finds):
        policy = draw_policy(Choices(random=Random(f"{seed}/{number}")), sides.world, sides.engine)
        copy = await sides.set_up(policy)
        hidden = canaries(sides.world, copy)
        tally.policies += 1
        for at in range(STATEMENTS):
            if not _goes_on(tally, deadline, queries, most_finds):
                break
            choices = Choices(random=Random(f"{seed}/{number}/{at}"))
            steps = draw_statement(choices, copy, sides.world, trino=sides.engine == "trino", number=at)
            outcome = await judge(steps, sides, hidden)
            tally.note(outcome)
            if outcome.escape is not None:
                find = Find(f"{seed}/{number}/{at}", policy, steps, outcome.escape, sides.world, copy)
                find = await _smallest(sides, find, choices.drawn, tries)
                tally.finds.append(find)
                tell(find)
                await sides.set_up(policy)
        number += 1
    return tally


def _goes_on(tally: Tally, deadline: float | None, queries: int | None, most_finds: int) -> bool:
    if len(tally.finds) >= most_finds or (queries is not None and tally.queries >= queries):
        return False
    return deadline is None or time.monotonic() < deadline


async def _smallest(sides: Engine, find: Find, choices: list[int], tries: int) -> Find:
    """Shrink a find; what it is stays the same: a canary, an error, or other rows."""
    best = find

    async def statement_stays(numbers: list[int]) -> list[int] | None:
        nonlocal best
        again = Choices(numbers)
        best.tries += 1
        steps = draw_statement(
            again, find.copy, sides.world, trino=sides.engine == "trino", number=best.tries + STATEMENTS
        )
        outcome = await judge(steps, sides, canaries(sides.world, find.copy))
        if outcome.escape is None or _kind(outcome.escape.what) != _kind(find.escape.what):
            return None
        best = replace(best, steps=steps, escape=outcome.escape)
        return again.drawn

    async def policy_stays(policy: Policy) -> bool:
        nonlocal best
        copy = await sides.set_up(policy)
        outcome = await judge(best.steps, sides, canaries(sides.world, copy))
        if outcome.escape is None or _kind(outcome.escape.what) != _kind(find.escape.what):
            return False
        best = replace(best, policy=policy, escape=outcome.escape, copy=copy)
        return True

    await shrink_statement(choices, statement_stays, Budget(tries))
    await shrink_policy(find.policy, policy_stays, Budget(tries // 8))
    return best


def _kind(what: str) -> str:
    return what if what.startswith(("error:", "crash:")) else what.partition(":")[0].partition(" ")[0]
