"""How large, how deep and how wide a translated text may become before DuckDB sees it.

Some functions of Trino's are written with an argument repeated, so that calls nested in one another multiply, and
DuckDB's binder doubles its memory with every lambda inside a lambda (measured with 1.3: 20 levels take gigabytes).
Its planner, which nothing interrupts, takes a second at the bounds on one query's parts, and minutes at their double:
the time grows with the third to sixth power of their number, and the memory of filtered aggregates with its square.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog.errors import ErrorCode, Refusal

LONGEST_CALL = 131_072
"""Characters of one function call; DuckDB takes about a second to bind as much of nested conditions."""
LONGEST_EXPRESSION = 4_194_304
"""Characters of any expression: more than 20,000 nodes take that are not written several times each."""
MOST_LAMBDAS = 8
"""Lambdas inside one another."""

MOST_JOINED = 100
"""Relations of one FROM clause."""
MOST_READ = 250
"""Relations of a statement, each as often as it is read: a WITH query's count for each of its names."""
MOST_DEPENDENT = 32
"""Subqueries of one query, in FROM or in expressions, that name its columns."""
MOST_COMPARED = 200
"""INTERSECTs and EXCEPTs in a row."""
MOST_FILTERED = 400
"""Aggregates of one query with FILTER."""
MOST_DISTINCT = 200
"""Aggregates of one query with DISTINCT."""

_LEXEME = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\blambda\b|[()\[\]]")


def too_complex() -> Refusal:
    """Return the refusal of a text over the bounds."""
    return Refusal(
        ErrorCode.GENERIC_USER_ERROR,
        "Query is too complex for the embedded lake: what it computes is nested too deeply",
        hint="Simplify the query.",
    )


def check_number(number: int, most: int, what: str) -> None:
    """Refuse a query with more than so many parts of a kind. Raises Refusal GENERIC_USER_ERROR."""
    if number > most:
        raise Refusal(
            ErrorCode.GENERIC_USER_ERROR,
            f"Query is too complex for the embedded lake: it has more than {most} {what}",
            hint="Let a WITH query or a subquery do a part of it.",
        )


@dataclass(slots=True)
class Tally:
    """Count the relations that a statement reads, while it is written."""

    relations: int = 0

    def add(self, relations: int) -> None:
        """Count some more. Raises Refusal GENERIC_USER_ERROR."""
        self.relations += relations
        check_number(self.relations, MOST_READ, "relations once its WITH queries are written out")


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
