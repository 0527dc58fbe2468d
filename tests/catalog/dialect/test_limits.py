"""Large and deep texts are refused before anything recursive sees them, and what passes is parsed in bounded time."""

from __future__ import annotations

import time

import pytest

from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_statement
from catalog.dialect.statements import Query
from catalog.errors import ErrorCode, Refusal
from tests.texts import generate_checked

DEEP = {
    "parentheses": "SELECT " + "(" * 98 + "1" + ")" * 98,
    "arrays": "SELECT " + "ARRAY[" * 98 + "1" + "]" * 98,
    "rows": "SELECT " + "ROW(" * 98 + "1" + ")" * 98,
    "maps": "SELECT " + "MAP(ARRAY[" * 49 + "1" + "], ARRAY[1])" * 49,
    "calls": "SELECT " + "f(" * 98 + "1" + ")" * 98,
    "cases": "SELECT " + "CASE WHEN true THEN " * 98 + "1" + " END" * 98,
    "casts": "SELECT " + "CAST(" * 98 + "1" + " AS bigint)" * 98,
    "types": "SELECT CAST(1 AS " + "array(" * 90 + "int" + ")" * 90 + ")",
    "relations": "SELECT * FROM " + "(SELECT * FROM " * 98 + "t" + ")" * 98,
    "scalars": "SELECT " + "(SELECT " * 98 + "1" + ")" * 98,
    "predicates": "SELECT 1 WHERE " + "a IN (SELECT 1 WHERE " * 98 + "true" + ")" * 98,
    "queries": "WITH a AS (" * 98 + "SELECT 1" + ") SELECT * FROM a" * 98,
    "lambdas": "SELECT " + "f(x -> " * 8 + "1" + ")" * 8,
    "negations": "SELECT " + "NOT " * 49 + "true",
}
WIDE = {
    "disjunction": "SELECT * FROM t WHERE " + " OR ".join(["order_id = 1"] * 4000),
    "list": "SELECT 1 WHERE a IN (" + ", ".join(map(str, range(15_000))) + ")",
    "union": " UNION ALL ".join(["SELECT 1"] * 2000),
    "concatenation": "SELECT " + " || ".join(["a"] * 4000),
    "rows": "VALUES " + ", ".join(["(1, 2, 3)"] * 3000),
    "joins": "SELECT * FROM a" + "".join(f" JOIN b{i} ON true" for i in range(500)),
    "literal": "SELECT '" + "a" * 1_000_000 + "'",
    "blanks": "SELECT" + " " * 1_000_000 + "1",
    "comments": "SELECT " + "/* */" * 150_000 + "1",
}
TOO_MUCH = {
    "parentheses": ("SELECT " + "(" * 500 + "1" + ")" * 500, ErrorCode.GENERIC_USER_ERROR),
    "arrays": ("SELECT " + "ARRAY[" * 200 + "1" + "]" * 200, ErrorCode.GENERIC_USER_ERROR),
    "cases": ("SELECT " + "CASE WHEN true THEN " * 101 + "1" + " END" * 101, ErrorCode.GENERIC_USER_ERROR),
    "subqueries": (
        "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "t" + ")" * 10_000,
        ErrorCode.GENERIC_USER_ERROR,
    ),
    "minus": ("SELECT " + "- " * 1000 + "1", ErrorCode.GENERIC_USER_ERROR),
    "not": ("SELECT " + "NOT " * 1000 + "true", ErrorCode.GENERIC_USER_ERROR),
    "dots": ("SELECT " + ".".join(["a"] * 1000), ErrorCode.GENERIC_USER_ERROR),
    "subscripts": ("SELECT a" + "[1]" * 1000, ErrorCode.GENERIC_USER_ERROR),
    "joins without end": ("SELECT * FROM a" + " JOIN b" * 190, ErrorCode.GENERIC_USER_ERROR),
    "more joins without end": ("SELECT * FROM a" + " JOIN b" * 2000, ErrorCode.GENERIC_USER_ERROR),
    "types": ("SELECT CAST(1 AS " + "array<" * 5000 + "int" + ">" * 5000 + ")", ErrorCode.GENERIC_USER_ERROR),
    "explain": ("EXPLAIN " * 20_000 + "SELECT 1", ErrorCode.GENERIC_USER_ERROR),
    "prepare": ("PREPARE p FROM " * 5000 + "SELECT 1", ErrorCode.GENERIC_USER_ERROR),
    "nodes": ("SELECT " + " + ".join(["a"] * 25_000), ErrorCode.GENERIC_USER_ERROR),
    "tokens": ("SELECT " + "a, " * 90_000 + "a", ErrorCode.QUERY_TEXT_TOO_LARGE),
    "bytes": ("SELECT '" + "a" * 67_108_864 + "'", ErrorCode.QUERY_TEXT_TOO_LARGE),
    "bytes of UTF-8": ("SELECT '" + "é" * 600_000 + "'", ErrorCode.QUERY_TEXT_TOO_LARGE),
    "digits": ("SELECT " + "1" * 900_000, ErrorCode.SYNTAX_ERROR),
    "NUL": ("SELECT * FROM orders\0", ErrorCode.SYNTAX_ERROR),
    "NUL in a literal": ("SELECT '\0'", ErrorCode.SYNTAX_ERROR),
    "surrogate": ("SELECT '\ud800'", ErrorCode.SYNTAX_ERROR),
    "quotes": ("SELECT " + "'" * 99_999, ErrorCode.SYNTAX_ERROR),
    "open comment": ("SELECT /*" + "*" * 900_000, ErrorCode.SYNTAX_ERROR),
}


def timed(sql: str) -> float:
    start = time.process_time()
    statement = parse_statement(sql)
    assert isinstance(statement, Query)
    generate_checked(statement.tree)
    return time.process_time() - start


@pytest.mark.parametrize("name", DEEP)
def test_nesting_up_to_the_limit_is_fast(name: str) -> None:
    assert timed(DEEP[name]) < 0.5


@pytest.mark.parametrize("name", WIDE)
def test_long_flat_texts_work(name: str) -> None:
    assert timed(WIDE[name]) < 5


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_passes_a_limit_is_refused_quickly_and_by_name(name: str) -> None:
    sql, code = TOO_MUCH[name]
    start = time.process_time()
    with pytest.raises(Refusal) as refused:
        parse_statement(sql)
    assert refused.value.code is code
    assert time.process_time() - start < 3


def test_the_limit_is_named_with_its_value_and_place() -> None:
    with pytest.raises(Refusal) as refused:
        parse_statement("SELECT ((((1))))", Limits(max_depth=3))
    assert refused.value.text == "line 1:11: Query has more than 3 levels of nesting. Simplify the query."


def test_the_limits_of_a_text_are_the_callers() -> None:
    with pytest.raises(Refusal, match="exceeds the maximum length"):
        parse_statement("SELECT 1", Limits(max_bytes=7))
    with pytest.raises(Refusal, match="2 syntax nodes"):
        parse_statement("SELECT a + b + c", Limits(max_nodes=2))
