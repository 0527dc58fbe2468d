"""What an expression without columns comes to: literals are read, what is computed is computed by DuckDB."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from sqlglot import exp

Constant = Decimal | str | bool
Known = tuple[Constant | None]
"""A value that is known, in a tuple of its own: NULL is a value as well."""

_SETTINGS = {"enable_external_access": "false", "memory_limit": "256MB", "threads": "1"}
_VARIES = (exp.Column, exp.Dot)
_PERSONAL = frozenset({"attr", "currentuser"})


def constant_of(node: exp.Expr) -> Known | None:
    """Return the value of an expression that has the same one for every row and caller; None of any other."""
    match node:
        case exp.Paren():
            return constant_of(node.this)
        case exp.Literal():
            return _literal(node)
        case exp.Boolean():
            return (bool(node.this),)
        case exp.Null():
            return (None,)
        case exp.Neg() if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return _number(f"-{node.this.this}")
        case exp.Column() | exp.Dot():
            return None
    if varies(node):
        return None
    return _computed(node.sql(dialect="duckdb"))


def varies(node: exp.Expr) -> bool:
    """Tell whether an expression's value depends on a row or on the caller."""
    return any(
        isinstance(each, _VARIES) or (isinstance(each, exp.Anonymous) and each.name.lower() in _PERSONAL)
        for each in node.walk()
    )


def _literal(node: exp.Literal) -> Known | None:
    return (str(node.this),) if node.is_string else _number(str(node.this))


def _number(text: str) -> Known | None:
    try:
        return (Decimal(text),)
    except InvalidOperation:
        return None


def rows_of(query: str) -> list[tuple[Any, ...]] | None:
    """Return what DuckDB answers; None where it cannot. It reaches nothing and takes little."""
    import duckdb

    try:
        with _engine().cursor() as cursor:
            return list(cursor.execute(query).fetchall())
    except duckdb.Error:
        return None


@lru_cache(maxsize=1)
def _engine() -> Any:
    import duckdb

    return duckdb.connect(":memory:", config=dict(_SETTINGS))


@lru_cache(maxsize=20_000)
def _computed(sql: str) -> Known | None:
    rows = rows_of(f"SELECT {sql}")
    return _plain(rows[0][0]) if rows else None


def _plain(value: Any) -> Known | None:
    """Return a value in a kind that compares as the engine does; moments as numbers."""
    match value:
        case None | bool() | str() | Decimal():
            return (value,)
        case int():
            return (Decimal(value),)
        case float() if value == value and abs(value) != float("inf"):
            return (Decimal(repr(value)),)
        case dt.datetime() if value.tzinfo is None:
            return (Decimal(int((value - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1))),)  # noqa: DTZ001  (it has no zone either)
        case dt.date() if not isinstance(value, dt.datetime):
            return (Decimal(value.toordinal()),)
    return None
