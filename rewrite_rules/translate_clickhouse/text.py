"""The only places where ClickHouse SQL text is put together: names, literals, calls, casts, guards."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.errors import ErrorCode

_STRING_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0"})
_NAME_ESCAPES = str.maketrans({"\\": "\\\\", "`": "\\`"})


def name(identifier: str) -> str:
    """Write an identifier, always quoted."""
    return f"`{identifier.translate(_NAME_ESCAPES)}`"


def string(value: str) -> str:
    """Write a text literal."""
    return f"'{value.translate(_STRING_ESCAPES)}'"


def call(function: str, *arguments: str) -> str:
    """Write a call."""
    return f"{function}({', '.join(arguments)})"


def operator(symbol: str, operands: Iterable[str]) -> str:
    """Join operands by an infix operator, in brackets of their own."""
    return f"({f' {symbol} '.join(operands)})"


def select(columns: Iterable[str], origin: str = "", *clauses: str, distinct: bool = False) -> str:
    """Write a query; empty clauses are left out, and a query without columns gives a constant."""
    listed = ", ".join(columns) or "1"
    parts = ["SELECT", "DISTINCT" if distinct else "", listed, "FROM" if origin else "", origin, *clauses]
    return " ".join(part for part in parts if part)


def where(conditions: Iterable[str]) -> str:
    """Write a WHERE clause, or nothing where there is no condition."""
    text = " AND ".join(conditions)
    return f"WHERE {text}" if text else ""


def nested(query: str, alias: str = "") -> str:
    """Write a query as a relation."""
    return f"({query}) AS {alias}" if alias else f"({query})"


def either(condition: str, yes: str, no: str) -> str:
    """Write a conditional; a NULL condition chooses `no`."""
    return call("if", condition, yes, no)


CONSTANT_KEY = "identity(1)"
"""A key by which all rows are equal; a bare number would be that of a column."""


def unnumbered(key: str) -> str:
    """Keep ClickHouse from reading a key of GROUP BY or ORDER BY as the number of a column: true would be 1."""
    return call("identity", key) if key.strip("()") in ("true", "false") else key


def guard(bad: str, code: ErrorCode, message: str, value: str, otherwise: str = "NULL") -> str:
    """Write a value that raises a Trino error where `bad` holds; NULL is not bad.

    `otherwise` is never returned: it only gives the expression its type. `engines.clickhouse.errors` reads the
    mark, and nothing of the data may be in it.
    """
    mark = string(f"penstock[{code.name}]{message}[penstock]")
    return either(f"throwIf(ifNull({bad}, 0), {mark}) = 0", value, otherwise)


def unsupported_value(bad: str, what: str, value: str, otherwise: str = "NULL") -> str:
    """Guard against values whose result on ClickHouse is not proved to be Trino's."""
    return guard(bad, ErrorCode.NOT_SUPPORTED, f"{what} is not supported on ClickHouse", value, otherwise)
