"""CREATE MATERIALIZED VIEW."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.statement_rules.tables import properties
from catalog.dialect.statements import CreateMaterializedView, Statement
from catalog.dialect.syntax import mismatched, place
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor


def create_materialized_view(cursor: Cursor, *, replace: bool) -> Statement:
    """Read what follows CREATE [OR REPLACE] MATERIALIZED VIEW."""
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    view = cursor.name()
    late: Refusal | None = None
    if cursor.accept("GRACE", "PERIOD"):
        late = _grace_period(cursor)
    if cursor.accept("COMMENT"):
        cursor.string()
    given = properties(cursor)
    cursor.expect("AS")
    query = cursor.query()
    if late is not None:
        raise late
    if replace and if_not_exists:
        what = "'CREATE OR REPLACE' and 'IF NOT EXISTS' clauses can not be used together"
        raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=place(cursor.lexemes[0]))
    return CreateMaterializedView(view, query, tuple(name for name, _ in given), place(cursor.lexemes[0]))


def _grace_period(cursor: Cursor) -> Refusal | None:
    """Read an interval; return what is wrong with its value, which counts only if the rest can be read."""
    if cursor.here.upper != "INTERVAL":
        raise mismatched(cursor.here, "'INTERVAL'")
    try:
        cursor.expression("COMMENT", "WITH", "AS")
    except Refusal as refusal:
        if refusal.code is ErrorCode.SYNTAX_ERROR:
            raise
        return refusal
    return None
