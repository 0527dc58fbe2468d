"""Clauses that hold one value for each row, and nothing that is computed over several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from catalog.dialect.node_kinds import QUERIES
from catalog.errors import ErrorCode, Location, Refusal
from catalog.functions import registry
from catalog.types import TrinoType
from rewrite_rules.analysis.env import Env
from rewrite_rules.analysis.failures import place_of, refuse
from rewrite_rules.analysis.shown import text_of


def no_aggregates(env: Env, node: exp.Expr, clause: str) -> None:
    """Raise Refusal EXPRESSION_NOT_SCALAR if aggregates, window functions or GROUPING were met."""
    found = [*env.clause.aggregates, *env.clause.windows, *env.clause.groupings]
    if found:
        raise _not_scalar(clause, found, place_of(node, env.walk.context.sql))


def _not_scalar(clause: str, found: Sequence[exp.Expr], at: Location | None) -> Refusal:
    shown = ", ".join(text_of(item) for item in found)
    what = f"{clause} clause cannot contain aggregations, window functions or grouping operations: [{shown}]"
    return refuse(ErrorCode.EXPRESSION_NOT_SCALAR, what, at=at)


def scalar_type(env: Env, node: exp.Expr, clause: str) -> TrinoType | None:
    """Return the type of a clause's expression, which holds neither aggregates, window functions nor GROUPING.

    Like Trino, these are named before any other fault in it. Raises Refusal as `no_aggregates`.
    """
    try:
        kind = env.type_of(node)
    except Refusal as refusal:
        written = [call for call in _outside_queries(node) if _is_over_several(call)]
        if not written:
            raise
        raise _not_scalar(clause, written, place_of(node, env.walk.context.sql)) from refusal
    no_aggregates(env, node, clause)
    return kind


def _is_over_several(node: exp.Expr) -> bool:
    if isinstance(node, exp.Window | exp.GroupConcat):
        return True
    function = registry.lookup(node.name) if isinstance(node, exp.Anonymous) else None
    named_grouping = isinstance(node, exp.Anonymous) and node.name.lower() == "grouping"
    return named_grouping or (function is not None and function.kind in ("aggregate", "window"))


def _outside_queries(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the nodes of an expression, but for those of its subqueries and beneath windows."""
    return node.walk(prune=lambda each: isinstance(each, (*QUERIES, exp.Window)))
