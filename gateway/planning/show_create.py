"""Plan SHOW CREATE: for who has the grant on it, and sees whole what it tells of."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import quoted
from catalog.objects import Table
from gateway.metadata import show
from gateway.metadata.create_text import create_schema_text, create_table_text
from gateway.metadata.visible import VisibleTable
from gateway.models import Plan, TableAccess
from gateway.planning.context import Planning
from gateway.planning.query import read
from gateway.planning.schemas import existing_schema
from gateway.planning.session import local
from gateway.planning.shows import all_of
from gateway.planning.stored_functions import function_name
from gateway.planning.writing import known_table, refuse_missing, restricts, trino_only
from policies.decisions import Action

_START = Location(1, 1)


async def plan_show_create(statement: st.ShowCreate, planning: Planning) -> Plan:
    """Plan SHOW CREATE of a table, view, schema or function. Raises Refusal."""
    kind = statement.object_kind
    if kind == "SCHEMA":
        return _schema(statement, planning)
    if kind == "FUNCTION":
        raise _no_function(statement, planning)
    table = await known_table(statement.name, planning, Action.SHOW_CREATE)
    if table is None:
        raise refuse_missing(kind.capitalize(), statement.name, planning)
    real = "table" if table.kind == "system" else table.kind
    if real != kind.lower():
        message = f"Relation '{table.name}' is a {real}, not a {kind.lower()}"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=_START)
    _check(table, planning, kind)
    if kind == "TABLE":
        return _local(statement, create_table_text(VisibleTable(table, table.columns)))
    return await _view(table, planning, kind)


def _check(table: Table, planning: Planning, kind: str) -> None:
    """Refuse who lacks the grant, or sees less than all; what describes the catalog itself is open. Raises Refusal."""
    decision = planning.decide(Action.SELECT, table)
    whole = not decision.policed and len(decision.columns) == len(table.columns)
    described = table.kind == "system" and decision.allowed
    if not whole or not (described or planning.decide(Action.SHOW_CREATE, table).allowed):
        raise _denied(kind, str(table.name))


def _denied(kind: str, name: str) -> Refusal:
    return Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot show create {kind.lower()} for {name}")


async def _view(table: Table, planning: Planning, kind: str) -> Plan:
    """Plan a view's text, which names what it reads: all of that must be the caller's to see, and whole."""
    trino_only(planning, table, f"SHOW CREATE {kind}")
    if kind != "VIEW":
        raise Refusal(ErrorCode.NOT_SUPPORTED, "SHOW CREATE MATERIALIZED VIEW is not supported by this gateway.")
    try:
        reading = await read(all_of(table), planning)
    except Refusal:
        raise _denied(kind, str(table.name)) from None  # why it cannot be read would tell of what it reads
    if restricts(reading, planning):
        raise _denied(kind, str(table.name))
    sql = f"SHOW CREATE VIEW {quoted(*table.name)}"
    access = TableAccess(table.name, Action.SHOW_CREATE.value, ())
    return Plan("SHOW CREATE", "engine", table.engine, sql, sql, tables=(access,), engine_tables=reading.tables)


def _schema(statement: st.ShowCreate, planning: Planning) -> Plan:
    name = existing_schema(statement.name, planning)
    if not planning.policies.decide_schema(planning.subject, Action.SHOW_CREATE, name):
        raise _denied("SCHEMA", str(name))
    return _local(statement, create_schema_text(name))


def _local(statement: st.ShowCreate, text: str) -> Plan:
    heading = f"Create {statement.object_kind.capitalize()}"
    return local(statement.kind, answer=show.one_text(heading, text))


def _no_function(statement: st.ShowCreate, planning: Planning) -> Refusal:
    """Return the refusal of a function's text: the functions of catalogs are closed, and look missing."""
    catalog = function_name(statement.name)[0]
    show.check_catalog(planning.view, catalog)
    return Refusal(ErrorCode.NOT_FOUND, "Function not found", location=_START)
