"""Plan what changes tables and views in place: their name, their columns, their comments. On Trino only.

A table is altered by whoever may create one in its place and sees it whole; a rename takes the right to drop the old
name and to create the new one, as a copy and a drop would.
"""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Table
from catalog.types import display_text, parse_type
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.definitions import creatable
from gateway.planning.session import local
from gateway.planning.shows import qualify
from gateway.planning.writing import writable_table, write_plan
from policies.decisions import Action


async def plan_rename(statement: st.Rename, planning: Planning) -> Plan:
    """Plan ALTER TABLE and ALTER VIEW ... RENAME TO."""
    kind, view = statement.object_kind, statement.object_kind == "VIEW"
    if statement.if_exists and not await _known(statement.name, planning, Action.DROP_TABLE):
        return local("RENAME TABLE")  # nothing that the caller knows of: the engine must not be asked to rename it
    table = await writable_table(statement.name, planning, Action.DROP_VIEW if view else Action.DROP_TABLE)
    _check_kind(table, kind)
    target, _, present = await creatable(
        statement.target, planning, Action.CREATE_VIEW if view else Action.CREATE_TABLE
    )
    if target.catalog != table.name.catalog:
        message = f"{kind.capitalize()} rename across catalogs is not supported"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=Location(1, 1))
    if present is not None:
        message = f"Target {kind.lower()} '{target}' already exists"
        raise Refusal(ErrorCode.TABLE_ALREADY_EXISTS, message, location=Location(1, 1))
    _trino_only(planning, table, f"ALTER {kind} RENAME")
    sql = f"ALTER {kind} {quoted(*table.name)} RENAME TO {quoted(*target)}"
    update = f"RENAME {kind}"
    return write_plan(update, table.engine, sql, Write("rename", table.name), update, invalidates=(table.name, target))


async def plan_add_column(statement: st.AddColumn, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... ADD COLUMN."""
    if statement.if_exists and not await _known(statement.table, planning, Action.CREATE_TABLE):
        return local("ADD COLUMN")
    table = await writable_table(statement.table, planning, Action.CREATE_TABLE)
    _check_kind(table, "TABLE")
    column = statement.column
    if column.properties:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "Column properties are not supported by this gateway.")
    _trino_only(planning, table, "ALTER TABLE ADD COLUMN")
    exists = "IF NOT EXISTS " if statement.if_not_exists else ""
    null = "" if column.nullable else " NOT NULL"
    comment = f" COMMENT {_text(column.comment)}" if column.comment is not None else ""
    written = f"{quoted(fold_trino(column.name))} {display_text(parse_type(column.type))}{null}{comment}"
    sql = f"ALTER TABLE {quoted(*table.name)} ADD COLUMN {exists}{written}"
    write = Write("add column", table.name)
    return write_plan("ADD COLUMN", table.engine, sql, write, "ADD COLUMN", invalidates=(table.name,))


async def plan_comment(statement: st.Comment, planning: Planning) -> Plan:
    """Plan COMMENT ON TABLE, VIEW and COLUMN."""
    written, column = statement.name, ""
    if statement.object_kind == "COLUMN":
        written = st.QualifiedName(statement.name.parts[:-1], statement.name.location)
        column = fold_trino(statement.name.parts[-1])
    view = statement.object_kind == "VIEW" or await _is_view(written, planning)
    table = await writable_table(written, planning, Action.CREATE_VIEW if view else Action.CREATE_TABLE)
    if statement.object_kind != "COLUMN":
        _check_kind(table, statement.object_kind)
    elif column not in table.by_name:
        raise Refusal(ErrorCode.COLUMN_NOT_FOUND, f"Column does not exist: {column}", location=Location(1, 1))
    _trino_only(planning, table, "COMMENT")
    name = quoted(*table.name, *([column] if column else []))
    text = "NULL" if statement.text is None else _text(statement.text)
    sql = f"COMMENT ON {statement.object_kind} {name} IS {text}"
    return write_plan("COMMENT", table.engine, sql, Write("comment", table.name), "COMMENT", invalidates=(table.name,))


async def _known(written: st.QualifiedName, planning: Planning, action: Action) -> bool:
    """Tell whether there is such a table and the caller may know of it."""
    name = qualify(written, planning)
    table = await planning.table(name) if name.catalog in planning.view.catalogs() else None
    return table is not None and any(planning.decide(each, table).allowed for each in (action, Action.SELECT))


async def _is_view(written: st.QualifiedName, planning: Planning) -> bool:
    name = qualify(written, planning)
    table = await planning.table(name) if name.catalog in planning.view.catalogs() else None
    return table is not None and table.kind == "view"


def _check_kind(table: Table, kind: str) -> None:
    if (table.kind == "view") != (kind == "VIEW") or table.kind not in ("table", "view"):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"'{table.name}' is not a {kind.lower()}.", location=Location(1, 1))


def _trino_only(planning: Planning, table: Table, what: str) -> None:
    if planning.engines.kinds.get(table.engine) != "trino":
        message = f"{what} is not supported in catalog '{table.name.catalog}': only Trino clusters take it."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
