"""INSERT, DELETE and UPDATE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.statements import Delete, Insert, Statement, Update
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
