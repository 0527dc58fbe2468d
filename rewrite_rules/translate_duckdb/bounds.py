"""How large and how deep a translated text may become before DuckDB sees it.

Some functions of Trino's are written with an argument repeated, so that calls nested in one another multiply, and
DuckDB's binder doubles its memory with every lambda inside a lambda (measured with 1.3: 20 levels take gigabytes).
"""

from __future__ import annotations

import re

from catalog.errors import ErrorCode, Refusal

LONGEST_CALL = 131_072
"""Characters of one function call; DuckDB takes about a second to bind as much of nested conditions."""
LONGEST_EXPRESSION = 4_194_304
"""Characters of any expression: more than 20,000 nodes take that are not written several times each."""
MOST_LAMBDAS = 8
"""Lambdas inside one another."""

_LEXEME = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\blambda\b|[()\[\]]")


def too_complex() -> Refusal:
    """Return the refusal of a text over the bounds."""
    return Refusal(
        ErrorCode.GENERIC_USER_ERROR,
        "Query is too complex for the embedded lake: what it computes is nested too deeply",
        hint="Simplify the query.",
    )


def bounded(sql: str) -> str:
    """Return a text whose lambdas are not nested too deeply. Raises Refusal GENERIC_USER_ERROR."""
    if sql.count("lambda") > MOST_LAMBDAS and nested_lambdas(sql) > MOST_LAMBDAS:
        raise too_complex()
    return sql


def nested_lambdas(sql: str) -> int:
    """Return how many lambdas stand inside one another; a lambda lasts to the end of its call."""
    open_calls, inside, deepest = [0], 0, 0
    for found in _LEXEME.finditer(sql):
        lexeme = found.group()
        if lexeme in "([":
            open_calls.append(0)
        elif lexeme in ")]":
            inside -= open_calls.pop() if len(open_calls) > 1 else 0
        elif lexeme == "lambda":
            open_calls[-1] += 1
            inside += 1
            deepest = max(deepest, inside)
    return deepest
