"""CREATE and DROP of tables, views and schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from sqlglot import exp

from catalog.dialect.statements import (
    ColumnDefinition,
    CreateSchema,
    CreateTable,
    CreateTableAs,
    CreateView,
    DropMaterializedView,
    DropSchema,
    DropTable,
    DropView,
    LikeClause,
    QualifiedName,
    Query,
    Statement,
)
from catalog.dialect.syntax import mismatched, not_supported, place
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor

    Properties = tuple[tuple[str, exp.Expr | None], ...]


def create_schema(cursor: Cursor) -> Statement:
    """Read what follows CREATE SCHEMA."""
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    schema = cursor.name()
    owner = _owner(cursor) if cursor.accept("AUTHORIZATION") else None
    return CreateSchema(schema, if_not_exists, properties(cursor), owner)


def _owner(cursor: Cursor) -> str:
    """Read whom a schema is to belong to: a name, or a user by that word."""
    if cursor.here.upper == "ROLE" and cursor.ahead().is_name:
        raise not_supported("CREATE SCHEMA with AUTHORIZATION of a role", cursor.here)
    if cursor.here.upper == "USER" and cursor.ahead().is_name:
        cursor.at += 1
    return cursor.identifier()


def drop_table(cursor: Cursor) -> Statement:
    """Read what follows DROP TABLE."""
    if_exists = cursor.accept("IF", "EXISTS")
    return DropTable(cursor.name(), if_exists)


def drop_view(cursor: Cursor) -> Statement:
    """Read what follows DROP VIEW."""
    if_exists = cursor.accept("IF", "EXISTS")
    return DropView(cursor.name(), if_exists)


def drop_materialized_view(cursor: Cursor) -> Statement:
    """Read what follows DROP MATERIALIZED VIEW."""
    if_exists = cursor.accept("IF", "EXISTS")
    return DropMaterializedView(cursor.name(), if_exists)


def drop_schema(cursor: Cursor) -> Statement:
    """Read what follows DROP SCHEMA."""
    if_exists = cursor.accept("IF", "EXISTS")
    schema = cursor.name()
    cascade = cursor.accept("CASCADE")
    if not cascade:
        cursor.accept("RESTRICT")
    return DropSchema(schema, if_exists, cascade)


def create_table(cursor: Cursor, *, replace: bool) -> Statement:
    """Read what follows CREATE [OR REPLACE] TABLE."""
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    table = cursor.name()
    if cursor.here.text == "(" and not _is_name_list(cursor):
        elements = _elements(cursor)
        comment = cursor.string() if cursor.accept("COMMENT") else None
        return CreateTable(table, elements, replace, if_not_exists, comment, properties(cursor))
    columns = cursor.names() if cursor.here.text == "(" else None
    comment = cursor.string() if cursor.accept("COMMENT") else None
    given = properties(cursor)
    cursor.expect("AS")
    with_data, trailing = _data_clause(cursor)
    query = _bare(cursor.query(leave=trailing))
    cursor.at += trailing
    return CreateTableAs(table, query, columns, replace, if_not_exists, comment, given, with_data)


def _bare(query: Query) -> Query:
    """Take the parentheses away that CREATE TABLE AS allows around a query: they are the statement's.

    `(WITH ...)` is no query by itself in Trino's grammar, and an engine is asked about the query alone.
    """
    tree = query.tree
    while isinstance(tree, exp.Subquery) and {key for key, value in tree.args.items() if value} == {"this"}:
        inner = tree.this.pop()
        inner.meta.update(tree.meta)
        tree = inner
    return Query(tree, query.text)


def _is_name_list(cursor: Cursor) -> bool:
    """Tell column aliases from column definitions: names with nothing between them but commas."""
    step = 1
    while cursor.ahead(step).is_name and cursor.ahead(step + 1).text == ",":
        step += 2
    return cursor.ahead(step).is_name and cursor.ahead(step + 1).text == ")"


def _data_clause(cursor: Cursor) -> tuple[bool, int]:
    """Return whether WITH DATA holds, and how many lexemes at the end say so."""
    last = [lexeme.upper for lexeme in cursor.lexemes[-4:-1]]
    if last[-3:] == ["WITH", "NO", "DATA"]:
        return False, 3
    return True, 2 if last[-2:] == ["WITH", "DATA"] else 0


def _elements(cursor: Cursor) -> tuple[ColumnDefinition | LikeClause, ...]:
    cursor.expect("(")
    elements = [_element(cursor)]
    while cursor.accept(","):
        elements.append(_element(cursor))
    cursor.expect(")")
    return tuple(elements)


def _element(cursor: Cursor) -> ColumnDefinition | LikeClause:
    if cursor.accept("LIKE"):
        table = cursor.name()
        if cursor.here.upper in ("INCLUDING", "EXCLUDING"):
            including = cursor.choose("INCLUDING", "EXCLUDING") == "INCLUDING"
            cursor.expect("PROPERTIES")
            return LikeClause(table, including)
        return LikeClause(table, None)
    return column_definition(cursor)


def column_definition(cursor: Cursor) -> ColumnDefinition:
    """Read a column's name, type, nullability, comment and properties."""
    location = place(cursor.here)
    name = cursor.identifier()
    if cursor.here.text == ".":
        raise mismatched(cursor.here)
    type_text = column_type(cursor, name)
    nullable = not cursor.accept("NOT", "NULL")
    comment = cursor.string() if cursor.accept("COMMENT") else None
    return ColumnDefinition(name, type_text, nullable, comment, properties(cursor), location)


def column_type(cursor: Cursor, name: str) -> str:
    """Read a column's type; one that nobody knows has an error name of its own here."""
    lexeme = cursor.here
    try:
        return cursor.type()
    except Refusal as refusal:
        if refusal.code is not ErrorCode.TYPE_MISMATCH:
            raise
        what = f"Unknown type '{lexeme.text}' for column '{name}'"
        raise Refusal(ErrorCode.TYPE_NOT_FOUND, what, location=place(lexeme)) from refusal


def properties(cursor: Cursor) -> Properties:
    """Read WITH (properties) if it stands here."""
    if cursor.here.upper != "WITH" or cursor.ahead().text != "(":
        return ()
    cursor.expect("WITH", "(")
    found = property_list(cursor)
    cursor.expect(")")
    return found


def property_list(cursor: Cursor) -> Properties:
    """Read properties with their values, separated by commas."""
    found = [_property(cursor)]
    while cursor.accept(","):
        found.append(_property(cursor))
    return tuple(found)


def _property(cursor: Cursor) -> tuple[str, exp.Expr | None]:
    name = cursor.identifier()
    cursor.expect("=")
    if cursor.here.upper == "DEFAULT" and cursor.ahead().text in (",", ")", ""):
        cursor.at += 1
        return name, None
    return name, cursor.expression()


def create_view(cursor: Cursor, *, replace: bool) -> Statement:
    """Read what follows CREATE [OR REPLACE] VIEW."""
    view: QualifiedName = cursor.name()
    comment = cursor.string() if cursor.accept("COMMENT") else None
    security = None
    if cursor.accept("SECURITY"):
        security = cast(Literal["DEFINER", "INVOKER"], cursor.choose("DEFINER", "INVOKER"))
    location = place(cursor.here)
    for name, _ in properties(cursor):
        what = f"View property '{name}' is not allowed through this gateway."
        raise Refusal(ErrorCode.INVALID_VIEW_PROPERTY, what, location=location)
    cursor.expect("AS")
    return CreateView(view, cursor.query(), replace, security, comment)
