"""Values to try masks on, by what a column seems to hold; DuckDB computes what custom SQL makes of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from sqlglot import exp

from policies.lint.constants import rows_of

_KINDS: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = (
    (re.compile(r"e?_?mail"), ("ana.lopez@example.com", "b.okafor@mail.example.org", "li.wei@corp.example.net")),
    (re.compile(r"ssn|social"), ("123-45-6789", "987-65-4321", "555-12-3456")),
    (re.compile(r"phone|mobile|fax|tel"), ("+1 415 555 0142", "020 7946 0958", "415-555-0199")),
    (re.compile(r"card|pan$"), ("4111-1111-1111-1111", "5500 0000 0000 0004", "340000000000009")),
    (re.compile(r"iban|account"), ("DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606")),
)
_TEXTS = ("Ana Lopez", "Benedict Okafor", "4711-0815", "Karl-Heinz von Tal")
_TYPES: Sequence[tuple[str, tuple[str, ...]]] = (
    ("BIGINT", ("4711", "815", "123456789")),
    ("DOUBLE", ("47.11", "815.5", "-3.25")),
    ("DATE", ("1984-07-09", "2001-02-28", "1999-12-31")),
    ("TIMESTAMP", ("1984-07-09 03:14:15", "2001-02-28 23:59:59", "1999-12-31 12:30:00")),
)


def texts_of(column: str) -> tuple[str, ...]:
    """Return texts as a column of such a name holds them."""
    return next((values for pattern, values in _KINDS if pattern.search(column)), _TEXTS)


def shown_share(tree: exp.Expr, column: str) -> float:
    """Return of how many of a column's values an expression shows all that can be read in them, from 0 to 1.

    What the type of the column is, is tried in turn: the first with which the expression can be computed counts.
    """
    return _share(tree.sql(dialect="duckdb"), column, tuple(sorted(c.name for c in tree.find_all(exp.Column))))


@lru_cache(maxsize=10_000)
def _share(sql: str, column: str, columns: tuple[str, ...]) -> float:
    if column not in columns:
        return 0.0
    for type_name, values in (("VARCHAR", texts_of(column)), *_TYPES):
        shown = _computed(sql, column, columns, type_name, values)
        if shown is not None:
            return sum(reads(value, found) for value, found in zip(values, shown, strict=True)) / len(values)
    return 0.0


def _computed(
    sql: str, column: str, columns: tuple[str, ...], type_name: str, values: tuple[str, ...]
) -> list[str | None] | None:
    """Return what the expression shows of each value; None where it cannot be computed over this type."""
    named = exp.to_identifier(column, quoted=True).sql()
    others = [f"'other {n}' AS {exp.to_identifier(c, quoted=True).sql()}" for n, c in enumerate(columns) if c != column]
    shown = ", ".join([f"CAST(v AS {type_name}) AS {named}", *others])
    rows = ", ".join(f"({number}, '{value}')" for number, value in enumerate(values))
    query = f"SELECT CAST(({sql}) AS VARCHAR), n FROM (SELECT n, {shown} FROM (VALUES {rows}) t(n, v)) ORDER BY n"  # noqa: S608  (our own values, in memory)
    answer = rows_of(query)
    return None if answer is None else [found for found, _ in answer]


def reads(value: str, shown: str | None) -> bool:
    """Tell whether a value can be read in what is shown: as it is, in another case or order, or as hexadecimal."""
    mine, theirs = _plain(value), _plain(shown or "")
    return mine in theirs or mine[::-1] in theirs or value.encode().hex() in theirs


def _plain(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
