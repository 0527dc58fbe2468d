"""A simulation as JSON: what the admin API answers, and the command line prints."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from catalog.types import type_text
from gateway.models import Plan
from gateway.planning.explain import describe_plan
from gateway.rewriting.telling import for_stewards
from gateway.simulation.missing import Missing
from gateway.simulation.proposals import Proposal
from gateway.simulation.reasons import Because, Effect, ReasonKind
from gateway.simulation.simulate import Simulated
from policies.account import secretless


class ReasonBody(BaseModel):
    """Why the statement became what it is: one for every change."""

    kind: ReasonKind
    effect: Effect
    text: str
    rule: str | None = Field(None, description="The rule's id.")
    table: str | None = None
    columns: list[str] = Field(default_factory=list, description="Empty where it is about the whole table.")
    sql: str | None = Field(None, description="The part of the governed text that it is about.")


class MissingItem(BaseModel):
    """One thing to add, or one rule that stands in the way."""

    kind: str = Field(description="The section that it is for, or `in_the_way`.")
    text: str
    action: str | None = None
    table: str | None = None
    columns: list[str] = Field(default_factory=list)
    rule: str | None = Field(None, description="The rule that stands in the way.")
    entry: dict[str, Any] = Field(default_factory=dict, description="What to put into the section.")


class MissingBody(BaseModel):
    """The least that has to change for the statement to be allowed."""

    items: list[MissingItem]
    yaml: str = Field(description="All that is to be added, as a policy file says it; empty where nothing is.")
    verified: bool = Field(description="The policies were compiled with these changes, and the statement was planned.")


class Output(BaseModel):
    """A column of the result."""

    name: str
    type: str


class Touched(BaseModel):
    """A table that the statement reads or writes, with the columns that it reads."""

    table: str
    action: str
    columns: list[str]


class Simulation(BaseModel):
    """What would become of a statement."""

    decision: Literal["allow", "refuse"]
    sql: str | None = Field(
        description="The governed statement in Trino's SQL; null where refused, or answered by the gateway itself."
    )
    reasons: list[ReasonBody]
    statement: str | None = Field(None, description="Its kind, such as SELECT; null where refused.")
    engine: str | None = None
    columns: list[Output] = Field(default_factory=list)
    tables: list[Touched] = Field(default_factory=list)
    code: str | None = Field(None, description="The refusal's name.")
    message: str | None = Field(None, description="The refusal as the user would see it.")
    missing: MissingBody | None = None
    policy_version: str


class Explanation(Simulation):
    """A simulation with its plan as data."""

    stage: str | None = Field(None, description="How far a refused statement came.")
    plan: dict[str, Any] | None = None


def simulation(found: Simulated) -> Simulation:
    """Write a simulation for programs."""
    return Simulation(**_parts(found))


def explanation(found: Simulated) -> Explanation:
    """Write a simulation for programs, with its plan."""
    plan = described(found.plan) if found.plan is not None else None
    return Explanation(**_parts(found), stage=found.stage or None, plan=plan)


def _parts(found: Simulated) -> dict[str, Any]:
    plan = found.plan
    return {
        "decision": found.decision,
        "sql": found.sql,
        "reasons": [_reason(each) for each in found.reasons],
        "statement": plan.kind if plan is not None else None,
        "engine": (plan.engine or "gateway") if plan is not None else None,
        "columns": [Output(name=c.name, type=type_text(c.type)) for c in (plan.columns or () if plan else ())],
        "tables": [
            Touched(table=str(a.name), action=a.action, columns=list(a.columns)) for a in (plan.tables if plan else ())
        ],
        "code": found.code or None,
        "message": found.message or None,
        "missing": _missing(found.missing) if found.missing is not None else None,
        "policy_version": found.policy_version,
    }


def _reason(each: Because) -> ReasonBody:
    return ReasonBody(
        kind=each.kind,
        effect=each.effect,
        text=each.text,
        rule=each.rule or None,
        table=each.table or None,
        columns=list(each.columns),
        sql=each.sql or None,
    )


def _missing(found: Missing) -> MissingBody:
    return MissingBody(items=[_item(each) for each in found.proposals], yaml=found.yaml, verified=found.verified)


def _item(each: Proposal) -> MissingItem:
    return MissingItem(
        kind=each.section or "in_the_way",
        text=each.text,
        action=each.action or None,
        table=each.table or None,
        columns=list(each.columns),
        rule=each.rule or None,
        entry=dict(each.entry),
    )


def described(plan: Plan) -> dict[str, Any]:
    """Return a plan as data without the keys of its masks: an engine's own text is left out where it may hold some."""
    found = describe_plan(plan)
    governed = str(found["governed_sql"] or "")
    if secretless(governed) != governed:
        found["governed_sql"], found["engine_sql"] = secretless(governed), None
        if plan.rewritten is not None:
            scans = [f"{view}: {secretless(sql)}" for view, sql in plan.rewritten.scans]
            found["views"] = {**for_stewards(plan), "engine_sql": None, "scans": scans}
    return found
