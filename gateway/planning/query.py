"""Plan what reads: resolve, expand, authorize, analyze, govern, translate, verify. Writes use it for their sources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlglot import exp

from catalog.dialect.fixpoint import write_and_read
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from engines.base import OutputColumn
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Plan, Reason, TableAccess
from gateway.planning.context import Planning
from gateway.planning.exposures import exposures
from gateway.planning.finding import authorize, expand, find_tables
from gateway.planning.notices import notices
from gateway.planning.outlining import outlined
from gateway.planning.past import look_back
from gateway.planning.pinning import pin_tables
from gateway.planning.route import choose_engine, translate_for
from gateway.planning.session_values import bind_session_values
from gateway.planning.spent_trees import let_go
from gateway.planning.substituting import NONE as NOT_ASKED
from gateway.planning.substituting import Substitution, allows, question_of, substituted, with_views
from gateway.planning.travel import travel
from policies.decisions import Action, PolicyRef, TableDecision
from rewrite_rules.analysis import Analysis, AnalysisContext, analyze
from rewrite_rules.early_failures import may_fail_early
from rewrite_rules.govern import govern
from rewrite_rules.group_size import require_groups
from rewrite_rules.outline.nodes import Outline
from rewrite_rules.resolve import Resolved, resolve
from rewrite_rules.settle_constants import hold_back_constants, settle_conditions
from rewrite_rules.verify import verify

T = TypeVar("T")
LONG_TEXT = 16_384
"""Characters of a statement above which its passes leave the event loop."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A governed query, ready for one engine: what SELECT runs and what CTAS and INSERT read from."""

    engine: str
    sql: str
    """In the engine's dialect."""
    governed_sql: str
    """In Trino's dialect."""
    columns: tuple[OutputColumn, ...] | None
    accesses: tuple[TableAccess, ...]
    tables: tuple[Table, ...]
    policies: tuple[PolicyRef, ...]
    reasons: tuple[Reason, ...]
    policed: bool
    volatile: bool
    exportable: bool = True
    """False where licence terms forbid to copy what is read."""
    typed: exp.Expr | None = None
    """The governed tree with its types, where an engine other than Trino runs it."""
    lineage: tuple[frozenset[tuple[TableName, str]], ...] = ()
    """For each column of what a write reads: the table columns from which its values may come."""
    outline: Outline | None = None
    substitution: Substitution = NOT_ASKED


async def plan_query(tree: exp.Expr, planning: Planning, *, kind: str = "SELECT") -> Plan:
    """Plan a query, over its tables and, where that gives the same result, from materialized views. Raises Refusal."""
    reading = await read(tree, planning, views=True)
    plan = Plan(
        kind=kind,
        route="engine",
        engine=reading.engine,
        sql=reading.sql,
        governed_sql=reading.governed_sql,
        columns=reading.columns,
        tables=reading.accesses,
        engine_tables=reading.tables,
        policies=reading.policies,
        reasons=reading.reasons,
        warnings=notices(reading.accesses, reading.tables, planning.engines.kinds),
        policed=reading.policed,
        exportable=reading.exportable,
        outline=reading.outline,
    )
    return with_views(plan, reading.substitution, planning)


async def read(
    tree: exp.Expr,
    planning: Planning,
    *,
    target: Table | None = None,
    parameters: bool = False,
    views: bool = False,
) -> Reading:
    """Govern a query tree (which is consumed). `target` is a table that the same statement writes to.

    `parameters` says that the text still holds unbound parameters, so that types may be open; `views` that it may be
    answered from materialized views.
    """
    planning.stages.enter("resolve")
    functions: list[exp.Expr] = tree.args.pop("functions", None) or []
    for function in functions:
        bind_session_values(function, planning.received)
    resolved = await unhurried(planning, lambda: _resolved(tree, planning))
    tables = await find_tables(resolved, planning)
    planning.stages.enter("expand")
    resolved, tables = await expand(resolved, tables, planning)
    travel(resolved, tables, planning)
    views = views and not functions
    if views and planning.views.over(tables) and allows(planning):
        await pin_tables(tables, planning)
        await look_back(resolved, tables, planning)
        # Matching and proving take tens of milliseconds, once a plan; the loop is others', too.
        return await asyncio.to_thread(_govern, resolved, tables, planning, target, parameters, functions, views)
    return await unhurried(planning, lambda: _govern(resolved, tables, planning, target, parameters, functions, views))


async def unhurried(planning: Planning, work: Callable[[], T]) -> T:
    """Do a part of planning; in a thread where the text is so long that others would wait for it."""
    received = planning.received
    length = len(received.sql) + sum(map(len, received.session.prepared.values()))
    return await asyncio.to_thread(work) if length > LONG_TEXT else work()


def _resolved(tree: exp.Expr, planning: Planning) -> Resolved:
    session = planning.received.session
    return resolve(bind_session_values(tree, planning.received), session.catalog, session.schema)


def _govern(
    resolved: Resolved,
    tables: Mapping[TableName, Table],
    planning: Planning,
    target: Table | None,
    parameters: bool,
    functions: list[exp.Expr],
    views: bool,
) -> Reading:
    """Take a query whose tables are all known to what an engine may run; `functions` are to stand before it."""
    session, stages = planning.received.session, planning.stages
    stages.enter("authorize")
    decisions = authorize(resolved, tables, planning)
    if target is not None:
        _check_export(decisions, target)
    engine = choose_engine([*tables.values(), *([target] if target else [])], planning)
    strict = planning.engines.kinds[engine] != "trino" and not parameters
    stages.enter("analyze")
    context = _analysis_context(planning, tables, decisions, strict=strict)
    if functions or target is not None:
        context = replace(context, functions=functions, lineage=target is not None)
    analysis = analyze(resolved.tree, context)
    stages.enter("govern")
    require_groups(resolved.tree, decisions, tables, functions=functions)
    kind = planning.engines.kinds[engine]
    asked = question_of(resolved, decisions, tables, planning, context) if views else None
    # ClickHouse is governed once more, see `_typed`, and keeps conditions that can fail behind a filter.
    filters = [each for each in decisions.values() if each.row_filter is not None and kind != "clickhouse"]
    guards = {each.guard for each in filters}
    guarded = bool(guards - {"never"}) and (
        may_fail_early(resolved.tree, settle_conditions(resolved.tree)) or "always" in guards
    )
    if guarded and kind == "trino":
        hold_back_constants(resolved.tree)
    governed = govern(resolved.tree, decisions, tables, keep=kind == "clickhouse", guarded=guarded)
    if functions:
        governed.tree.set("functions", functions)
    governed_sql, again = write_and_read(governed.tree)
    stages.enter("verify")
    verify(again, decisions, tables, guarded=guarded)
    stages.enter("translate")
    sql, typed = governed_sql, None
    if kind != "trino":
        typed = _typed(resolved, governed.tree, decisions, tables, planning, engine, strict=strict)
        sql = translate_for(kind, typed, tables, session.time_zone) if strict else ""
    outline = outlined(governed.tree, tables, planning, engine)
    stages.enter("match")
    found = substituted(asked, planning, engine, guarded=guarded) if asked is not None else NOT_ASKED
    let_go(again, *([governed.tree] if typed is None else []))
    return Reading(
        engine,
        sql,
        governed_sql,
        _output(analysis),
        _accesses(tables, analysis, decisions, planning),
        tuple(tables.values()),
        tuple(dict.fromkeys(ref for decision in decisions.values() for ref in decision.policies)),
        tuple(Reason(reason.rule, reason.text) for reason in governed.reasons),
        any(decision.policed for decision in decisions.values()),
        analysis.volatile,
        all(decision.exportable for decision in decisions.values()),
        typed,
        analysis.lineage,
        outline,
        found,
    )


def _check_export(decisions: Mapping[TableName, TableDecision], target: Table) -> None:
    """Refuse to write elsewhere what licence terms keep where it is. Raises Refusal PERMISSION_DENIED."""
    for name, decision in decisions.items():
        if not decision.exportable and name != target.name:
            raise Refusal(
                ErrorCode.PERMISSION_DENIED,
                f"Access Denied: Cannot copy from table {name}: its licence terms forbid export.",
                hint="Read it with SELECT, or ask who keeps the policies.",
            )


def _analysis_context(
    planning: Planning,
    tables: Mapping[TableName, Table],
    decisions: Mapping[TableName, TableDecision],
    *,
    strict: bool,
) -> AnalysisContext:
    session = planning.received.session
    return AnalysisContext(
        catalog=session.catalog,
        schema=session.schema,
        tables={name: _granted(tables[name], decision) for name, decision in decisions.items()},
        strict=strict,
        user=planning.received.principal.user,
        time_zone=session.time_zone,
    )


def _granted(table: Table, decision: TableDecision) -> Table:
    """Return the table with its granted columns only: what is withheld does not exist for the analysis."""
    if len(decision.columns) == len(table.columns):
        return table
    granted = set(decision.columns)
    return replace(table, columns=tuple(column for column in table.columns if column.name in granted))


def _typed(
    resolved: Resolved,
    governed: exp.Expr,
    decisions: Mapping[TableName, TableDecision],
    tables: Mapping[TableName, Table],
    planning: Planning,
    engine: str,
    *,
    strict: bool,
) -> exp.Expr:
    """Return the governed tree with the types of all its expressions, over the raw columns; for translation."""
    if planning.engines.kinds[engine] == "clickhouse":
        governed = govern(resolved.tree, decisions, tables, levels=2).tree
        verify(write_and_read(governed)[1], decisions, tables, levels=2)
    session = planning.received.session
    governed = resolve(governed, session.catalog, session.schema).tree  # names the leaves inside the barriers
    analyze(governed, replace(_analysis_context(planning, tables, decisions, strict=strict), tables=tables))
    return governed


def _output(analysis: Analysis) -> tuple[OutputColumn, ...] | None:
    columns = [OutputColumn(c.name, c.type) for c in analysis.columns if c.type is not None]
    return tuple(columns) if len(columns) == len(analysis.columns) else None


def _accesses(
    tables: Mapping[TableName, Table],
    analysis: Analysis,
    decisions: Mapping[TableName, TableDecision],
    planning: Planning,
) -> tuple[TableAccess, ...]:
    found = []
    for name, table in tables.items():
        read, decision = tuple(analysis.columns_read.get(name, ())), decisions.get(name)
        shown = exposures(table, decision, read, planning) if decision is not None else ()
        found.append(TableAccess(name, Action.SELECT.value, read, shown))
    return tuple(found)


def engines_of(tables: Sequence[Table]) -> set[str]:
    """Return the engines that hold the given tables."""
    return {table.engine for table in tables} or {SYSTEM}
