"""SHOW and DESCRIBE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.lexemes import Kind
from catalog.dialect.statement_rules import policies
from catalog.dialect.statements import (
    DescribeInput,
    DescribeOutput,
    QualifiedName,
    Query,
    ShowCatalogs,
    ShowColumns,
    ShowCreate,
    ShowFunctions,
    ShowGrants,
    ShowRoleGrants,
    ShowRoles,
    ShowSchemas,
    ShowSession,
    ShowStats,
    ShowTables,
    Statement,
)
from catalog.dialect.syntax import mismatched, place
from catalog.dialect.trees import query_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalog.dialect.cursor import Cursor


def show(cursor: Cursor) -> Statement:
    """Read a statement that begins with SHOW."""
    cursor.expect("SHOW")
    if policies.begins(cursor, "POLICIES"):
        return policies.show(cursor)
    rule = _RULES.get(cursor.here.upper)
    if rule is None:
        raise mismatched(cursor.here, ", ".join(f"'{word}'" for word in _RULES))
    cursor.at += 1
    return rule(cursor)


def describe(cursor: Cursor) -> Statement:
    """Read a statement that begins with DESCRIBE or DESC."""
    verb = cursor.choose("DESCRIBE", "DESC")
    word = cursor.here.upper
    if verb == "DESCRIBE" and word in ("INPUT", "OUTPUT") and cursor.ahead().is_name:
        cursor.at += 1
        location = place(cursor.here)
        form = DescribeInput if word == "INPUT" else DescribeOutput
        return form(cursor.identifier(), location)
    return ShowColumns(cursor.name())


def _from(cursor: Cursor) -> QualifiedName | None:
    return cursor.name() if cursor.accept("FROM") or cursor.accept("IN") else None


def _one_part(cursor: Cursor) -> QualifiedName | None:
    if not (cursor.accept("FROM") or cursor.accept("IN")):
        return None
    location = place(cursor.here)
    return QualifiedName((cursor.identifier(),), location)


def _columns(cursor: Cursor) -> Statement:
    cursor.choose("FROM", "IN")
    return ShowColumns(cursor.name(), cursor.pattern())


def _create(cursor: Cursor) -> Statement:
    if policies.begins(cursor):
        return policies.show_create(cursor)
    if cursor.accept("MATERIALIZED"):
        cursor.expect("VIEW")
        return ShowCreate("MATERIALIZED VIEW", cursor.name())
    kind = cursor.choose("TABLE", "SCHEMA", "VIEW", "FUNCTION")
    return ShowCreate(kind, cursor.name())  # type: ignore[arg-type]  # one of the four


def _stats(cursor: Cursor) -> Statement:
    cursor.expect("FOR")
    if cursor.here.text != "(":
        return ShowStats(table=cursor.name())
    start, end = cursor.at + 1, len(cursor.lexemes) - 2
    if end <= start or cursor.lexemes[end].text != ")":
        raise mismatched(cursor.lexemes[-1], "')'")
    tree = query_tree(cursor.cut(start, end), cursor.sql, cursor.limits)
    cursor.at = end + 1
    return ShowStats(query=Query(tree, cursor.text(start, end)))


def _grants(cursor: Cursor) -> Statement:
    if not cursor.accept("ON"):
        return ShowGrants()
    kind = None
    if cursor.ahead().kind in (Kind.WORD, Kind.QUOTED):
        kind = cursor.here.upper
        if kind in ("TABLE", "SCHEMA"):
            cursor.at += 1
        else:
            cursor.identifier()
    return ShowGrants(kind, cursor.name())


def _current(cursor: Cursor) -> Statement:
    cursor.expect("ROLES")
    return ShowRoles(current=True, catalog=_one_part(cursor))


def _role(cursor: Cursor) -> Statement:
    cursor.expect("GRANTS")
    return ShowRoleGrants(_one_part(cursor))


_RULES: dict[str, Callable[[Cursor], Statement]] = {
    "CATALOGS": lambda cursor: ShowCatalogs(cursor.pattern()),
    "SCHEMAS": lambda cursor: ShowSchemas(_one_part(cursor), cursor.pattern()),
    "TABLES": lambda cursor: ShowTables(_from(cursor), cursor.pattern()),
    "COLUMNS": _columns,
    "FUNCTIONS": lambda cursor: ShowFunctions(_from(cursor), cursor.pattern()),
    "SESSION": lambda cursor: ShowSession(cursor.pattern()),
    "CREATE": _create,
    "STATS": _stats,
    "ROLES": lambda cursor: ShowRoles(catalog=_one_part(cursor)),
    "CURRENT": _current,
    "ROLE": _role,
    "GRANTS": _grants,
}
