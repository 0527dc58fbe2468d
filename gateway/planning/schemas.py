"""Plan what makes, renames and removes schemas."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import SchemaName, TableName
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.session import local
from gateway.planning.writing import changeable, denied, keep_named_columns, refuse_read_only, write_plan
from policies.decisions import Action

_START = Location(1, 1)


def schema_name(written: st.QualifiedName, planning: Planning) -> SchemaName:
    """Complete a written schema name with the session's catalog. Raises Refusal."""
    if len(written.parts) > 2:
        raise Refusal(ErrorCode.SYNTAX_ERROR, f"Too many parts in schema name: {written}", location=written.location)
    catalog = written.parts[0] if len(written.parts) == 2 else planning.received.session.catalog
    if catalog is None:
        message = "Catalog must be specified when session catalog is not set"
        raise Refusal(ErrorCode.MISSING_CATALOG_NAME, message, location=written.location)
    return SchemaName(fold_trino(catalog), fold_trino(written.parts[-1]))


def existing_schema(written: st.QualifiedName, planning: Planning) -> SchemaName:
    """Return the name of a schema that the caller may know of; all others, up to the catalog, are SCHEMA_NOT_FOUND."""
    name = schema_name(written, planning)
    if name.schema not in planning.view.schemas(name.catalog):
        raise Refusal(ErrorCode.SCHEMA_NOT_FOUND, f"Schema '{name}' does not exist", location=_START)
    return name


async def plan_create_schema(statement: st.CreateSchema, planning: Planning) -> Plan:
    """Plan CREATE SCHEMA; a location cannot be chosen, and no other owner than the caller."""
    if statement.properties:
        raise Refusal(ErrorCode.INVALID_SCHEMA_PROPERTY, "Schema properties are not supported by this gateway.")
    if statement.owner is not None and fold_trino(statement.owner) != planning.received.principal.user:
        message = "CREATE SCHEMA with AUTHORIZATION of somebody else is not supported by this gateway."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message)
    name = schema_name(statement.schema, planning)
    if name.catalog not in planning.view.catalogs():
        message = f"Catalog '{name.catalog}' not found"
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, message, location=statement.schema.location)
    if not planning.policies.decide_schema(planning.subject, Action.CREATE_SCHEMA, name):
        raise denied("create schema", name)
    exists = "IF NOT EXISTS " if statement.if_not_exists else ""
    write = Write("create schema", name, tolerate=statement.if_not_exists)
    return _plan("CREATE SCHEMA", f"CREATE SCHEMA {exists}{quoted(*name)}", write, planning, name)


async def plan_drop_schema(statement: st.DropSchema, planning: Planning) -> Plan:
    """Plan DROP SCHEMA; whoever may drop one need not see what is in it."""
    name = schema_name(statement.schema, planning)
    known = name.catalog in planning.view.catalogs()
    allowed = known and planning.policies.decide_schema(planning.subject, Action.DROP_SCHEMA, name)
    if not allowed:
        if statement.if_exists and name.schema not in planning.view.schemas(name.catalog):
            return local("DROP SCHEMA")
        existing_schema(statement.schema, planning)
        raise denied("drop schema", name)
    exists = "IF EXISTS " if statement.if_exists else ""
    cascade = " CASCADE" if statement.cascade else ""
    write = Write("drop schema", name, tolerate=statement.if_exists, cascade=statement.cascade)
    return _plan("DROP SCHEMA", f"DROP SCHEMA {exists}{quoted(*name)}{cascade}", write, planning, name)


async def plan_rename_schema(statement: st.RenameSchema, planning: Planning) -> Plan:
    """Plan ALTER SCHEMA ... RENAME TO: all that it holds must be the caller's to rename.

    Takes the right to drop the one schema and to create the other, and to drop each table and view, seen whole and
    named by no policy: each would leave its rules behind with its name.
    """
    name = existing_schema(statement.schema, planning)
    target = SchemaName(name.catalog, fold_trino(statement.target))
    for action, schema in ((Action.DROP_SCHEMA, name), (Action.CREATE_SCHEMA, target)):
        if not planning.policies.decide_schema(planning.subject, action, schema):
            raise denied("rename schema", name)
    if target.schema in planning.view.schemas(name.catalog):
        message = f"Target schema '{target}' already exists"
        raise Refusal(ErrorCode.SCHEMA_ALREADY_EXISTS, message, location=_START)
    engine = planning.catalog.source_of(name.catalog) or ""
    if planning.engines.kinds.get(engine) != "trino":
        message = f"ALTER SCHEMA is not supported in catalog '{name.catalog}': only Trino clusters take it."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message)
    moved = await _movable(name, planning)
    sql = f"ALTER SCHEMA {quoted(*name)} RENAME TO {quoted(target.schema)}"
    places = (TableName(*name, ""), *(TableName(*target, table) for table in moved))
    write = Write("rename schema", name)
    return write_plan(
        "RENAME SCHEMA", engine, sql, write, "RENAME SCHEMA", invalidates=places, invalidates_schemas=True
    )


async def _movable(schema: SchemaName, planning: Planning) -> list[str]:
    """Return the names of what a schema holds, all of it the caller's to rename. Raises Refusal."""
    # What was made elsewhere a moment ago must be asked about, too.
    read = await planning.catalog.refresh(schema.catalog)
    if read.error:
        message = f"The engine behind catalog '{schema.catalog}' did not list its tables"
        raise Refusal(ErrorCode.NO_NODES_AVAILABLE, message, hint="Try again in a moment.", detail=read.error)
    held = planning.catalog.tables(schema.catalog, schema.schema)
    for table in held:
        changeable(table, planning, Action.DROP_TABLE if table.kind == "table" else Action.DROP_VIEW)
        keep_named_columns(planning, table, "change the schema")
    return [table.name.table for table in held]


def _plan(kind: str, sql: str, write: Write, planning: Planning, name: SchemaName) -> Plan:
    engine = planning.catalog.source_of(name.catalog) or ""
    refuse_read_only(planning, engine, kind)
    return write_plan(kind, engine, sql, write, kind, invalidates=(TableName(*name, ""),), invalidates_schemas=True)
