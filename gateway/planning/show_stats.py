"""Plan SHOW STATS: on Trino, of what this caller sees all of."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Refusal
from catalog.names import quoted
from catalog.objects import Table
from gateway.models import Plan, TableAccess
from gateway.planning.context import Planning
from gateway.planning.exposures import exposures
from gateway.planning.query import read
from gateway.planning.shows import all_of, refuse_policed, visible_table
from gateway.planning.writing import restricts
from policies.decisions import Action


async def plan_show_stats(statement: st.ShowStats, planning: Planning) -> Plan:
    """Plan SHOW STATS FOR a table, a view or a query. Raises Refusal."""
    if statement.query is not None:
        return await _of_query(statement.query.tree, planning)
    assert statement.table is not None  # noqa: S101  (for mypy: a query was planned before)
    visible = await visible_table(statement.table, planning, Action.SHOW_STATS)
    table = visible.table
    if table.kind == "view":  # it tells of what it reads, which has policies of its own
        try:
            return await _of_query(all_of(table), planning)
        except Refusal:
            raise _denied(str(table.name)) from None  # why would tell of what it reads
    refuse_policed(visible, planning, "Cannot show statistics of")
    if planning.engines.kinds.get(table.engine) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"SHOW STATS is not supported for catalog '{table.name.catalog}'")
    decision = planning.decide(Action.SELECT, table)  # bounds are values, and they are shown of every column
    shown = exposures(table, decision, [column.name for column in table.columns], planning)
    access = TableAccess(table.name, Action.SHOW_STATS.value, (), shown)
    sql = f"SHOW STATS FOR {quoted(*table.name)}"
    return Plan("SHOW STATS", "engine", table.engine, sql, sql, tables=(access,), engine_tables=(table,))


def _may_ask(table: Table, planning: Planning) -> bool:
    return planning.decide(Action.SHOW_STATS, table).allowed


def _denied(what: str) -> Refusal:
    return Refusal(
        ErrorCode.PERMISSION_DENIED,
        f"Access Denied: Cannot show statistics of {what}: policies restrict what you see of its tables.",
        hint="It takes the right to statistics of every table that is read.",
    )


async def _of_query(tree: exp.Expr, planning: Planning) -> Plan:
    """Plan the statistics of a query: bounds and counts are of raw rows, so no policy may restrict its tables."""
    reading = await read(tree, planning)
    if restricts(reading, planning) or not all(_may_ask(table, planning) for table in reading.tables):
        raise _denied("a query")
    if planning.engines.kinds.get(reading.engine) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, "SHOW STATS FOR a query is supported on Trino clusters only.")
    sql = f"SHOW STATS FOR ({reading.governed_sql})"
    return Plan(
        "SHOW STATS",
        "engine",
        reading.engine,
        sql,
        sql,
        tables=tuple(
            TableAccess(access.name, Action.SHOW_STATS.value, (), access.exposures) for access in reading.accesses
        ),
        engine_tables=reading.tables,
        policies=reading.policies,
    )
