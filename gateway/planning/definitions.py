"""Plan what makes and removes tables, views and schemas."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.dialect.parameters import check_constant
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import display_text, parse_type
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import Reading, find_table, read
from gateway.planning.session import local
from gateway.planning.shows import qualify
from gateway.planning.writing import ROWS, denied, planned_table, refuse_read_only, writable_table, write_plan
from policies.decisions import Action

_PROPERTIES = {"format", "partitioning", "sorted_by", "format_version"}
"""Table properties a caller may set; a location would be a second name for somebody's files."""


async def creatable(
    written: st.QualifiedName, planning: Planning, action: Action
) -> tuple[TableName, str, Table | None]:
    """Return the name, engine and present state of what is to be created. Raises Refusal."""
    name = qualify(written, planning)
    if name.catalog not in planning.view.catalogs() or name.catalog == "system":
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{name.catalog}' not found", location=written.location)
    engine = planning.catalog.source_of(name.catalog) or ""
    if not planning.decide(action, planned_table(name, engine)).allowed:
        raise denied(action.value.replace("_", " "), name)
    present = await planning.table(name)
    if name.schema not in planning.catalog.schemas(name.catalog):
        await planning.catalog.refresh(name.catalog)  # made elsewhere a moment ago?
        if name.schema not in planning.catalog.schemas(name.catalog):
            raise Refusal(
                ErrorCode.SCHEMA_NOT_FOUND, f"Schema '{name.schema}' does not exist", location=written.location
            )
    return name, engine, present


def _properties(given: tuple[tuple[str, exp.Expr | None], ...], location: Location) -> str:
    """Write the WITH clause, of allowed properties only."""
    parts = []
    for name, value in given:
        if name.lower() not in _PROPERTIES or value is None:
            raise Refusal(
                ErrorCode.INVALID_TABLE_PROPERTY,
                f"Table property '{name}' is not allowed through this gateway.",
                hint=f"Allowed: {', '.join(sorted(_PROPERTIES))}.",
                location=location,
            )
        check_constant(value, "Table properties")
        parts.append(f"{quoted(name.lower())} = {generate(value)}")
    return f" WITH ({', '.join(parts)})" if parts else ""


def _comment(text: str | None) -> str:
    return " COMMENT '" + text.replace("'", "''") + "'" if text is not None else ""


async def plan_create_table_as(statement: st.CreateTableAs, planning: Planning) -> Plan:
    """Plan CREATE TABLE AS: the copy holds what the author may see, filtered and masked."""
    name, engine, present = await creatable(statement.table, planning, Action.CREATE_TABLE)
    refuse_read_only(planning, engine, "CREATE TABLE AS")
    await _check_replaceable(present, statement.replace, statement.if_not_exists, planning, statement.table)
    reading = await read(statement.query.tree, planning, target=planned_table(name, engine))
    columns = _named_columns(statement, reading)
    replace = "OR REPLACE " if statement.replace else ""
    exists = "IF NOT EXISTS " if statement.if_not_exists else ""
    listed = f" ({', '.join(quoted(fold_trino(c)) for c in statement.columns)})" if statement.columns else ""
    properties = _properties(statement.properties, statement.table.location)
    data = "" if statement.with_data else " WITH NO DATA"
    sql = (
        f"CREATE {replace}TABLE {exists}{quoted(*name)}{listed}{_comment(statement.comment)}{properties}"
        f" AS {reading.governed_sql}{data}"
    )
    write = Write(
        "create table as",
        name,
        columns,
        query=reading.sql,
        tolerate=statement.if_not_exists,
        with_data=statement.with_data,
    )
    return write_plan(
        "CREATE TABLE AS SELECT", engine, sql, write, "CREATE TABLE", reading, columns=ROWS, invalidates=(name,)
    )


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
    present: Table | None, replace: bool, tolerate: bool, planning: Planning, written: st.QualifiedName
) -> None:
    """Refuse to create what exists; OR REPLACE needs the right to drop and a table that no policy restricts."""
    if present is None:
        return
    if replace:
        await writable_table(written, planning, Action.DROP_TABLE)
    elif not tolerate:
        message = f"Table '{present.name}' already exists"
        raise Refusal(ErrorCode.TABLE_ALREADY_EXISTS, message, location=Location(1, 1))


async def plan_create_table(statement: st.CreateTable, planning: Planning) -> Plan:
    """Plan CREATE TABLE with a column list."""
    name, engine, present = await creatable(statement.table, planning, Action.CREATE_TABLE)
    refuse_read_only(planning, engine, "CREATE TABLE")
    await _check_replaceable(present, statement.replace, statement.if_not_exists, planning, statement.table)
    columns, written = [], []
    for element in statement.elements:
        if isinstance(element, st.LikeClause):
            raise Refusal(ErrorCode.NOT_SUPPORTED, "LIKE in CREATE TABLE is not supported by this gateway.")
        if element.properties:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "Column properties are not supported by this gateway.")
        kind = parse_type(element.type)
        column = Column(fold_trino(element.name), kind, element.comment, element.nullable)
        columns.append(column)
        null = "" if element.nullable else " NOT NULL"
        written.append(f"{quoted(column.name)} {display_text(kind)}{null}{_comment(element.comment)}")
    replace = "OR REPLACE " if statement.replace else ""
    exists = "IF NOT EXISTS " if statement.if_not_exists else ""
    properties = _properties(statement.properties, statement.table.location)
    sql = (
        f"CREATE {replace}TABLE {exists}{quoted(*name)} ({', '.join(written)}){_comment(statement.comment)}{properties}"
    )
    write = Write("create table", name, tuple(columns), tolerate=statement.if_not_exists)
    return write_plan("CREATE TABLE", engine, sql, write, "CREATE TABLE", invalidates=(name,))


async def plan_drop_table(statement: st.DropTable, planning: Planning) -> Plan:
    """Plan DROP TABLE."""
    return await _drop(statement.table, statement.if_exists, planning, "TABLE", Action.DROP_TABLE)


async def plan_drop_view(statement: st.DropView, planning: Planning) -> Plan:
    """Plan DROP VIEW."""
    return await _drop(statement.view, statement.if_exists, planning, "VIEW", Action.DROP_VIEW)


async def _drop(written: st.QualifiedName, tolerate: bool, planning: Planning, kind: str, action: Action) -> Plan:
    name = qualify(written, planning)
    table = await planning.table(name) if name.catalog in planning.view.catalogs() else None
    seen = table is not None and planning.decide(Action.SELECT, table).allowed
    if table is not None and (table.kind == "view") != (kind == "VIEW") and seen:
        raise Refusal(
            ErrorCode.GENERIC_USER_ERROR, f"'{name}' is not a {kind.lower()}.", hint="Use DROP TABLE or DROP VIEW."
        )
    known = seen or (table is not None and planning.decide(action, table).allowed)
    if tolerate and not known:
        return local(f"DROP {kind}")  # nothing that the caller knows of: the engine must not be asked to drop it
    await find_table(name, planning, action=action, location=Location(1, 1))
    engine = planning.catalog.source_of(name.catalog) or planning.engines.default
    refuse_read_only(planning, engine, f"DROP {kind}")
    write = Write("drop table", name, tolerate=tolerate)
    exists = "IF EXISTS " if tolerate else ""
    sql = f"DROP {kind} {exists}{quoted(*name)}"
    return write_plan(f"DROP {kind}", engine, sql, write, f"DROP {kind}", invalidates=(name,))


async def plan_create_view(statement: st.CreateView, planning: Planning) -> Plan:
    """Plan CREATE VIEW on Trino, over tables that the author sees whole: a view must not launder or freeze a policy."""
    name, engine, present = await creatable(statement.view, planning, Action.CREATE_VIEW)
    if planning.engines.kinds.get(engine) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Catalog '{name.catalog}' does not support views through this gateway.")
    await _check_replaceable(present, statement.replace, False, planning, statement.view)
    reading = await read(statement.query.tree, planning, target=planned_table(name, engine))
    restricted = [t for t in reading.tables if len(planning.decide(Action.SELECT, t).columns) < len(t.columns)]
    if reading.policed or restricted:
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            f"Access Denied: Cannot create view {name}: policies restrict what you see of the tables it reads.",
            hint="Query the tables directly, or store a result with CREATE TABLE AS.",
        )
    replace = "OR REPLACE " if statement.replace else ""
    sql = (
        f"CREATE {replace}VIEW {quoted(*name)}{_comment(statement.comment)} SECURITY INVOKER AS {reading.governed_sql}"
    )
    write = Write("create table", name)
    return write_plan("CREATE VIEW", engine, sql, write, "CREATE VIEW", reading, invalidates=(name,))


def _schema_name(written: st.QualifiedName, planning: Planning) -> SchemaName:
    if len(written.parts) > 2:
        raise Refusal(ErrorCode.SYNTAX_ERROR, f"Too many parts in schema name: {written}", location=written.location)
    catalog = written.parts[0] if len(written.parts) == 2 else planning.received.session.catalog
    if catalog is None:
        message = "Catalog must be specified when session catalog is not set"
        raise Refusal(ErrorCode.MISSING_CATALOG_NAME, message, location=written.location)
    name = SchemaName(fold_trino(catalog), fold_trino(written.parts[-1]))
    if name.catalog not in planning.view.catalogs():
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{name.catalog}' not found", location=written.location)
    return name


async def _schema_plan(
    written: st.QualifiedName, planning: Planning, action: Action, *, tolerate: bool, cascade: bool = False
) -> Plan:
    name = _schema_name(written, planning)
    creating = action is Action.CREATE_SCHEMA
    engine = planning.catalog.source_of(name.catalog) or ""
    if not planning.policies.decide_schema(planning.subject, action, name):
        if not creating and name.schema not in planning.view.schemas(name.catalog):
            raise Refusal(ErrorCode.SCHEMA_NOT_FOUND, f"Schema '{name}' does not exist", location=Location(1, 1))
        raise denied("create schema" if creating else "drop schema", name)
    kind = "CREATE SCHEMA" if creating else "DROP SCHEMA"
    refuse_read_only(planning, engine, kind)
    exists = ("IF NOT EXISTS " if creating else "IF EXISTS ") if tolerate else ""
    sql = f"{kind} {exists}{quoted(*name)}{' CASCADE' if cascade else ''}"
    write = Write("create schema" if creating else "drop schema", name, tolerate=tolerate, cascade=cascade)
    return write_plan(kind, engine, sql, write, kind, invalidates=(TableName(*name, ""),), invalidates_schemas=True)


async def plan_create_schema(statement: st.CreateSchema, planning: Planning) -> Plan:
    """Plan CREATE SCHEMA; a location or owner cannot be chosen."""
    if statement.properties:
        raise Refusal(ErrorCode.INVALID_SCHEMA_PROPERTY, "Schema properties are not supported by this gateway.")
    return await _schema_plan(statement.schema, planning, Action.CREATE_SCHEMA, tolerate=statement.if_not_exists)


async def plan_drop_schema(statement: st.DropSchema, planning: Planning) -> Plan:
    """Plan DROP SCHEMA."""
    return await _schema_plan(
        statement.schema, planning, Action.DROP_SCHEMA, tolerate=statement.if_exists, cascade=statement.cascade
    )
