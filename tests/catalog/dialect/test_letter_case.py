"""Words mean the same in whatever case they are typed, so no tree keeps how they were, but in names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sqlglot import exp

from catalog.dialect.lexemes import Kind
from catalog.dialect.lexer import lex
from catalog.dialect.parse import parse_query
from catalog.dialect.split import split_statements
from catalog.errors import Refusal
from tests import function_cases

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAMES = (exp.Identifier, exp.Anonymous, exp.Var)
"""Nodes of names, which everybody compares without regard to case; `normalize(v, nfd)` has a Var."""


def in_case(sql: str, change: Callable[[str], str]) -> str:
    """Write a text with its words, quoted names and strings apart, in another case."""
    parts, at = [], 0
    for lexeme in lex(sql):
        text = sql[lexeme.start : lexeme.end]
        parts += [sql[at : lexeme.start], change(text) if lexeme.kind is Kind.WORD else text]
        at = lexeme.end
    return "".join(parts)


def words_of(sql: str) -> list[tuple[str, str, str]]:
    """Return the texts that a tree keeps besides names."""
    nodes = (node for node in parse_query(sql).walk() if not isinstance(node, NAMES))
    found = ((type(node).__name__, key, value) for node in nodes for key, value in node.args.items())
    return [(kind, key, value) for kind, key, value in found if isinstance(value, str)]


def queries() -> Iterator[str]:
    for case in function_cases.load().values():
        yield case["trino_sql"].replace("{t}", "t")
    for file in (*FIXTURES.glob("compare/*.sql"), *FIXTURES.glob("dialect/*.sql")):
        for part in split_statements(file.read_text("utf-8")):
            yield part.text


def test_no_tree_keeps_the_case_in_which_its_words_were_typed() -> None:
    compared = 0
    for sql in queries():
        try:
            upper = words_of(in_case(sql, str.upper))
        except Refusal:
            continue  # no query, or one that is not taken
        if "P4HYPERLOGLOG" not in sql.upper():  # a type of its own, found by its name
            assert words_of(in_case(sql, str.lower)) == upper, sql
            compared += 1
    assert compared > 1000
