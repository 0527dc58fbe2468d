"""The second look at least group sizes: over the text as it was parsed again, by other eyes than `group_size`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from catalog.functions import lookup
from catalog.objects import Table, TableName
from rewrite_rules.barrier_texts import Expected, Render

_SAFE = ("count", "sum", "avg")
_SINGLE = (exp.Window, exp.Filter, exp.WithinGroup, exp.GroupConcat, exp.AggFunc, exp.Query)
_STANDS = (exp.Subquery, exp.SetOperation, exp.CTE, exp.With, exp.From, exp.Join)


def size_failure(
    barriers: Sequence[tuple[exp.Expr, TableName]],
    decisions: Mapping[TableName, Expected],
    tables: Mapping[TableName, Table],
    render: Render,
) -> str:
    """Return what is wrong with the groups over tables that may be read in aggregates only; empty if nothing is.

    `barriers` are the subqueries that show such tables.
    """
    by_query: dict[int, tuple[exp.Select, list[tuple[str, TableName]]]] = {}
    for barrier, name in barriers:
        around = barrier.parent
        query = around.parent if isinstance(around, exp.From | exp.Join) else None
        if not isinstance(query, exp.Select):
            return f"{name} outside of a query of its own"
        by_query.setdefault(id(query), (query, []))[1].append((barrier.alias, name))
    for query, shown in by_query.values():
        failure = _shows_rows(query) or _stands_apart(query)
        having = query.args.get("having")
        asked = {render(part) for part in _parts(having.this)} if having is not None else set()
        missing = [text for text in _wanted(query, shown, decisions, tables) if text not in asked]
        if failure or missing:
            return failure or f"groups of {shown[0][1]} without their least size"
    return ""


def _wanted(
    query: exp.Select,
    shown: Sequence[tuple[str, TableName]],
    decisions: Mapping[TableName, Expected],
    tables: Mapping[TableName, Table],
) -> Iterator[str]:
    """Yield the conditions that HAVING must hold."""
    if not query.args.get("joins"):
        ((_, name),) = shown
        yield f"count(*) >= {decisions[name].min_group}"
        return
    listed = {alias: list(_columns(alias, tables[name], decisions[name])) for alias, name in shown}
    together = ", ".join(column for columns in listed.values() for column in columns)
    yield f"count(*) = count(DISTINCT row({together}))"
    for alias, name in shown:
        yield f"count(DISTINCT row({', '.join(listed[alias])})) >= {decisions[name].min_group}"


def _columns(alias: str, table: Table, decision: Expected) -> Iterator[str]:
    for column in table.columns:
        if column.name in decision.columns and _is_flat(column.type.base):
            quoted = column.name.replace('"', '""')
            yield '"{}"."{}"'.format(alias.replace('"', '""'), quoted)


def _is_flat(base: str) -> bool:
    known = ("tinyint", "smallint", "integer", "bigint", "decimal", "double", "real", "boolean", "uuid", "varbinary")
    return base in (*known, "varchar", "char", "date") or base.startswith("time")


def _parts(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _parts(condition.this)
        yield from _parts(condition.expression)
    else:
        yield condition


def _shows_rows(query: exp.Select) -> str:
    """Say which part of a query could show a single row."""
    group = query.args.get("group")
    if group is not None and any(isinstance(e, exp.Rollup | exp.Cube | exp.GroupingSets) for e in group.expressions):
        return "groups that overlap"
    clauses = (query.args.get(key) for key in ("where", "group", "having", "order", "qualify", "windows"))
    for part in (*query.expressions, *(clause for clause in clauses if isinstance(clause, exp.Expr))):
        for node in part.walk():
            if isinstance(node, _SINGLE):
                return f"a {type(node).__name__} over groups"
            function = lookup(node.name) if isinstance(node, exp.Anonymous) else None
            if function is not None and function.kind == "aggregate" and node.name.lower() not in _SAFE:
                return f"the aggregate {node.name.lower()}"
    return ""


def _stands_apart(query: exp.Select) -> str:
    """Say whether a query stands in an expression, where it answers for every row of another."""
    below: exp.Expr = query
    while below.parent is not None:
        above, key = below.parent, below.arg_key
        fits = isinstance(above, _STANDS) and key in ("this", "expression", "expressions")
        if not fits and not (isinstance(above, exp.Select) and key in ("from_", "joins", "with_")):
            return "groups asked for within an expression"
        below = above
    return ""
