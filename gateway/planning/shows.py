"""Plan the SHOW family and DESCRIBE: answered from what this caller may see."""

from __future__ import annotations

import re

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.functions import registry
from catalog.functions.signatures import LambdaShape, Template, Variable
from catalog.names import fold_trino, quoted
from catalog.objects import TableName
from catalog.types import VARCHAR, type_text
from engines.base import OutputColumn
from gateway.metadata import show
from gateway.metadata.visible import VisibleTable
from gateway.models import LocalAnswer, Plan, TableAccess
from gateway.planning.context import Planning
from gateway.planning.query import find_table
from gateway.planning.session import local
from policies.decisions import Action


def _like(pattern: st.Pattern | None) -> re.Pattern[str]:
    return show.like(pattern.like, pattern.escape) if pattern else show.like(None)


async def plan_show_catalogs(statement: st.ShowCatalogs, planning: Planning) -> Plan:
    """Plan SHOW CATALOGS."""
    return local(statement.kind, answer=show.show_catalogs(planning.view, _like(statement.pattern)))


async def plan_show_schemas(statement: st.ShowSchemas, planning: Planning) -> Plan:
    """Plan SHOW SCHEMAS."""
    catalog = _one(statement.catalog) if statement.catalog else planning.received.session.catalog
    return local(statement.kind, answer=show.show_schemas(planning.view, catalog, _like(statement.pattern)))


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
    return local(statement.kind, answer=show.show_tables(planning.view, catalog, schema, _like(statement.pattern)))


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
    return local(statement.kind, answer=show.show_columns(visible, _like(statement.pattern)))


async def plan_show_create(statement: st.ShowCreate, planning: Planning) -> Plan:
    """Plan SHOW CREATE: needs its own grant, and no filter or mask on the table."""
    if statement.object_kind != "TABLE":
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            f"Access Denied: Cannot show create {statement.object_kind.lower()} for {statement.name}",
        )
    visible = await visible_table(statement.name, planning, Action.SHOW_CREATE)
    refuse_policed(visible, planning, "Cannot show create table for")
    return local(statement.kind, answer=show.show_create_table(visible))


def refuse_policed(visible: VisibleTable, planning: Planning, what: str) -> None:
    """Refuse where a filter, a mask or a withheld column changes what this caller sees."""
    decision = planning.decide(Action.SELECT, visible.table)
    if decision.policed or len(visible.columns) < len(visible.table.columns):
        raise Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: {what} {visible.table.name}")


async def plan_show_stats(statement: st.ShowStats, planning: Planning) -> Plan:
    """Plan SHOW STATS: on Trino, of a table of which this caller sees all."""
    if statement.table is None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "SHOW STATS FOR a query is not supported by this gateway.")
    visible = await visible_table(statement.table, planning, Action.SHOW_STATS)
    refuse_policed(visible, planning, "Cannot show statistics of")
    table = visible.table
    if planning.engines.kinds.get(table.engine) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"SHOW STATS is not supported for catalog '{table.name.catalog}'")
    access = TableAccess(table.name, Action.SHOW_STATS.value, ())
    sql = f"SHOW STATS FOR {quoted(*table.name)}"
    return Plan(statement.kind, "engine", table.engine, sql, sql, tables=(access,), engine_tables=(table,))


async def plan_show_functions(statement: st.ShowFunctions, planning: Planning) -> Plan:
    """Plan SHOW FUNCTIONS: the functions this gateway lets through."""
    pattern = _like(statement.pattern)
    headings = ("Function", "Return Type", "Argument Types", "Function Type")
    columns = (
        *(OutputColumn(heading, VARCHAR) for heading in headings),
        OutputColumn("Deterministic", show.BOOLEAN),
        OutputColumn("Description", VARCHAR),
    )
    rows = tuple(row for name in sorted(registry.names()) if pattern.fullmatch(name) for row in _function_rows(name))
    return local(statement.kind, answer=LocalAnswer(columns, rows))


def _function_rows(name: str) -> list[tuple[object, ...]]:
    """Return a line for each way to call a function; special forms have one, without types."""
    function = registry.lookup(name)
    if function is None or function.kind == "table":
        return []
    kind = "scalar" if function.kind == "special" else function.kind
    ways = [(_shown(way.result), way.text) for way in function.overloads] or [("", "")]
    return [(name, result, arguments, kind, function.deterministic, "") for result, arguments in ways]


def _shown(template: Template) -> str:
    """Return a result type as listings show it: `array(T)`, `decimal(p,s)`."""
    if isinstance(template, Variable):
        return template.name
    if isinstance(template, LambdaShape):
        return "function"
    if template.fixed is not None:
        return type_text(template.fixed)
    parameters = ",".join(
        p if isinstance(p, str) else str(p) if isinstance(p, int) else _shown(p) for p in template.parameters
    )
    return f"{template.base}({parameters})" if parameters else template.base


async def plan_show_roles(statement: st.ShowRoles, planning: Planning) -> Plan:
    """Plan SHOW ROLES, the caller's own, and SHOW CURRENT ROLES, those chosen of them."""
    subject = planning.subject.sides[0 if statement.current else -1]
    roles = tuple((role,) for role in sorted(subject.roles))
    return local(statement.kind, answer=LocalAnswer((OutputColumn("Role", VARCHAR),), roles))
