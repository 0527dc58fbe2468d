"""One statement under a policy and over the copy: is it an escape?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.fuzz.answers import Answer, difference
from tests.fuzz.sql.statements import Step
from tests.fuzz.world import Relation, marks

NOT_UNDERSTOOD = frozenset({"NOT_SUPPORTED", "SYNTAX_ERROR", "UNSUPPORTED_SUBQUERY", "FUNCTION_IMPLEMENTATION_MISSING"})
"""Errors that say: the gateway or the engine does not do this. All others have to be the same on both sides."""


class Sides(Protocol):
    """The two places where a statement runs."""

    async def governed(self, step: Step) -> Answer:
        """Run a statement over the world, under the policy."""
        ...

    async def copy(self, step: Step) -> Answer:
        """Run it over the copy, as somebody who may see all."""
        ...

    async def elsewhere(self, steps: Sequence[Step], *, as_many: bool) -> Answer | None:
        """Run statements under the policy over a world where what it hides is other; None where there is none.

        Hidden rows are gone there or, where there are to be as many, all alike.
        """
        ...


@dataclass(frozen=True, slots=True)
class Escape:
    """What the caller saw and should not have, or what he should have seen and did not."""

    what: str
    step: Step
    governed: Answer
    copy: Answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the steps of one statement."""

    escape: Escape | None = None
    refusal: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Canaries:
    """The marks that the caller must not see."""

    hidden: frozenset[str]

    def seen_in(self, answer: Answer, asked: str) -> set[str]:
        """Return the marks that stand in an answer and were not in what was asked."""
        if not self.hidden:
            return set()
        calculated = re.search(r"\d{7}", asked) is not None  # from one large number others can be computed
        words = {word.strip(".") for word in re.findall(r"[0-9A-Za-z.\-]+", answer.seen)}
        return {mark for mark in words & self.hidden if mark not in asked and not (calculated and _is_number(mark))}


def _is_number(mark: str) -> bool:
    return mark.replace(".", "").isdigit()


def canaries(world: Mapping[str, Relation], copy: Mapping[str, Relation]) -> Canaries:
    """Return the marks of the world that are not in the copy; what a mask shows a part of, is there."""
    there = " ".join(str(list(row.values())) for relation in copy.values() for row in relation.rows)
    every = {mark for relation in world.values() for mark in marks(relation.rows)}
    return Canaries(frozenset(mark for mark in every if mark not in there))


def reason(refused: Answer) -> str:
    """Return why something was refused, without the place; where the client is told little, what the engine said."""
    told = re.sub(r"^line \d+:\d+: ", "", refused.message)
    return f"{told} ({refused.detail.splitlines()[0]})" if refused.detail and refused.planned else told


async def judge(steps: Sequence[Step], sides: Sides, hidden: Canaries) -> Outcome:
    """Run the steps on both sides until one fails, and compare what the caller saw."""
    asked = " ".join(f"{step.sql} {step.prepared}" for step in steps)
    for number, step in enumerate(steps):
        governed = await sides.governed(step)
        seen = hidden.seen_in(governed, asked)
        refused = governed.error in NOT_UNDERSTOOD
        copy = await sides.copy(step) if step.compared and not refused else Answer()
        if governed.error is None:
            seen -= hidden.seen_in(copy, asked)  # what can be computed of the copy tells of nothing hidden
        if seen:
            return Outcome(Escape(f"canary {min(seen)}", step, governed, copy))
        if not step.compared:
            continue
        if refused:
            return Outcome(refusal=reason(governed))
        if copy.error in NOT_UNDERSTOOD:
            return Outcome(refusal=f"on the copy: {reason(copy)}")
        what = difference(governed, copy, ordered=step.ordered)
        for as_many in (False, True) if what.startswith("error:") else ():
            if await _tells_nothing(steps[: number + 1], sides, governed, as_many=as_many):
                told = "by how many rows there are" if as_many else "by the order of its plan"
                return Outcome(refusal=f"{told}: {what}")
        if what:
            return Outcome(Escape(what, step, governed, copy))
        if governed.error is not None:
            return Outcome(error=governed.error)
    return Outcome()


async def _tells_nothing(steps: Sequence[Step], sides: Sides, governed: Answer, *, as_many: bool) -> bool:
    """Tell whether statements are answered the same whatever the policy hides.

    Which of a query's expressions are computed of which rows depends on its plan, and a query has another plan behind
    filters and masks than over a copy: one may fail where the other does not, and nothing follows from it of what is
    hidden, if it fails there whatever that is. An engine also plans by the number of rows: which side of a join is
    read first hangs on it, and so whether it fails. That number can be guessed then, as by the time a query takes.
    """
    other = await sides.elsewhere(steps, as_many=as_many)
    return other is not None and not difference(governed, other, ordered=steps[-1].ordered)
