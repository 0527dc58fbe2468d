"""Plan what removes tables, views and materialized views."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import quoted
from catalog.objects import Table
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.session import local
from gateway.planning.shows import qualify
from gateway.planning.writing import denied, known_table, refuse_read_only, write_plan
from policies.decisions import Action


async def plan_drop_table(statement: st.DropTable, planning: Planning) -> Plan:
    """Plan DROP TABLE."""
    return await _drop(statement.table, statement.if_exists, planning, "TABLE", Action.DROP_TABLE)


async def plan_drop_view(statement: st.DropView, planning: Planning) -> Plan:
    """Plan DROP VIEW."""
    return await _drop(statement.view, statement.if_exists, planning, "VIEW", Action.DROP_VIEW)


async def plan_drop_materialized_view(statement: st.DropMaterializedView, planning: Planning) -> Plan:
    """Plan DROP MATERIALIZED VIEW, for whoever may drop a view of its name."""
    return await _drop(statement.view, statement.if_exists, planning, "MATERIALIZED VIEW", Action.DROP_VIEW)


async def _drop(written: st.QualifiedName, tolerate: bool, planning: Planning, kind: str, action: Action) -> Plan:
    table = await known_table(written, planning, action)
    if table is None and tolerate:
        return local(f"DROP {kind}")  # nothing that the caller knows of: the engine must not be asked to drop it
    if table is None or table.kind != kind.lower():
        raise _not_there(written, table, kind, planning)
    if not planning.decide(action, table).allowed:
        raise denied(f"drop {kind.lower()}", table.name)
    engine = planning.catalog.source_of(table.name.catalog) or planning.engines.default
    refuse_read_only(planning, engine, f"DROP {kind}")
    write = Write("drop table", table.name, tolerate=tolerate)
    exists = "IF EXISTS " if tolerate else ""
    sql = f"DROP {kind} {exists}{quoted(*table.name)}"
    return write_plan(f"DROP {kind}", engine, sql, write, f"DROP {kind}", invalidates=(table.name,))


def _not_there(written: st.QualifiedName, found: Table | None, kind: str, planning: Planning) -> Refusal:
    """Return the refusal of what is missing, hidden or of another kind; Trino calls only a missing table so."""
    other = ""
    if found is not None:
        mend = f"Did you mean DROP {found.kind.upper()} {found.name}?"
        other = f", but a {found.kind} with that name exists. {mend}"
    message = f"{kind.capitalize()} '{qualify(written, planning)}' does not exist{other}"
    missing = kind == "TABLE" and found is None
    code = ErrorCode.TABLE_NOT_FOUND if missing else ErrorCode.GENERIC_USER_ERROR
    return Refusal(code, message, location=Location(1, 1))
