"""The types of the parameters of a query or a change that no Trino can be asked about."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.parameters import count_parameters
from catalog.names import fold_trino
from catalog.objects import Table
from catalog.types import display_text
from gateway.planning.context import Planning
from gateway.planning.expected_types import expected_type, open_parameters
from gateway.planning.query import read
from gateway.planning.writing import writable_table
from policies.decisions import Action

UNTOLD = "unknown"


async def input_types(body: st.Statement, count: int, planning: Planning) -> list[str]:
    """Return the types expected of a statement's `count` parameters, as Trino writes them. Raises Refusal.

    An INSERT expects of its query what that does alone, as on Trino; of a MERGE nothing is told.
    """
    match body:
        case st.Query():
            return await _of_query(body.tree.copy(), planning)
        case st.Insert():
            await writable_table(body.table, planning, Action.INSERT)
            return await _of_query(body.query.tree.copy(), planning)
        case st.Delete():
            table = await writable_table(body.table, planning, Action.DELETE)
            return await _of_query(_over(table, [], body.where), planning, table)
        case st.Update():
            table = await writable_table(body.table, planning, Action.UPDATE)
            values = [value for _, value in body.assignments]
            types = await _of_query(_over(table, values, body.where), planning, table)
            return _assigned(body, table, types)
    return [UNTOLD] * count


async def _of_query(tree: exp.Expr, planning: Planning, target: Table | None = None) -> list[str]:
    opened, places = open_parameters(tree)
    await read(opened, planning, target=target, parameters=True)
    return [display_text(expected_type(place)) for place in places]


def _over(table: Table, values: list[exp.Expr], where: exp.Expr | None) -> exp.Select:
    """Return a query with the expressions of a change, in the order of its text, over the rows that it changes."""
    catalog, schema, name = (exp.to_identifier(part, quoted=True) for part in table.name)
    selected = [value.copy() for value in values] or [exp.true()]
    query = exp.Select(expressions=selected).from_(exp.Table(this=name, db=schema, catalog=catalog), copy=False)
    return query.where(where.copy(), copy=False) if where is not None else query


def _assigned(body: st.Update, table: Table, types: list[str]) -> list[str]:
    """Return the types, with the column's for a parameter that is all of its new value."""
    found, at = list(types), 0
    for name, value in body.assignments:
        column = table.by_name.get(fold_trino(name))
        if isinstance(value.unnest(), exp.Placeholder) and column is not None:
            found[at] = display_text(column.type)
        at += count_parameters(value)
    return found
