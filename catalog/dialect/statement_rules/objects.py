"""CREATE and DROP: which rule reads which kind of object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.statement_rules import authority, materialized_views, policies, stored_functions, tables
from catalog.dialect.syntax import mismatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalog.dialect.cursor import Cursor
    from catalog.dialect.statements import Statement

    Rule = Callable[[Cursor], Statement]


def create(cursor: Cursor) -> Statement:
    """Read a statement that begins with CREATE."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR")
    if replace:
        cursor.expect("REPLACE")
    if policies.begins(cursor):
        return policies.create(cursor, replace)
    return _rule(cursor, _REPLACE if replace else _CREATE)(cursor)


def drop(cursor: Cursor) -> Statement:
    """Read a statement that begins with DROP."""
    cursor.expect("DROP")
    if policies.begins(cursor):
        return policies.drop(cursor)
    return _rule(cursor, _DROP)(cursor)


def _rule(cursor: Cursor, rules: dict[str, Rule]) -> Rule:
    """Step over the word that names a kind of object; return the rule for what follows it."""
    word = cursor.here.upper
    rule = rules.get(word)
    if rule is None:
        raise mismatched(cursor.here, ", ".join(f"'{each}'" for each in sorted(rules)))
    cursor.at += 1
    if word == "MATERIALIZED":
        cursor.expect("VIEW")
    return rule


_REPLACE: dict[str, Rule] = {
    "FUNCTION": stored_functions.create_function,
    "MATERIALIZED": lambda cursor: materialized_views.create_materialized_view(cursor, replace=True),
    "TABLE": lambda cursor: tables.create_table(cursor, replace=True),
    "VIEW": lambda cursor: tables.create_view(cursor, replace=True),
}
_CREATE: dict[str, Rule] = {
    "CATALOG": authority.create_catalog,
    "FUNCTION": stored_functions.create_function,
    "MATERIALIZED": lambda cursor: materialized_views.create_materialized_view(cursor, replace=False),
    "ROLE": authority.create_role,
    "SCHEMA": tables.create_schema,
    "TABLE": lambda cursor: tables.create_table(cursor, replace=False),
    "VIEW": lambda cursor: tables.create_view(cursor, replace=False),
}
_DROP: dict[str, Rule] = {
    "CATALOG": authority.drop_catalog,
    "FUNCTION": stored_functions.drop_function,
    "MATERIALIZED": tables.drop_materialized_view,
    "ROLE": authority.drop_role,
    "SCHEMA": tables.drop_schema,
    "TABLE": tables.drop_table,
    "VIEW": tables.drop_view,
}
