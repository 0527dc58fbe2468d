"""Read a caller's own query as the planner does: every name resolved and typed, over what he may see and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.parse import parse_statement
from catalog.errors import Refusal
from catalog.objects import Table, TableName
from gateway.coaching.model import Sight
from gateway.metadata.layouts import is_system
from gateway.models import Plan
from gateway.pipeline import Pipeline
from gateway.planning import prepared
from gateway.planning.context import Planning
from gateway.planning.session_values import bind_session_values
from gateway.received import Received
from policies.decisions import Action, TableDecision
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve

LONG_TEXT = 16_384
"""Characters above which a statement is not read again by the coach: it takes longer than its advice is worth."""


@dataclass(frozen=True, slots=True)
class Own:
    """A caller's query: `tree` has `meta["table"]` at its leaves and `meta["resolved"]` at its columns."""

    tree: exp.Expr
    """Never changed: who makes another query of it, copies it."""
    tables: Mapping[TableName, Table]
    """With the columns that the caller may see."""
    open_columns: Mapping[TableName, frozenset[str]]
    """Unmasked columns of tables whose every row the caller sees: what statistics say of these, he may know."""
    time_zone: str


async def read_own(received: Received, pipeline: Pipeline) -> Own | None:
    """Read a statement that is a query; None for others, and for what cannot be read (the planner has said why)."""
    if len(received.sql) > LONG_TEXT:
        return None
    planning = pipeline.planning(received)
    try:
        statement = prepared.unwrap(parse_statement(received.sql, planning.limits), planning)
        if isinstance(statement, st.Explain):
            statement = statement.statement
        if not isinstance(statement, st.Query):
            return None
        return await _read(statement.tree, planning)
    except (Refusal, RecursionError):
        return None


async def _read(tree: exp.Expr, planning: Planning) -> Own | None:
    session = planning.received.session
    resolved = resolve(bind_session_values(tree, planning.received), session.catalog, session.schema)
    tables: dict[TableName, Table] = {}
    opened: dict[TableName, frozenset[str]] = {}
    for name in resolved.reads:
        table = await planning.table(name)
        decision = planning.decide(Action.SELECT, table) if table is not None else None
        if table is None or decision is None or not decision.allowed:
            return None
        columns = frozenset(decision.columns)
        tables[name] = replace(table, columns=tuple(each for each in table.columns if each.name in columns))
        opened[name] = _open_columns(decision)
    context = AnalysisContext(
        session.catalog,
        session.schema,
        tables,
        strict=False,
        user=planning.received.principal.user,
        time_zone=session.time_zone,
    )
    await asyncio.to_thread(analyze, resolved.tree, context)
    return Own(resolved.tree, tables, opened, session.time_zone)


def _open_columns(decision: TableDecision) -> frozenset[str]:
    if decision.row_filter is not None or decision.min_group:
        return frozenset()
    return frozenset(decision.columns) - frozenset(decision.masks)


def sight_of(plan: Plan, planning: Planning) -> Sight:
    """Return what the caller may know of the tables that a plan was made from."""
    found: dict[TableName, frozenset[str]] = {}
    for name, table in plan.depends_on:
        if table is None or is_system(name):
            continue
        decision = planning.decide(Action.SELECT, table)
        if decision.allowed:
            found[name] = frozenset(decision.columns)
    return found
