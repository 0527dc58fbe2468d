"""Who sees what of usage: a caller his own rows, and whoever was granted more by policies what these leave him."""

from __future__ import annotations

from typing import Protocol

from sqlglot import exp

from catalog.objects import Table
from gateway.usage_tables.layouts import is_usage
from policies.decisions import UNGRANTED, Action, PolicyRef, Subject, TableDecision

USER = "user"
"""The column that says whose a row is."""
_READING = frozenset({Action.SELECT, Action.EXPLAIN})
_OWN = PolicyRef("own-usage", "row_filter")


class Decider(Protocol):
    """The part of a policy set that decides."""

    def decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        """Decide one action on one table."""
        ...


def decide(policies: Decider, subject: Subject, action: Action, table: Table) -> TableDecision:
    """Decide as planning does: by policies, and for tables of usage by whose rows they hold, too."""
    if is_usage(table.name):
        return decide_usage(policies, subject, action, table)
    return policies.decide(subject, action, table)


def is_own(decision: TableDecision) -> bool:
    """Tell whether a decision shows a caller his own usage, and rests on no policy."""
    return decision.allowed and decision.policies == (_OWN,)


def decide_usage(policies: Decider, subject: Subject, action: Action, table: Table) -> TableDecision:
    """Decide as policies do; where they say nothing of a table of usage, a caller may read the rows that are his.

    What a rule denies stays denied, also to who chose roles for which it does not stand.
    """
    decision = policies.decide(subject, action, table)
    if decision.allowed or action not in _READING:
        return decision
    sides = [policies.decide(side, action, table) for side in subject.sides]
    if not all(side.allowed or side.reason in UNGRANTED for side in sides):
        return decision
    columns = tuple(column.name for column in table.columns)
    return TableDecision(table.name, action, True, columns, own_rows(subject.user), policies=(_OWN,))


def own_rows(user: str) -> exp.Expr:
    """Return the row filter by which somebody sees what is his."""
    name = exp.Cast(this=exp.Literal.string(user), to=exp.DataType.build("varchar", dialect="trino"))
    return exp.EQ(this=exp.Column(this=exp.to_identifier(USER, quoted=True)), expression=name)
