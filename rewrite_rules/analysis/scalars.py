"""Clauses that hold one value for each row, and nothing that is computed over several."""

from __future__ import annotations

from sqlglot import exp

from catalog.errors import ErrorCode
from rewrite_rules.analysis.env import Env
from rewrite_rules.analysis.failures import place_of, refuse
from rewrite_rules.analysis.shown import text_of


def no_aggregates(env: Env, node: exp.Expr, clause: str) -> None:
    """Raise Refusal EXPRESSION_NOT_SCALAR if aggregates, window functions or GROUPING were met."""
    found = [*env.clause.aggregates, *env.clause.windows, *env.clause.groupings]
    if found:
        shown = ", ".join(text_of(item) for item in found)
        raise refuse(
            ErrorCode.EXPRESSION_NOT_SCALAR,
            f"{clause} clause cannot contain aggregations, window functions or grouping operations: [{shown}]",
            at=place_of(node, env.walk.context.sql),
        )
