"""Simulate: plan a statement as anybody, under any policies, and say why it became what it became.

Nothing is run, changed or recorded as a statement: it is the very planning that a statement gets, and stops there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import TableName
from gateway.models import NotPlanned, Plan, Planned
from gateway.pipeline import Pipeline
from gateway.simulation.missing import Missing, smallest_missing
from gateway.simulation.policy_sets import Asked, at_moment, noting
from gateway.simulation.question import Question, received
from gateway.simulation.reasons import Because, bars_of, reasons_of
from policies.account import secretless
from policies.index import PolicySet


class Grounds(Protocol):
    """What a simulation stands on: a gateway's rooms, or what a command made of its configuration."""

    @property
    def pipeline(self) -> Pipeline:
        """Return the pipeline whose catalog, engines and limits count."""
        ...


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would become of a statement. It quotes policies: for stewards, and owners of all `touched` tables."""

    decision: Literal["allow", "refuse"]
    reasons: tuple[Because, ...]
    policy_version: str
    sql: str | None = None
    """The governed text in Trino's SQL, without keys of masks; None where refused, or answered by the gateway."""
    plan: Plan | None = None
    refusal: Refusal | None = None
    stage: str = ""
    """How far a refused statement came."""
    touched: frozenset[TableName] = frozenset()
    """Every table and view that was looked up, existing or not, by name or through a view."""
    missing: Missing | None = None
    """What would have to change for a refused statement to be allowed; None where nothing was found that helps."""

    @property
    def code(self) -> str:
        """Return the refusal's name; empty where allowed."""
        return self.refusal.code.name if self.refusal is not None else ""

    @property
    def message(self) -> str:
        """Return the refusal as the user would see it; empty where allowed."""
        return self.refusal.text if self.refusal is not None else ""

    @property
    def location(self) -> Location | None:
        """Return where in the statement it was refused."""
        return self.refusal.location if self.refusal is not None else None


async def simulate(grounds: Grounds, question: Question, policies: PolicySet) -> Simulated:
    """Plan a statement as somebody under these policies. Raises nothing for what is refused: that is an answer."""
    known = at_moment(policies, question.at)
    watched = noting(known)
    planned = await grounds.pipeline.under(watched).plan(received(question, known))
    touched = looked_up(watched.asked, planned)
    if isinstance(planned, NotPlanned):
        return await _refused(grounds, question, known, watched.asked, planned, touched)
    plan = planned.plan
    return Simulated(
        "allow",
        reasons_of(known, watched.asked, plan),
        known.version,
        sql=secretless(plan.governed_sql) if plan.governed_sql is not None else None,
        plan=plan,
        touched=touched,
    )


async def _refused(
    grounds: Grounds,
    question: Question,
    policies: PolicySet,
    asked: Asked,
    planned: NotPlanned,
    touched: frozenset[TableName],
) -> Simulated:
    refusal = planned.refusal
    elsewhere = refusal.code in _ELSEWHERE
    missing = Missing() if elsewhere else await smallest_missing(grounds.pipeline, question, policies)
    return Simulated(
        "refuse",
        (Because("refusal", "refuses", refusal.text), *bars_of(policies, asked)),
        policies.version,
        refusal=refusal,
        stage=planned.stage,
        touched=touched | missing.touched,
        missing=missing if missing.proposals else None,
    )


_ELSEWHERE = frozenset({ErrorCode.SYNTAX_ERROR, ErrorCode.GENERIC_INTERNAL_ERROR, ErrorCode.SERVER_STARTING_UP})
"""Refusals that no policy has to do with."""


def looked_up(asked: Asked, planned: Planned | NotPlanned) -> frozenset[TableName]:
    """Return every table that a planning looked at."""
    plan = planned.plan if isinstance(planned, Planned) else None
    depends_on = plan.depends_on if plan is not None else planned.depends_on if isinstance(planned, NotPlanned) else ()
    names = {name for name, _ in depends_on} | {name for _, _, name in asked.tables} | {n for _, n in asked.managed}
    return frozenset(names | {access.name for access in (plan.tables if plan is not None else ())})
