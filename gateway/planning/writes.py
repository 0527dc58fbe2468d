"""Plan what changes data or objects: the target needs its own grant, the source is governed like any query.

A target that any filter, mask or withheld column applies to is not written through the gateway: deleted-row counts are
an oracle, and masked values must not be persisted (policy-semantics section 4).
"""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.type_coercions import can_coerce
from catalog.types import TrinoType, display_text, parse_type
from engines.base import OutputColumn, Write
from gateway.models import Plan, TableAccess
from gateway.planning.context import Planning
from gateway.planning.predicates import govern_expressions
from gateway.planning.query import Reading, find_table, read
from gateway.planning.shows import qualify
from policies.decisions import Action

ROWS = (OutputColumn("rows", TrinoType("bigint")),)
_PROPERTIES = {"format", "partitioning", "sorted_by", "format_version"}
"""Table properties a caller may set; a location would be a second name for somebody's files."""


def quoted(*parts: str) -> str:
    """Return identifiers quoted and dotted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


async def _target(name: st.QualifiedName, planning: Planning, action: Action) -> Table:
    """Return a table that the caller may change and sees whole. Raises Refusal."""
    table = await find_table(qualify(name, planning), planning, action=action, location=name.location)
    decision = planning.decide(Action.SELECT, table)
    hidden = decision.allowed and len(decision.columns) < len(table.columns)
    if decision.policed or hidden:
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            f"Access Denied: Cannot {action.value} on table {table.name}: policies restrict what you see of it.",
            hint="Ask for a role that sees the table whole.",
        )
    return table


def _denied(action: str, name: TableName | SchemaName) -> Refusal:
    return Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot {action} {name}")


def _new_table(name: TableName, planning: Planning, engine: str) -> Table:
    """Stand for a table that does not exist yet, so that policy can decide on its name."""
    return Table(name, (), engine)


async def _creatable(
    written: st.QualifiedName, planning: Planning, action: Action
) -> tuple[TableName, str, Table | None]:
    """Return the name, engine and present state of what is to be created. Raises Refusal."""
    name = qualify(written, planning)
    if name.catalog not in planning.view.catalogs() or name.catalog == "system":
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{name.catalog}' not found", location=written.location)
    engine = planning.catalog.source_of(name.catalog) or ""
    if not planning.decide(action, _new_table(name, planning, engine)).allowed:
        raise _denied(action.value.replace("_", " "), name)
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
        parts.append(f"{quoted(name.lower())} = {generate(value)}")
    return f" WITH ({', '.join(parts)})" if parts else ""


def _comment(text: str | None) -> str:
    return " COMMENT '" + text.replace("'", "''") + "'" if text is not None else ""


def _plan(
    kind: str, engine: str, sql: str, write: Write, update_type: str, reading: Reading | None = None, **more: object
) -> Plan:
    """Assemble a write's plan from its parts and, where there is one, the governed source."""
    target = TableAccess(write.target, write.kind, ()) if isinstance(write.target, TableName) else None
    sources = reading.accesses if reading else ()
    return Plan(
        kind=kind,
        route="engine",
        engine=engine,
        sql=sql,
        governed_sql=sql,
        write=write,
        update_type=update_type,
        tables=(*sources, *((target,) if target else ())),
        engine_tables=reading.tables if reading else (),
        policies=reading.policies if reading else (),
        reasons=reading.reasons if reading else (),
        policed=reading.policed if reading else False,
        **more,  # type: ignore[arg-type]
    )


def _refuse_engine(planning: Planning, engine: str, what: str) -> None:
    if planning.engines.kinds.get(engine) == "clickhouse":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"{what} is not supported: ClickHouse catalogs are read-only here.")


async def plan_insert(statement: st.Insert, planning: Planning) -> Plan:
    """Plan INSERT INTO ... query."""
    table = await _target(statement.table, planning, Action.INSERT)
    _refuse_engine(planning, table.engine, "INSERT")
    names = tuple(fold_trino(name) for name in statement.columns or ()) or tuple(c.name for c in table.columns)
    for name in names:
        if name not in table.by_name:
            message = f"Insert column name does not exist in target table: {name}"
            raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message, location=statement.table.location)
        if names.count(name) > 1:
            message = f"Insert column name is specified more than once: {name}"
            raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, message, location=statement.table.location)
    reading = await read(statement.query.tree, planning, target=table)
    columns = tuple(table.by_name[name] for name in names)
    _check_types(columns, reading, statement.table.location)
    listed = ", ".join(quoted(name) for name in names)
    sql = f"INSERT INTO {quoted(*table.name)} ({listed}) {reading.governed_sql}"
    write = Write("insert", table.name, columns, query=reading.sql)
    return _plan("INSERT", table.engine, sql, write, "INSERT", reading, columns=ROWS)


def _check_types(columns: tuple[Column, ...], reading: Reading, location: Location) -> None:
    """Refuse a source whose width or types do not fit, in Trino's words; unknown types are left to the engine."""
    if reading.columns is None:
        return
    source, target = [c.type for c in reading.columns], [c.type for c in columns]
    if len(source) != len(target) or not all(can_coerce(s, t) for s, t in zip(source, target, strict=False)):
        wanted = ", ".join(display_text(kind) for kind in target)
        given = ", ".join(display_text(kind) for kind in source)
        raise Refusal(
            ErrorCode.TYPE_MISMATCH,
            f"Insert query has mismatched column types: Table: [{wanted}], Query: [{given}]",
            location=location,
        )


async def plan_create_table_as(statement: st.CreateTableAs, planning: Planning) -> Plan:
    """Plan CREATE TABLE AS: the copy holds what the author may see, filtered and masked."""
    name, engine, present = await _creatable(statement.table, planning, Action.CREATE_TABLE)
    _refuse_engine(planning, engine, "CREATE TABLE AS")
    await _check_replaceable(present, statement.replace, statement.if_not_exists, planning, statement.table)
    reading = await read(statement.query.tree, planning, target=_new_table(name, planning, engine))
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
    return _plan(
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
        await _target(written, planning, Action.DROP_TABLE)
    elif not tolerate:
        message = f"Table '{present.name}' already exists"
        raise Refusal(ErrorCode.TABLE_ALREADY_EXISTS, message, location=Location(1, 1))


async def plan_create_table(statement: st.CreateTable, planning: Planning) -> Plan:
    """Plan CREATE TABLE with a column list."""
    name, engine, present = await _creatable(statement.table, planning, Action.CREATE_TABLE)
    _refuse_engine(planning, engine, "CREATE TABLE")
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
    return _plan("CREATE TABLE", engine, sql, write, "CREATE TABLE", invalidates=(name,))


async def plan_delete(statement: st.Delete, planning: Planning) -> Plan:
    """Plan DELETE: subqueries in its condition are governed."""
    table = await _target(statement.table, planning, Action.DELETE)
    _refuse_engine(planning, table.engine, "DELETE")
    governed = await govern_expressions(table, [statement.where] if statement.where else [], planning)
    predicate, native = governed.trino[0] if governed.trino else None, governed.native[0] if governed.native else None
    where = f" WHERE {predicate}" if predicate is not None else ""
    write = Write("delete", table.name, predicate=native)
    sql = f"DELETE FROM {quoted(*table.name)}{where}"  # noqa: S608  (governed, generated text)
    return _plan("DELETE", table.engine, sql, write, "DELETE", governed.reading, columns=ROWS)


async def plan_update(statement: st.Update, planning: Planning) -> Plan:
    """Plan UPDATE: subqueries in SET and WHERE are governed."""
    table = await _target(statement.table, planning, Action.UPDATE)
    _refuse_engine(planning, table.engine, "UPDATE")
    names = [fold_trino(name) for name, _ in statement.assignments]
    for name in names:
        if name not in table.by_name:
            message = f"The UPDATE SET target column {name} doesn't exist"
            raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message, location=statement.table.location)
        if names.count(name) > 1:
            raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, f"Column '{name}' is assigned more than once")
    conditions = [statement.where] if statement.where else []
    values = [value for _, value in statement.assignments]
    assigned = [table.by_name[name] for name in names]
    governed = await govern_expressions(table, [*conditions, *values], planning, assigned=assigned)
    first = len(conditions)
    _check_assignable(assigned, governed.reading, first)
    sets = ", ".join(f"{quoted(n)} = {text}" for n, text in zip(names, governed.trino[first:], strict=True))
    where = f" WHERE {governed.trino[0]}" if conditions else ""
    write = Write(
        "update",
        table.name,
        predicate=governed.native[0] if conditions else None,
        assignments=tuple(zip(names, governed.native[first:], strict=True)),
    )
    sql = f"UPDATE {quoted(*table.name)} SET {sets}{where}"  # noqa: S608  (governed, generated text)
    return _plan("UPDATE", table.engine, sql, write, "UPDATE", governed.reading, columns=ROWS)


def _check_assignable(assigned: list[Column], reading: Reading | None, first: int) -> None:
    """Refuse values whose types do not fit their columns, in Trino's words."""
    if reading is None or reading.columns is None:
        return
    for column, value in zip(assigned, reading.columns[first:], strict=True):
        if not can_coerce(value.type, column.type):
            wanted, given = display_text(column.type), display_text(value.type)
            message = "UPDATE table column types don't match SET expressions"
            raise Refusal(ErrorCode.TYPE_MISMATCH, f"{message}: Table: [{wanted}], Expressions: [{given}]")


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
    if not tolerate or (table is not None and seen):
        table = await find_table(name, planning, action=action, location=Location(1, 1))
    engine = planning.catalog.source_of(name.catalog) or planning.engines.default
    _refuse_engine(planning, engine, f"DROP {kind}")
    write = Write("drop table", name, tolerate=tolerate)
    exists = "IF EXISTS " if tolerate else ""
    sql = f"DROP {kind} {exists}{quoted(*name)}"
    return _plan(f"DROP {kind}", engine, sql, write, f"DROP {kind}", invalidates=(name,))


async def plan_create_view(statement: st.CreateView, planning: Planning) -> Plan:
    """Plan CREATE VIEW on Trino, over tables that the author sees whole: a view must not launder or freeze a policy."""
    name, engine, present = await _creatable(statement.view, planning, Action.CREATE_VIEW)
    if planning.engines.kinds.get(engine) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Catalog '{name.catalog}' does not support views through this gateway.")
    await _check_replaceable(present, statement.replace, False, planning, statement.view)
    reading = await read(statement.query.tree, planning, target=_new_table(name, planning, engine))
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
    return _plan("CREATE VIEW", engine, sql, write, "CREATE VIEW", reading, invalidates=(name,))


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
        raise _denied("create schema" if creating else "drop schema", name)
    kind = "CREATE SCHEMA" if creating else "DROP SCHEMA"
    _refuse_engine(planning, engine, kind)
    exists = ("IF NOT EXISTS " if creating else "IF EXISTS ") if tolerate else ""
    sql = f"{kind} {exists}{quoted(*name)}{' CASCADE' if cascade else ''}"
    write = Write("create schema" if creating else "drop schema", name, tolerate=tolerate, cascade=cascade)
    return _plan(kind, engine, sql, write, kind, invalidates=(TableName(*name, ""),), invalidates_schemas=True)


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
