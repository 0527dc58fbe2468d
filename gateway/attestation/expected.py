"""What an engine may read for a plan: the tables and columns that its governed text names, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.dialect.trees import reread
from catalog.names import quoted
from catalog.objects import Table, TableName
from engines.base import Write
from gateway.models import Plan

_EXPLAIN = re.compile(r"EXPLAIN(?: ANALYZE)?(?: VERBOSE)?(?: \([A-Z, ]+\))? ")
_STATISTICS = "SHOW STATS FOR "
_SILENT = frozenset({"DESCRIBE INPUT", "DESCRIBE OUTPUT"})
"""Kinds of plans whose answers the engine takes from the statement's own names and types."""
_TOLD_IN_FRONT = frozenset({"EXPLAIN", "SHOW STATS"})
_READING_WRITES = frozenset({"create table as", "insert", "delete", "update", "merge"})
WHOLE = frozenset({"*"})
"""Stands for all columns of a table, its hidden ones too: what who changes a table must see anyway."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What was authorised, in the form in which an engine is asked."""

    question: str
    """The query that the engine is asked about, in its own dialect."""
    tables: Mapping[TableName, frozenset[str]]
    """Tables with the columns that the text may read of each, or WHOLE."""
    views: Mapping[TableName, str] = field(default_factory=dict)
    """Materialized views among them, with the text that was known when the plan was made."""
    described: Mapping[TableName, Table] = field(default_factory=dict)
    """The tables as the engine described them then."""


def lasts(plan: Plan) -> bool:
    """Tell whether an engine's word about a plan may stand for its later executions.

    Of a run, the query itself tells later what it reads; of an explanation or of statistics nothing does.
    """
    return plan.kind not in _TOLD_IN_FRONT


def tells(plan: Plan) -> bool:
    """Tell whether a plan has its engine read tables, or tell what reading them would give."""
    if plan.write is not None:
        return plan.write.kind in _READING_WRITES and plan.write.with_data and bool(_sources(plan, plan.write))
    return bool(plan.engine_tables) and plan.kind not in _SILENT


def expected(plan: Plan, kind: str) -> Expected:
    """Return what an engine of a kind may read for a plan of which `tells` is true. Raises Refusal.

    The governed text itself is read again, so that what is held against the engine's word is what was sent.
    """
    if plan.write is not None:
        question, tables = _of_write(plan, plan.write, kind)
    else:
        question, tables = (
            _query_of(plan.question or plan.sql or "", plan),
            _named(reread(_query_of(plan.governed_sql or "", plan))),
        )
    known = {table.name: table for table in _described(plan) if table.name in tables}
    views = {name: table.view.sql for name, table in known.items() if table.kind == "materialized view" and table.view}
    return Expected(question, tables, views, known)


def _query_of(sql: str, plan: Plan) -> str:
    """Return the query that a plan's text is about: EXPLAIN and SHOW STATS tell of what they name, too."""
    if plan.kind == "SHOW STATS":
        about = sql.removeprefix(_STATISTICS)
        return about[1:-1] if about.startswith("(") else f"SELECT * FROM {about}"  # noqa: S608  (our own text)
    prefix = _EXPLAIN.match(sql) if plan.kind == "EXPLAIN" else None
    return sql[prefix.end() :] if prefix else sql


def _named(tree: exp.Expr) -> dict[TableName, frozenset[str]]:
    """Return the tables that a query names in full, each with the columns named in the same SELECT."""
    tables: dict[TableName, frozenset[str]] = {}
    for leaf in tree.find_all(exp.Table):
        if leaf.args.get("catalog") is None or not isinstance(leaf.this, exp.Identifier):
            continue
        name = TableName(leaf.catalog, leaf.db, leaf.name)
        around = leaf.find_ancestor(exp.Select)
        columns = WHOLE
        if around is not None and not any(isinstance(item, exp.Star) for item in around.expressions):
            columns = frozenset(column.name for column in around.find_all(exp.Column))
        tables[name] = tables.get(name, frozenset()) | columns
    return tables


def _of_write(plan: Plan, write: Write, kind: str) -> tuple[str, dict[TableName, frozenset[str]]]:
    """Return the question about a write, and what it may read: its target whole, its sources as the caller sees them.

    The engine is asked about reading only: to plan a write makes the table that it is to fill, on some connectors.
    """
    named = _named(reread(write.query)) if write.query and kind == "trino" else {}
    sources = {name: named.get(name, WHOLE) for name in _sources(plan, write)}
    target = {write.target: WHOLE} if isinstance(write.target, TableName) else {}
    parts = [f"SELECT 1 FROM {_named_by(kind, name)}" for name in sources]  # noqa: S608  (quoted)
    return write.query or " UNION ALL ".join(parts), {**sources, **named, **target}


def _named_by(kind: str, name: TableName) -> str:
    """Name a table as text for an engine does: the lake has one identifier for it."""
    return quoted(str(name)) if kind == "lake" else quoted(*name)


def _sources(plan: Plan, write: Write) -> list[TableName]:
    return [table.name for table in plan.engine_tables if table.kind != "view" and table.name != write.target]


def _described(plan: Plan) -> tuple[Table, ...]:
    return tuple(table for _, table in plan.depends_on if table is not None) + plan.engine_tables
