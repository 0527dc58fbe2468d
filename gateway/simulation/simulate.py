"""Simulate: plan a statement as anybody, under any policies, and say why it became what it became.

Nothing is run, changed or recorded as a statement: it is the very planning that a statement gets, and stops there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from catalog.cache import CatalogCache
from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import Table, TableName
from gateway.models import NotPlanned, Plan, Planned
from gateway.partners.admission import ended
from gateway.pipeline import Pipeline
from gateway.received import Received
from gateway.simulation.missing import Missing, smallest_missing
from gateway.simulation.policy_sets import Asked, at_moment, noting
from gateway.simulation.question import Question, received
from gateway.simulation.reasons import Because, bars_of, reasons_of
from gateway.usage_tables.sight import decide
from gateway.vault.revealing import openable
from policies.account import secretless
from policies.decisions import Action, TableDecision
from policies.index import PolicySet


class Grounds(Protocol):
    """What a simulation stands on: a gateway's rooms, or what a command made of its configuration."""

    @property
    def pipeline(self) -> Pipeline:
        """Return the pipeline whose catalog, engines and limits count."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """How a statement meets a table that it reads."""

    table: Table
    decision: TableDecision
    read: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would become of a statement. It quotes policies: for stewards, and owners of all `touched` tables."""

    decision: Literal["allow", "refuse"]
    reasons: tuple[Because, ...]
    policy_version: str
    sql: str | None = None
    """The governed text in Trino's SQL, without keys of masks; None where refused, or answered by the gateway."""
    plan: Plan | None = None
    seen: tuple[Seen, ...] = ()
    """How an allowed statement meets each table and view that it reads."""
    received: Received | None = None
    """The statement as it would come through the door."""
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
    """Plan a statement as somebody, and look for the least that a refused one lacks. What is refused is an answer."""
    found = await plan_as(grounds, question, policies)
    if found.refusal is None or found.refusal.code in _ELSEWHERE:
        return found
    known = at_moment(policies, question.at)
    missing = await smallest_missing(grounds.pipeline, question, known)
    reasons = dict.fromkeys((*found.reasons, *bars_of(known, missing.asked)))
    return replace(
        found,
        reasons=tuple(reasons),
        touched=found.touched | missing.touched,
        missing=missing if missing.proposals else None,
    )


async def plan_as(grounds: Grounds, question: Question, policies: PolicySet) -> Simulated:
    """Plan a statement as somebody under these policies."""
    known = at_moment(policies, question.at)
    watched = noting(known)
    asked = received(question, known)
    planned = await grounds.pipeline.under(watched).plan(asked)
    touched = looked_up(watched.asked, planned)
    if isinstance(planned, NotPlanned):
        refusal = planned.refusal
        reasons = (Because("refusal", "refuses", refusal.text), *bars_of(known, watched.asked))
        return Simulated("refuse", reasons, known.version, refusal=refusal, stage=planned.stage, touched=touched)
    plan = planned.plan
    kept = _turned_away(question, known) or await _kept_back(grounds.pipeline.catalog, plan, asked, known)
    if kept is not None:
        return Simulated(
            "refuse", (Because("refusal", "refuses", kept.text),), known.version, refusal=kept, touched=touched
        )
    return Simulated(
        "allow",
        reasons_of(known, watched.asked, plan),
        known.version,
        sql=secretless(plan.governed_sql) if plan.governed_sql is not None else None,
        plan=plan,
        seen=_seen(known, watched.asked, plan),
        received=asked,
        touched=touched,
    )


def _turned_away(question: Question, policies: PolicySet) -> Refusal | None:
    """Return the refusal of a partner who is not served at all, whatever he asks."""
    partner = policies.partners.partners.get(question.user)
    return ended(f"The partner {question.user} is suspended") if partner is not None and partner.suspended else None


async def _kept_back(catalog: CatalogCache, plan: Plan, asked: Received, policies: PolicySet) -> Refusal | None:
    """Return the refusal of what is decided only when it is carried out: to turn a token back."""
    if plan.reveal is None:
        return None
    name = plan.reveal.table
    table = await catalog.fetch(name) if name.catalog in catalog.catalogs else None
    try:
        openable(plan.reveal, asked.subject, table, policies)
    except Refusal as refusal:
        return refusal
    return None


def _seen(policies: PolicySet, asked: Asked, plan: Plan) -> tuple[Seen, ...]:
    read = {access.name: access.columns for access in plan.tables if access.action == Action.SELECT.value}
    return tuple(
        Seen(table, decision, read.get(name, ()))
        for (subject, action, name), table in asked.tables.items()
        if action is Action.SELECT and (decision := decide(policies, subject, action, table)).allowed
    )


_ELSEWHERE = frozenset({ErrorCode.SYNTAX_ERROR, ErrorCode.GENERIC_INTERNAL_ERROR, ErrorCode.SERVER_STARTING_UP})
"""Refusals that no policy has to do with."""


def looked_up(asked: Asked, planned: Planned | NotPlanned) -> frozenset[TableName]:
    """Return every table that a planning looked at."""
    plan = planned.plan if isinstance(planned, Planned) else None
    depends_on = plan.depends_on if plan is not None else planned.depends_on if isinstance(planned, NotPlanned) else ()
    names = {name for name, _ in depends_on} | {name for _, _, name in asked.tables} | {n for _, n in asked.managed}
    return frozenset(names | {access.name for access in (plan.tables if plan is not None else ())})
