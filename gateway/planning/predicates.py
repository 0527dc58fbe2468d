"""Govern the expressions of DELETE and UPDATE: the target's columns are in scope, subqueries get their barriers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, Table
from gateway.planning.context import Planning
from gateway.planning.query import Reading, read


@dataclass(frozen=True, slots=True)
class GovernedExpressions:
    """The expressions in Trino's dialect and in the engine's, and the reading they were part of."""

    trino: tuple[str, ...]
    native: tuple[str, ...]
    reading: Reading | None


async def govern_expressions(
    table: Table, expressions: Sequence[exp.Expr], planning: Planning, *, assigned: Sequence[Column] = ()
) -> GovernedExpressions:
    """Govern expressions over one table's columns by way of a query that selects them from it.

    That query passes the whole pipeline: names, types and subqueries are checked as in any SELECT, so UPDATE and
    DELETE cannot name or read what a SELECT could not. The last `len(assigned)` expressions are values for those
    columns; the others are conditions and must be boolean.
    """
    if not expressions:
        return GovernedExpressions((), (), None)
    source = exp.Table(**{key: exp.to_identifier(part, quoted=True) for key, part in _parts(table).items()})
    query = exp.Select(expressions=[e.copy() for e in expressions]).from_(source, copy=False)
    reading = await read(query, planning, target=table)
    conditions = len(expressions) - len(assigned)
    for column in (reading.columns or ())[:conditions]:
        if column.type.base not in ("boolean", "unknown"):
            raise Refusal(
                ErrorCode.TYPE_MISMATCH, f"WHERE clause must evaluate to a boolean: actual type {column.type.base}"
            )
    trino = tuple(generate(item) for item in _selected(parse_query(reading.governed_sql)))
    if reading.typed is None:
        return GovernedExpressions(trino, trino, reading)
    return GovernedExpressions(trino, _native(reading.typed, table, assigned, planning), reading)


def _parts(table: Table) -> dict[str, str]:
    return {"this": table.name.table, "db": table.name.schema, "catalog": table.name.catalog}


def _selected(tree: exp.Expr) -> list[exp.Expr]:
    """Return the select list of the governed query: its subqueries carry their barriers."""
    return [item.this if isinstance(item, exp.Alias) else item for item in tree.args["expressions"]]


def _native(typed: exp.Expr, table: Table, assigned: Sequence[Column], planning: Planning) -> tuple[str, ...]:
    """Write conditions and values in the lake's words, over the target's rows."""
    from rewrite_rules.translate_duckdb import translate_change, translate_expression

    zone = planning.received.session.time_zone
    items = _selected(typed)
    conditions = items[: len(items) - len(assigned)]
    values = zip(items[len(conditions) :], assigned, strict=True)
    return (
        *(translate_change(item, table.name, table.name.table, zone) for item in conditions),
        *(translate_expression(item, column.type, table.name, table.name.table, zone) for item, column in values),
    )
