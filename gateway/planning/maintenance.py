"""Plan what tidies whole tables: TRUNCATE, ANALYZE, ALTER TABLE ... EXECUTE. On Trino only."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.dialect.parameters import check_constant
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.properties import analyze_properties, with_clause
from gateway.planning.writing import (
    ROWS,
    changeable,
    trino_only,
    writable_table,
    write_plan,
)
from policies.decisions import Action

_START = Location(1, 1)
_REWRITES = frozenset({"optimize"})
"""Procedures that store a table's rows anew and change nothing else."""
_OTHERS = frozenset(
    {
        *("add_files", "add_files_from_table", "drop_extended_stats", "expire_snapshots", "optimize_manifests"),
        *("remove_orphan_files", "rollback_to_snapshot"),
    }
)
"""What else Trino's lake knows: these forget snapshots or statistics, or touch files."""


async def plan_truncate(statement: st.Truncate, planning: Planning) -> Plan:
    """Plan TRUNCATE TABLE: the right to delete, of rows that the caller sees all of."""
    table = await writable_table(statement.table, planning, Action.DELETE)
    if table.kind != "table":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Cannot truncate a {table.kind}", location=_START)
    trino_only(planning, table, "TRUNCATE TABLE")
    sql = f"TRUNCATE TABLE {quoted(*table.name)}"
    return write_plan(
        "TRUNCATE TABLE", table.engine, sql, Write("truncate", table.name), "TRUNCATE TABLE", invalidates=(table.name,)
    )


async def plan_analyze(statement: st.Analyze, planning: Planning) -> Plan:
    """Plan ANALYZE: it takes the rights to read, to see statistics and to insert, since it stores some."""
    table = await writable_table(statement.table, planning, Action.INSERT)
    written = analyze_properties(statement.properties, statement.table.location)
    changeable(table, planning, Action.SELECT, Action.SHOW_STATS)
    if table.kind != "table":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Analyzing a {table.kind} is not supported", location=_START)
    trino_only(planning, table, "ANALYZE")
    sql = f"ANALYZE {quoted(*table.name)}{with_clause(written)}"
    return write_plan("ANALYZE", table.engine, sql, Write("analyze", table.name), "ANALYZE", columns=ROWS)


async def plan_execute_procedure(statement: st.ExecuteProcedure, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... EXECUTE of a procedure that rewrites a table's files, for who may change all its rows."""
    table = await writable_table(statement.table, planning, Action.INSERT)
    procedure = fold_trino(statement.procedure)
    if procedure not in _REWRITES | _OTHERS:
        message = f"Table procedure not registered: {procedure.upper()}"
        raise Refusal(ErrorCode.PROCEDURE_NOT_FOUND, message)
    if procedure not in _REWRITES or statement.where is not None:
        what = f"{procedure} with WHERE" if procedure in _REWRITES else procedure
        message = f"ALTER TABLE EXECUTE {what} is not supported by this gateway."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=statement.location)
    changeable(table, planning, Action.DELETE)
    trino_only(planning, table, "ALTER TABLE EXECUTE")
    arguments = []
    for name, value in statement.arguments:
        check_constant(value, "Procedure arguments")
        arguments.append(f"{quoted(fold_trino(name))} => {generate(value)}" if name is not None else generate(value))
    listed = f"({', '.join(arguments)})" if arguments else ""
    # Trino finds a procedure by its name in capitals, which quotes would keep from it.
    sql = f"ALTER TABLE {quoted(*table.name)} EXECUTE {procedure.upper()}{listed}"
    write = Write("execute procedure", table.name)
    return write_plan("ALTER TABLE EXECUTE", table.engine, sql, write, "ALTER TABLE EXECUTE")
