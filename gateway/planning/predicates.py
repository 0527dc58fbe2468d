"""Govern the expressions of DELETE and UPDATE: the target's columns are in scope, subqueries get their barriers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table
from gateway.planning.context import Planning
from gateway.planning.query import Reading, read


@dataclass(frozen=True, slots=True)
class GovernedExpressions:
    """The expressions in Trino's dialect and in the engine's, and the reading they were part of."""

    trino: tuple[str, ...]
    native: tuple[str, ...]
    reading: Reading | None


async def govern_expressions(
    table: Table, expressions: Sequence[exp.Expr], planning: Planning, *, conditions: int
) -> GovernedExpressions:
    """Govern expressions over one table's columns by way of a query that selects them from it.

    That query passes the whole pipeline: names, types and subqueries are checked as in any SELECT, so UPDATE and
    DELETE cannot name or read what a SELECT could not. The first `conditions` expressions must be boolean.
    """
    if not expressions:
        return GovernedExpressions((), (), None)
    source = exp.Table(**{key: exp.to_identifier(part, quoted=True) for key, part in _parts(table).items()})
    query = exp.Select(expressions=[e.copy() for e in expressions]).from_(source, copy=False)
    reading = await read(query, planning, target=table)
    for column in (reading.columns or ())[:conditions]:
        if column.type.base not in ("boolean", "unknown"):
            raise Refusal(
                ErrorCode.TYPE_MISMATCH, f"WHERE clause must evaluate to a boolean: actual type {column.type.base}"
            )
    return GovernedExpressions(
        _projections(parse_query(reading.governed_sql)), _native_projections(reading, planning), reading
    )


def _parts(table: Table) -> dict[str, str]:
    return {"this": table.name.table, "db": table.name.schema, "catalog": table.name.catalog}


def _projections(tree: exp.Expr) -> tuple[str, ...]:
    """Return the select list of the governed text: its subqueries carry their barriers."""
    return tuple(generate(item.unalias()) for item in tree.selects)


def _native_projections(reading: Reading, planning: Planning) -> tuple[str, ...]:
    import sqlglot

    if planning.engines.kinds[reading.engine] == "trino":
        return _projections(parse_query(reading.sql))
    tree = sqlglot.parse_one(reading.sql, dialect="duckdb")
    return tuple(item.unalias().sql(dialect="duckdb") for item in tree.selects)
