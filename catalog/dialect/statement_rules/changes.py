"""INSERT, DELETE, UPDATE, TRUNCATE, ANALYZE and REFRESH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.statement_rules.tables import properties
from catalog.dialect.statements import (
    Analyze,
    Delete,
    Insert,
    RefreshMaterializedView,
    Statement,
    Truncate,
    Update,
)
from catalog.dialect.syntax import place
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.cursor import Cursor


def insert(cursor: Cursor) -> Statement:
    """Read INSERT INTO table [(columns)] query."""
    cursor.expect("INSERT", "INTO")
    table = cursor.name()
    columns = None
    following = cursor.ahead()
    if cursor.here.text == "(" and following.is_name and following.upper not in RESERVED:
        columns = cursor.names()
    return Insert(table, columns, cursor.query())


def delete(cursor: Cursor) -> Statement:
    """Read DELETE FROM table [WHERE condition]."""
    cursor.expect("DELETE", "FROM")
    table = cursor.name()
    return Delete(table, cursor.expression() if cursor.accept("WHERE") else None)


def update(cursor: Cursor) -> Statement:
    """Read UPDATE table SET column = expression, ... [WHERE condition]."""
    cursor.expect("UPDATE")
    table = cursor.name()
    cursor.expect("SET")
    assignments = [_assignment(cursor)]
    while cursor.accept(","):
        assignments.append(_assignment(cursor))
    where = cursor.expression() if cursor.accept("WHERE") else None
    return Update(table, tuple(assignments), where)


def _assignment(cursor: Cursor) -> tuple[str, exp.Expr]:
    name = cursor.identifier()
    cursor.expect("=")
    return name, cursor.expression("WHERE")


def truncate(cursor: Cursor) -> Statement:
    """Read TRUNCATE TABLE table."""
    cursor.expect("TRUNCATE", "TABLE")
    return Truncate(cursor.name())


def analyze(cursor: Cursor) -> Statement:
    """Read ANALYZE table [WITH (properties)]."""
    cursor.expect("ANALYZE")
    return Analyze(cursor.name(), properties(cursor))


def refresh(cursor: Cursor) -> Statement:
    """Read REFRESH MATERIALIZED VIEW view."""
    location = place(cursor.here)
    cursor.expect("REFRESH", "MATERIALIZED", "VIEW")
    return RefreshMaterializedView(cursor.name(), location)
