"""ALTER of tables, views, materialized views and schemas, and COMMENT ON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from catalog.dialect.statement_rules.authority import principal
from catalog.dialect.statement_rules.columns import add_column, alter_column, drop_column, rename_column
from catalog.dialect.statement_rules.tables import property_list
from catalog.dialect.statements import (
    Comment,
    ExecuteProcedure,
    QualifiedName,
    Rename,
    RenameSchema,
    SetAuthorization,
    SetProperties,
    Statement,
    Unsupported,
)
from catalog.dialect.syntax import mismatched, place

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.cursor import Cursor
    from catalog.dialect.statements.alterations import Owned
    from catalog.errors import Location


def alter(cursor: Cursor) -> Statement:
    """Read a statement that begins with ALTER."""
    location = place(cursor.here)
    cursor.expect("ALTER")
    if cursor.accept("TABLE"):
        return _table(cursor, location)
    if cursor.accept("VIEW"):
        return _view(cursor, location)
    if cursor.accept("MATERIALIZED", "VIEW"):
        return _materialized(cursor)
    if cursor.accept("SCHEMA"):
        return _schema(cursor, location)
    return _other(cursor, location)


def _other(cursor: Cursor, location: Location) -> Statement:
    """Read whom something of a kind that has no rule of its own is to belong to: nothing else is altered of it."""
    kind = cursor.here.upper
    cursor.identifier()
    cursor.name()
    cursor.expect("SET", "AUTHORIZATION")
    principal(cursor)
    return Unsupported(f"ALTER {kind} SET AUTHORIZATION", location)


def _table(cursor: Cursor, location: Location) -> Statement:
    if_exists = cursor.accept("IF", "EXISTS")
    table = cursor.name()
    if cursor.accept("RENAME", "TO"):
        return Rename("TABLE", table, cursor.name(), if_exists)
    if cursor.accept("ADD", "COLUMN"):
        return add_column(cursor, table, if_exists)
    if cursor.accept("DROP", "COLUMN"):
        return drop_column(cursor, table, if_exists)
    if cursor.accept("RENAME", "COLUMN"):
        return rename_column(cursor, table, if_exists)
    if cursor.accept("ALTER", "COLUMN"):
        return alter_column(cursor, table, if_exists)
    if not if_exists and cursor.accept("EXECUTE"):
        return _execute(cursor, table, location)
    if not if_exists and cursor.accept("SET", "PROPERTIES"):
        return SetProperties("TABLE", table, property_list(cursor))
    if not if_exists and cursor.accept("SET", "AUTHORIZATION"):
        return _authorization(cursor, "TABLE", table, location)
    raise mismatched(cursor.here, "'ADD', 'ALTER', 'DROP', 'EXECUTE', 'RENAME', 'SET'")


def _view(cursor: Cursor, location: Location) -> Statement:
    view = cursor.name()
    if cursor.accept("RENAME", "TO"):
        return Rename("VIEW", view, cursor.name(), if_exists=False)
    if cursor.accept("SET", "AUTHORIZATION"):
        return _authorization(cursor, "VIEW", view, location)
    raise mismatched(cursor.here, "'RENAME', 'SET'")


def _materialized(cursor: Cursor) -> Statement:
    if_exists = cursor.accept("IF", "EXISTS")
    view = cursor.name()
    if cursor.accept("RENAME", "TO"):
        return Rename("MATERIALIZED VIEW", view, cursor.name(), if_exists)
    if not if_exists and cursor.accept("SET", "PROPERTIES"):
        return SetProperties("MATERIALIZED VIEW", view, property_list(cursor))
    raise mismatched(cursor.here, "'RENAME', 'SET'")


def _schema(cursor: Cursor, location: Location) -> Statement:
    schema = cursor.name()
    if cursor.accept("RENAME", "TO"):
        return RenameSchema(schema, cursor.identifier())
    if cursor.accept("SET", "AUTHORIZATION"):
        return _authorization(cursor, "SCHEMA", schema, location)
    raise mismatched(cursor.here, "'RENAME', 'SET'")


def _authorization(cursor: Cursor, kind: Owned, name: QualifiedName, location: Location) -> Statement:
    return SetAuthorization(kind, name, principal(cursor), location)


def _execute(cursor: Cursor, table: QualifiedName, location: Location) -> Statement:
    procedure = cursor.identifier()
    arguments: list[tuple[str | None, exp.Expr]] = []
    if cursor.accept("("):
        while cursor.here.text != ")":
            if arguments:
                cursor.expect(",")
            arguments.append(_argument(cursor))
        cursor.expect(")")
    where = cursor.expression() if cursor.accept("WHERE") else None
    return ExecuteProcedure(table, procedure, tuple(arguments), where, location)


def _argument(cursor: Cursor) -> tuple[str | None, exp.Expr]:
    name = None
    if cursor.ahead().text == "=>":
        name = cursor.identifier()
        cursor.expect("=>")
    return name, cursor.expression()


def comment(cursor: Cursor) -> Statement:
    """Read COMMENT ON a table, view or column IS a text or NULL."""
    cursor.expect("COMMENT", "ON")
    kind = cast(Literal["TABLE", "VIEW", "COLUMN"], cursor.choose("TABLE", "VIEW", "COLUMN"))
    name = cursor.name()
    if kind == "COLUMN" and len(name.parts) < 2:
        raise mismatched(cursor.here, "'.'")
    cursor.expect("IS")
    return Comment(kind, name, None if cursor.accept("NULL") else cursor.string())
