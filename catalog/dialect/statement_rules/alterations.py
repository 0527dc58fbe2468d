"""ALTER TABLE ... RENAME TO and ADD COLUMN, ALTER VIEW ... RENAME TO, and COMMENT ON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from catalog.dialect.statement_rules.tables import column_definition
from catalog.dialect.statements import AddColumn, Comment, QualifiedName, Rename, Statement
from catalog.dialect.syntax import mismatched, not_supported

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor


def alter(cursor: Cursor) -> Statement | None:
    """Read what can be altered; None for another kind of object or of change."""
    cursor.expect("ALTER")
    if cursor.here.upper not in ("TABLE", "VIEW"):
        return None
    kind = cast(Literal["TABLE", "VIEW"], cursor.choose("TABLE", "VIEW"))
    if_exists = kind == "TABLE" and cursor.accept("IF", "EXISTS")
    table = cursor.name()
    if cursor.accept("RENAME", "TO"):
        return Rename(kind, table, cursor.name(), if_exists)
    if kind == "TABLE" and cursor.accept("ADD", "COLUMN"):
        return _added(cursor, table, if_exists)
    return None


def _added(cursor: Cursor, table: QualifiedName, if_exists: bool) -> Statement:
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    column = column_definition(cursor)
    if cursor.here.upper in ("FIRST", "LAST", "AFTER"):
        raise not_supported(f"ADD COLUMN with {cursor.here.upper}", cursor.here)
    return AddColumn(table, column, if_exists, if_not_exists)


def comment(cursor: Cursor) -> Statement:
    """Read COMMENT ON a table, view or column IS a text or NULL."""
    cursor.expect("COMMENT", "ON")
    kind = cast(Literal["TABLE", "VIEW", "COLUMN"], cursor.choose("TABLE", "VIEW", "COLUMN"))
    name = cursor.name()
    if kind == "COLUMN" and len(name.parts) < 2:
        raise mismatched(cursor.here, "'.'")
    cursor.expect("IS")
    return Comment(kind, name, None if cursor.accept("NULL") else cursor.string())
