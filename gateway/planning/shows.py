"""Plan the SHOW family and DESCRIBE: answered from what this caller may see."""

from __future__ import annotations

import re

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino
from catalog.objects import Table, TableName
from gateway.metadata import show
from gateway.metadata.visible import VisibleTable
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.finding import find_table
from gateway.planning.session import local
from policies.decisions import Action


def like(pattern: st.Pattern | None) -> re.Pattern[str]:
    """Compile the pattern of a statement; none matches everything. Raises Refusal for a bad ESCAPE."""
    return show.like(pattern.like, pattern.escape) if pattern else show.like(None)


async def plan_show_catalogs(statement: st.ShowCatalogs, planning: Planning) -> Plan:
    """Plan SHOW CATALOGS."""
    return local(statement.kind, answer=show.show_catalogs(planning.view, like(statement.pattern)))


async def plan_show_schemas(statement: st.ShowSchemas, planning: Planning) -> Plan:
    """Plan SHOW SCHEMAS."""
    catalog = _one(statement.catalog) if statement.catalog else planning.received.session.catalog
    return local(statement.kind, answer=show.show_schemas(planning.view, catalog, like(statement.pattern)))


def _one(name: st.QualifiedName) -> str:
    if len(name.parts) != 1:
        raise Refusal(ErrorCode.SYNTAX_ERROR, f"'{name}' is not a catalog's name", location=name.location)
    return name.parts[0]


async def plan_show_tables(statement: st.ShowTables, planning: Planning) -> Plan:
    """Plan SHOW TABLES."""
    session = planning.received.session
    catalog, schema = session.catalog, session.schema
    if statement.schema is not None:
        if len(statement.schema.parts) > 2:
            raise Refusal(ErrorCode.SYNTAX_ERROR, "Too many parts in schema name", location=statement.schema.location)
        schema = statement.schema.parts[-1]
        catalog = statement.schema.parts[0] if len(statement.schema.parts) == 2 else catalog
    return local(statement.kind, answer=show.show_tables(planning.view, catalog, schema, like(statement.pattern)))


def qualify(name: st.QualifiedName, planning: Planning) -> TableName:
    """Complete a written table name with the session's. Raises Refusal for too many parts or a missing default."""
    session = planning.received.session
    if len(name.parts) > 3:
        raise Refusal(ErrorCode.SYNTAX_ERROR, f"Too many dots in table name: {name}", location=name.location)
    given = (None,) * (3 - len(name.parts)) + name.parts
    catalog, schema, table = given[0] or session.catalog, given[1] or session.schema, given[2] or ""
    if schema is None:
        message = "Schema must be specified when session schema is not set"
        raise Refusal(ErrorCode.MISSING_SCHEMA_NAME, message, location=name.location)
    if catalog is None:
        message = "Catalog must be specified when session catalog is not set"
        raise Refusal(ErrorCode.MISSING_CATALOG_NAME, message, location=name.location)
    full = TableName(fold_trino(catalog), fold_trino(schema), fold_trino(table))
    if "$" in full.table:
        raise show.table_not_found(full, name.location)
    return full


async def visible_table(name: st.QualifiedName, planning: Planning, action: Action = Action.SELECT) -> VisibleTable:
    """Return a table as this caller may know it. Raises Refusal as `find_table` does."""
    table = await find_table(qualify(name, planning), planning, action=action, location=Location(1, 1))
    columns = set(planning.decide(Action.SELECT, table).columns)
    return VisibleTable(table, tuple(column for column in table.columns if column.name in columns))


async def plan_show_columns(statement: st.ShowColumns, planning: Planning) -> Plan:
    """Plan SHOW COLUMNS and DESCRIBE."""
    visible = await visible_table(statement.table, planning)
    return local(statement.kind, answer=show.show_columns(visible, like(statement.pattern)))


def refuse_policed(visible: VisibleTable, planning: Planning, what: str) -> None:
    """Refuse where a filter, a mask or a withheld column changes what this caller sees."""
    decision = planning.decide(Action.SELECT, visible.table)
    if decision.policed or len(visible.columns) < len(visible.table.columns):
        raise Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: {what} {visible.table.name}")


def all_of(table: Table) -> exp.Expr:
    """Return the query for all of a table."""
    parts = zip(("this", "db", "catalog"), reversed(table.name), strict=True)
    source = exp.Table(**{key: exp.to_identifier(part, quoted=True) for key, part in parts})
    return exp.Select(expressions=[exp.Star()]).from_(source, copy=False)
