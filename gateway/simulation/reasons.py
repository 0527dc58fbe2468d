"""The reasons of a plan: one for every change that policy made to a statement, in words for who keeps the policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.objects import Table, TableName
from gateway.models import Plan, TableAccess
from gateway.simulation.policy_sets import Asked
from gateway.usage_tables.sight import decide, is_own, own_rows
from policies.account import Part, account
from policies.decisions import Action, Subject, TableDecision
from policies.index import PolicySet
from policies.joining import MUST_BE_CLEAR

ReasonKind = Literal[
    "grant",
    "entitlement",
    "deny",
    "licence",
    "row_filter",
    "aggregate_only",
    "column_mask",
    "withheld",
    "guard",
    "view",
    "copied_protection",
    "other",
    "refusal",
]
"""What a reason is about: a rule's kind, or what the gateway does of itself because of one."""
Effect = Literal["allows", "filters", "masks", "withholds", "limits", "rewrites", "refuses"]


@dataclass(frozen=True, slots=True)
class Because:
    """One reason why a statement became what it is; it quotes policies, and is never for users."""

    kind: ReasonKind
    effect: Effect
    text: str
    rule: str = ""
    table: str = ""
    columns: tuple[str, ...] = ()
    sql: str = ""
    """The part of the governed text that it is about."""


def reasons_of(policies: PolicySet, asked: Asked, plan: Plan) -> tuple[Because, ...]:
    """Return why an allowed statement became its plan."""
    accesses = {access.name: access for access in plan.tables if access.action == Action.SELECT.value}
    found: dict[Because, None] = {}
    for (subject, action, name), table in asked.tables.items():
        decision = decide(policies, subject, action, table)
        if decision.allowed:
            found.update(dict.fromkeys(_of_table(policies, subject, action, table, decision, accesses.get(name))))
    found.update(dict.fromkeys(_of_plan(plan, {name: t for (_, _, name), t in asked.tables.items()})))
    return tuple(found)


def bars_of(policies: PolicySet, asked: Asked) -> tuple[Because, ...]:
    """Return what stood in the way of a statement that was refused: of each table that was looked up in vain."""
    found: dict[Because, None] = {}
    for (subject, action, name), table in asked.tables.items():
        if not decide(policies, subject, action, table).allowed:
            clear = action in MUST_BE_CLEAR
            for part in account(policies, subject, action, table):
                if part.effect in ("bars", "lacks") or (clear and part.effect == "restricts"):
                    found[_because(part, name, "refuses")] = None
    return tuple(found)


def _of_table(
    policies: PolicySet,
    subject: Subject,
    action: Action,
    table: Table,
    decision: TableDecision,
    access: TableAccess | None,
) -> Iterator[Because]:
    if is_own(decision):
        yield Because(
            "row_filter", "filters", _OWN_USAGE, table=str(table.name), sql=own_rows(subject.user).sql("trino")
        )
        return
    told: set[str] = set()
    for part in account(policies, subject, action, table):
        if part.kind == "column_mask" and (access is None or not set(part.columns) & set(access.columns)):
            continue
        effect = _EFFECTS.get((part.kind, part.effect))
        if effect is not None:
            told |= set(part.columns) if effect == "withholds" else set()
            yield _because(part, table.name, effect)
    left = [c.name for c in table.columns if c.name not in decision.columns and c.name not in told]
    if left:
        text = f"{', '.join(left)} is withheld by what narrows the caller's rights: his roles together, or a contract."
        yield Because("withheld", "withholds", text, table=str(table.name), columns=tuple(left))


_OWN_USAGE = "Everybody reads what was recorded of his own statements; a grant to read the table would show all rows."
_EFFECTS: Mapping[tuple[str, str], Effect] = {
    ("grant", "allows"): "allows",
    ("grant", "lacks"): "withholds",
    ("entitlement", "allows"): "allows",
    ("entitlement", "bars"): "withholds",
    ("deny", "bars"): "withholds",
    ("licence", "restricts"): "limits",
    ("row_filter", "allows"): "allows",
    ("row_filter", "restricts"): "filters",
    ("aggregate_only", "restricts"): "limits",
    ("column_mask", "allows"): "allows",
    ("column_mask", "restricts"): "masks",
    ("withheld", "lacks"): "withholds",
}


def _because(part: Part, name: TableName, effect: Effect) -> Because:
    kind: ReasonKind = "withheld" if effect == "withholds" else part.kind
    return Because(kind, effect, part.text, part.rule, str(name), part.columns, part.sql)


def _of_plan(plan: Plan, tables: Mapping[TableName, Table]) -> Iterator[Because]:
    """Yield what the gateway did of itself because of policies."""
    for access in plan.tables:
        table = tables.get(access.name)
        if table is not None and table.kind == "view":
            yield Because(
                "view", "rewrites", "The view is written out: policies hold for what it reads.", "", str(access.name)
            )
    for reason in plan.reasons:
        if reason.rule == "guard":
            yield Because("guard", "rewrites", reason.text)
    if plan.policy_edit is not None and plan.route == "engine":
        text = (
            "What is written gets the tags of what it comes from, and masks and row filters where its source has some."
        )
        yield Because("copied_protection", "rewrites", text)
