"""Plan what makes tables and views."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Column, Table, TableName
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.elements import comment_clause, table_elements
from gateway.planning.lineage import protected
from gateway.planning.properties import table_properties, with_clause
from gateway.planning.query import Reading, read
from gateway.planning.shows import qualify
from gateway.planning.writing import (
    ROWS,
    denied,
    planned_table,
    refuse_read_only,
    restricts,
    writable_table,
    write_plan,
)
from policies.decisions import Action

Created = st.CreateTable | st.CreateTableAs | st.CreateView


async def creatable(
    written: st.QualifiedName, planning: Planning, action: Action
) -> tuple[TableName, str, Table | None]:
    """Return the name, engine and present state of what is to be created. Raises Refusal."""
    name = qualify(written, planning)
    if name.catalog not in planning.view.catalogs() or name.catalog == "system":
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{name.catalog}' not found", location=Location(1, 1))
    engine = planning.catalog.source_of(name.catalog) or ""
    if not planning.decide(action, planned_table(name, engine)).allowed:
        raise denied(action.value.replace("_", " "), name)
    present = await planning.table(name)
    if name.schema not in planning.catalog.schemas(name.catalog):
        await planning.catalog.refresh(name.catalog)  # made elsewhere a moment ago?
        if name.schema not in planning.catalog.schemas(name.catalog):
            raise Refusal(ErrorCode.NOT_FOUND, f"Schema {name.schema} not found")
    return name, engine, present


async def plan_create_table_as(statement: st.CreateTableAs, planning: Planning) -> Plan:
    """Plan CREATE TABLE AS: the copy holds what the author may see, filtered and masked."""
    name, engine, present = await creatable(statement.table, planning, Action.CREATE_TABLE)
    refuse_read_only(planning, engine, "CREATE TABLE AS")
    if statement.if_not_exists:
        await planning.catalog.invalidate(name)
        present = await planning.table(name)
    await _check_replaceable(present, statement, planning, statement.table)
    reading = await read(statement.query.tree, planning, target=planned_table(name, engine))
    columns = _named_columns(statement, reading)
    # Over a table that is there nothing is copied, and so nothing follows: not even if it goes in this moment.
    filled = statement.with_data and (present is None or statement.replace)
    replace = "OR REPLACE " if statement.replace else ""
    exists = "IF NOT EXISTS " if statement.if_not_exists else ""
    listed = f" ({', '.join(quoted(fold_trino(c)) for c in statement.columns)})" if statement.columns else ""
    properties = with_clause(table_properties(statement.properties, statement.table.location))
    data = "" if filled else " WITH NO DATA"
    sql = (
        f"CREATE {replace}TABLE {exists}{quoted(*name)}{listed}{comment_clause(statement.comment)}{properties}"
        f" AS {reading.governed_sql}{data}"
    )
    write = Write(
        "create table as",
        name,
        columns,
        query=reading.sql,
        tolerate=statement.if_not_exists,
        with_data=filled,
    )
    plan = write_plan(
        "CREATE TABLE AS SELECT", engine, sql, write, "CREATE TABLE", reading, columns=ROWS, invalidates=(name,)
    )
    if statement.if_not_exists and present is not None:
        return plan
    return protected(plan, planning, reading, name, [column.name for column in columns], anew=present is None)


def _named_columns(statement: st.CreateTableAs, reading: Reading) -> tuple[Column, ...]:
    if reading.columns is None:
        return ()
    names = statement.columns or tuple(column.name for column in reading.columns)
    if len(names) != len(reading.columns):
        message = f"Column alias list has {len(names)} entries but relation has {len(reading.columns)} columns"
        raise Refusal(ErrorCode.MISMATCHED_COLUMN_ALIASES, message, location=statement.table.location)
    folded = [fold_trino(name) for name in names]
    for name in folded:
        if folded.count(name) > 1:
            message = f"Column name '{name}' specified more than once"
            raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, message, location=statement.table.location)
    return tuple(Column(name, column.type) for name, column in zip(folded, reading.columns, strict=True))


async def _check_replaceable(
    present: Table | None, statement: Created, planning: Planning, written: st.QualifiedName
) -> None:
    """Refuse to create what exists; OR REPLACE needs the right to drop and a table that no policy restricts."""
    tolerate = not isinstance(statement, st.CreateView) and statement.if_not_exists
    if present is None:
        return
    if statement.replace:
        await writable_table(written, planning, Action.DROP_TABLE)
    elif not tolerate:
        raise Refusal(ErrorCode.TABLE_ALREADY_EXISTS, _there(statement, present), location=Location(1, 1))


def _there(statement: Created, present: Table) -> str:
    """Say that there is something of a name, as Trino does for each statement."""
    match statement:
        case st.CreateTableAs():
            return f"Destination table '{present.name}' already exists"
        case st.CreateTable():
            return f"Table '{present.name}' already exists"
        case st.CreateView():
            return f"{present.kind.capitalize()} already exists: '{present.name}'"


async def plan_create_table(statement: st.CreateTable, planning: Planning) -> Plan:
    """Plan CREATE TABLE with a list of columns and of tables to be like."""
    name, engine, present = await creatable(statement.table, planning, Action.CREATE_TABLE)
    refuse_read_only(planning, engine, "CREATE TABLE")
    await _check_replaceable(present, statement, planning, statement.table)
    elements = await table_elements(statement, planning)
    replace = "OR REPLACE " if statement.replace else ""
    exists = "IF NOT EXISTS " if statement.if_not_exists else ""
    properties = with_clause(table_properties(statement.properties, statement.table.location))
    listed = ", ".join(elements.written)
    sql = f"CREATE {replace}TABLE {exists}{quoted(*name)} ({listed}){comment_clause(statement.comment)}{properties}"
    write = Write("create table", name, elements.columns, tolerate=statement.if_not_exists)
    return write_plan("CREATE TABLE", engine, sql, write, "CREATE TABLE", invalidates=(name,))


async def plan_create_view(statement: st.CreateView, planning: Planning) -> Plan:
    """Plan CREATE VIEW on Trino, over tables that the author sees whole: a view must not launder or freeze a policy."""
    name, engine, present = await creatable(statement.view, planning, Action.CREATE_VIEW)
    if planning.engines.kinds.get(engine) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Catalog '{name.catalog}' does not support views through this gateway.")
    await _check_replaceable(present, statement, planning, statement.view)
    reading = await read(statement.query.tree, planning, target=planned_table(name, engine))
    if any(table.name == name for table in reading.tables):
        what = "Statement would create a recursive view"
        raise Refusal(ErrorCode.VIEW_IS_RECURSIVE, what, location=statement.view.location)
    if restricts(reading, planning):
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            f"Access Denied: Cannot create view {name}: policies restrict what you see of the tables it reads.",
            hint="Query the tables directly, or store a result with CREATE TABLE AS.",
        )
    replace = "OR REPLACE " if statement.replace else ""
    comment = comment_clause(statement.comment)
    sql = f"CREATE {replace}VIEW {quoted(*name)}{comment} SECURITY INVOKER AS {reading.governed_sql}"
    write = Write("create table", name)
    return write_plan("CREATE VIEW", engine, sql, write, "CREATE VIEW", reading, invalidates=(name,))
