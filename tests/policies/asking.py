"""Policies written in a test, and callers with any attributes and groups at any moment."""

from __future__ import annotations

from datetime import datetime

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression
from catalog.objects import Table
from catalog.types import BIGINT, VARCHAR, timestamp
from policies.clock import Clock
from policies.compile import compile_policies
from policies.decisions import Action, Subject, TableDecision
from policies.faults import Fault, PolicyError
from policies.index import PolicySet
from policies.reload import read_document
from rewrite_rules.analysis import analyze_expression
from tests.policies.sales import table

T = table(
    "c.s.t", ("id", BIGINT), ("desk", VARCHAR), ("mail", VARCHAR), ("ts", timestamp(6, zone=True)), ("at", timestamp(3))
)
HEAD = """
version: 1
roles: {reader: , boss: {inherits: [reader]}, other: , partner: }
groups: {risk: , audit: }
"""
READ = "grants: [{id: g, roles: [reader, other, partner], assets: c.s.t, allow: [read]}]\n"


class Hands:
    """A clock that a test sets."""

    def __init__(self, text: str = "2027-01-01T12:00:00+00:00") -> None:
        self.now = 0.0
        self.set(text)

    def __call__(self) -> float:
        return self.now

    def set(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).timestamp()


def load(text: str, hands: Hands | None = None) -> PolicySet:
    """Compile a policy written under the usual roles. Raises PolicyError."""
    faults: list[Fault] = []
    source = read_document(HEAD + text, "policies.yaml", faults)
    if source is None:
        raise PolicyError(faults)
    return compile_policies(
        [source],
        parse_expression,
        version="1",
        secrets=lambda name: None,
        type_of=analyze_expression,
        clock=Clock(hands or Hands()),
    )


def caller(*roles: str, user: str = "u", groups: tuple[str, ...] = (), **attributes: str) -> Subject:
    """Return a caller."""
    return Subject(user, frozenset(roles), tuple(sorted(attributes.items())), groups=frozenset(groups))


def reading(policies: PolicySet, who: Subject, target: Table = T) -> TableDecision:
    """Decide SELECT on a table."""
    return policies.decide(who, Action.SELECT, target)


def shown(policies: PolicySet, who: Subject, column: str = "mail", target: Table = T) -> str:
    """Return what a caller sees in a column: `raw`, the mask's text, or nothing."""
    decision = reading(policies, who, target)
    if not decision.allowed or column not in decision.columns:
        return ""
    return generate(decision.masks[column]) if column in decision.masks else "raw"


def condition(policies: PolicySet, who: Subject) -> str | None:
    """Return the text of a caller's row filter: empty for all rows, None for a refusal."""
    decision = reading(policies, who)
    if not decision.allowed:
        return None
    return generate(decision.row_filter) if decision.row_filter is not None else ""
