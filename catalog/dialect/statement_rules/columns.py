"""What ALTER TABLE does to single columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.statement_rules.tables import column_definition, column_type
from catalog.dialect.statements import AddColumn, DropColumn, DropNotNull, RenameColumn, SetColumnType, Statement

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor
    from catalog.dialect.statements import QualifiedName


def add_column(cursor: Cursor, table: QualifiedName, if_exists: bool) -> Statement:
    """Read what follows ADD COLUMN: the column, or a field of a row column, and its place."""
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    within = []
    while cursor.ahead().text == ".":
        within.append(cursor.identifier())
        cursor.expect(".")
    column = column_definition(cursor)
    first = cursor.accept("FIRST")
    after = cursor.identifier() if not first and cursor.accept("AFTER") else None
    if not first and after is None:
        cursor.accept("LAST")  # where a column goes anyhow
    return AddColumn(table, column, if_exists, if_not_exists, tuple(within), first, after)


def drop_column(cursor: Cursor, table: QualifiedName, if_exists: bool) -> Statement:
    """Read what follows DROP COLUMN."""
    column_if_exists = cursor.accept("IF", "EXISTS")
    return DropColumn(table, cursor.name(), if_exists, column_if_exists)


def rename_column(cursor: Cursor, table: QualifiedName, if_exists: bool) -> Statement:
    """Read what follows RENAME COLUMN."""
    column_if_exists = cursor.accept("IF", "EXISTS")
    column = cursor.name()
    cursor.expect("TO")
    return RenameColumn(table, column, cursor.identifier(), if_exists, column_if_exists)


def alter_column(cursor: Cursor, table: QualifiedName, if_exists: bool) -> Statement:
    """Read what follows ALTER COLUMN."""
    column = cursor.name()
    if cursor.accept("DROP"):
        cursor.expect("NOT", "NULL")
        return DropNotNull(table, column, if_exists)
    cursor.expect("SET", "DATA", "TYPE")
    return SetColumnType(table, column, column_type(cursor, column.parts[-1]), if_exists)
