"""Plan what ALTER TABLE does to single columns. On Trino only.

Columns are altered by whoever may create a table in the place of theirs and sees it whole. What policies name, for
whomever, keeps its name and type: see `keep_named_columns`.
"""

from __future__ import annotations

import re

from catalog.dialect import statements as st
from catalog.dialect.words import RESERVED
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Table
from catalog.types import parse_type, type_text
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.properties import refuse_column_properties
from gateway.planning.session import local
from gateway.planning.writing import (
    keep_named_columns,
    known_table,
    text_literal,
    trino_only,
    writable_table,
    write_plan,
)
from policies.decisions import Action

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


async def plan_add_column(statement: st.AddColumn, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... ADD COLUMN, also of a field to a row column."""
    table = await _altered(statement.table, statement.if_exists, planning, "ADD COLUMN")
    if table is None:
        return local("ADD COLUMN")
    column = statement.column
    refuse_column_properties(column.properties, column.location)
    if statement.after is not None and fold_trino(statement.after) not in table.by_name:
        message = f"Column '{fold_trino(statement.after)}' does not exist"
        raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message, location=Location(1, 1))
    exists = "IF NOT EXISTS " if statement.if_not_exists else ""
    path = _path((*statement.within, column.name))
    null = "" if column.nullable else " NOT NULL"
    comment = f" COMMENT {text_literal(column.comment)}" if column.comment is not None else ""
    place = " FIRST" if statement.first else ""
    place = f" AFTER {quoted(fold_trino(statement.after))}" if statement.after is not None else place
    change = f"ADD COLUMN {exists}{path} {type_text(parse_type(column.type))}{null}{comment}{place}"
    return _plan(table, change, "ADD COLUMN")


async def plan_drop_column(statement: st.DropColumn, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... DROP COLUMN."""
    table = await _altered(statement.table, statement.if_exists, planning, "DROP COLUMN")
    if table is None:
        return local("DROP COLUMN")
    keep_named_columns(planning, table, "drop a column")
    exists = "IF EXISTS " if statement.column_if_exists else ""
    return _plan(table, f"DROP COLUMN {exists}{_path(statement.column.parts)}", "DROP COLUMN")


async def plan_rename_column(statement: st.RenameColumn, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... RENAME COLUMN."""
    table = await _altered(statement.table, statement.if_exists, planning, "RENAME COLUMN")
    if table is None:
        return local("RENAME COLUMN")
    keep_named_columns(planning, table, "rename a column")
    exists = "IF EXISTS " if statement.column_if_exists else ""
    target = quoted(fold_trino(statement.target))
    return _plan(table, f"RENAME COLUMN {exists}{_path(statement.column.parts)} TO {target}", "RENAME COLUMN")


async def plan_set_column_type(statement: st.SetColumnType, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... ALTER COLUMN ... SET DATA TYPE."""
    table = await _altered(statement.table, statement.if_exists, planning, "ALTER COLUMN SET DATA TYPE")
    if table is None:
        return local("SET COLUMN TYPE")
    keep_named_columns(planning, table, "change the type of a column")
    kind = type_text(parse_type(statement.type))
    return _plan(table, f"ALTER COLUMN {_path(statement.column.parts)} SET DATA TYPE {kind}", "SET COLUMN TYPE")


async def plan_drop_not_null(statement: st.DropNotNull, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... ALTER COLUMN ... DROP NOT NULL."""
    table = await _altered(statement.table, statement.if_exists, planning, "ALTER COLUMN DROP NOT NULL")
    if table is None:
        return local("DROP NOT NULL")
    return _plan(table, f"ALTER COLUMN {_bare(statement.column)} DROP NOT NULL", "DROP NOT NULL")


def _bare(column: st.QualifiedName) -> str:
    """Return a name without quotes where it needs none: Trino 476 takes them for a part of it, in this one place."""
    names = [fold_trino(part) for part in column.parts]
    return ".".join(n if _PLAIN.fullmatch(n) and n.upper() not in RESERVED else quoted(n) for n in names)


async def _altered(written: st.QualifiedName, tolerate: bool, planning: Planning, what: str) -> Table | None:
    """Return the table whose columns may be changed; None where IF EXISTS was written and the caller knows of none."""
    if tolerate and await known_table(written, planning, Action.CREATE_TABLE) is None:
        return None
    table = await writable_table(written, planning, Action.CREATE_TABLE)
    if table.kind != "table":
        message = f"'{table.name}' is a {table.kind}: its columns cannot be altered."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=Location(1, 1))
    trino_only(planning, table, f"ALTER TABLE {what}")
    return table


def _path(parts: tuple[str, ...]) -> str:
    return quoted(*(fold_trino(part) for part in parts))


def _plan(table: Table, change: str, update: str) -> Plan:
    sql = f"ALTER TABLE {quoted(*table.name)} {change}"
    write = Write("alter table", table.name)
    return write_plan(update, table.engine, sql, write, update, invalidates=(table.name,))
