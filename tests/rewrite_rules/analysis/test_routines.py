"""Inline functions: whose overload a call means, and what Trino refuses in a body."""

from __future__ import annotations

import pytest

from catalog.dialect.parse import parse_statement
from catalog.dialect.statements import Query
from catalog.errors import ErrorCode, Refusal
from rewrite_rules.analysis import Analysis, AnalysisContext, analyze
from rewrite_rules.resolve import resolve
from tests.rewrite_rules.analysis.conftest import TABLES


def analyzed(sql: str, *, strict: bool = False) -> tuple[str, Analysis]:
    """Return the query's text after the analysis, and what was found."""
    statement = parse_statement(sql)
    assert isinstance(statement, Query)
    functions = statement.tree.args.pop("functions")
    tree = resolve(statement.tree, "memory", "default").tree
    context = AnalysisContext("memory", "default", TABLES, strict, functions=functions)
    return tree.sql(), analyze(tree, context)


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("WITH FUNCTION f(x integer) RETURNS varchar RETURN 'a' SELECT f(a), f(NULL) FROM t", ["varchar", "varchar"]),
        (
            "WITH FUNCTION f(x bigint) RETURNS bigint RETURN x, FUNCTION f(x varchar) RETURNS date RETURN current_date "
            "SELECT f(a), f(c) FROM t",
            ["bigint", "date"],
        ),
        (
            "WITH FUNCTION f(x integer) RETURNS integer RETURN x, FUNCTION g(x integer) RETURNS bigint RETURN f(x) "
            "SELECT g(a) FROM t",
            ["bigint"],
        ),
        (
            "WITH FUNCTION abs(x varchar) RETURNS date RETURN current_date SELECT abs(c), abs(a) FROM t",
            ["date", "integer"],
        ),
        (
            "WITH FUNCTION transform(x integer) RETURNS integer RETURN x SELECT transform(ARRAY[a], y -> y + 1) FROM t",
            ["array(integer)"],
        ),
    ],
)
def test_a_call_means_the_overload_that_fits_and_else_the_built_in(sql: str, types: list[str]) -> None:
    assert [str(column.type) for column in analyzed(sql)[1].columns] == types


HEAD = "WITH FUNCTION f(x integer) RETURNS integer"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (f"{HEAD} RETURN nosuch SELECT f(1)", ErrorCode.COLUMN_NOT_FOUND),
        (f"{HEAD} RETURN a SELECT f(1) FROM t", ErrorCode.COLUMN_NOT_FOUND),
        (f"{HEAD} RETURN t.a SELECT f(1) FROM t", ErrorCode.COLUMN_NOT_FOUND),
        (f"{HEAD} RETURN nosuch(x) SELECT f(1)", ErrorCode.FUNCTION_NOT_FOUND),
        (
            f"{HEAD} RETURN g(x), FUNCTION g(x integer) RETURNS integer RETURN x SELECT f(1)",
            ErrorCode.FUNCTION_NOT_FOUND,
        ),
        (f"{HEAD} RETURN 'a' SELECT f(1)", ErrorCode.TYPE_MISMATCH),
        (f"{HEAD} RETURN x SELECT f('a')", ErrorCode.FUNCTION_NOT_FOUND),
        (f"{HEAD} RETURN f(x) SELECT f(1)", ErrorCode.NOT_SUPPORTED),
        (f"{HEAD} BEGIN SET x = 1; END SELECT f(1)", ErrorCode.MISSING_RETURN),
        (f"{HEAD} BEGIN END SELECT f(1)", ErrorCode.MISSING_RETURN),
        (f"{HEAD} BEGIN DECLARE X date; RETURN 1; END SELECT f(1)", ErrorCode.ALREADY_EXISTS),
        (
            f"{HEAD} BEGIN l: LOOP L: LOOP LEAVE l; END LOOP; END LOOP; RETURN 1; END SELECT f(1)",
            ErrorCode.ALREADY_EXISTS,
        ),
        (f"{HEAD} BEGIN LEAVE l; RETURN 1; END SELECT f(1)", ErrorCode.NOT_FOUND),
        (f"{HEAD} BEGIN SET y = 1; RETURN 1; END SELECT f(1)", ErrorCode.NOT_FOUND),
        (f"{HEAD} BEGIN SET x = 'a'; RETURN 1; END SELECT f(1)", ErrorCode.TYPE_MISMATCH),
        (f"{HEAD} BEGIN IF x THEN RETURN 1; END IF; RETURN 1; END SELECT f(1)", ErrorCode.TYPE_MISMATCH),
        (f"{HEAD} BEGIN WHILE x DO RETURN 1; END WHILE; RETURN 1; END SELECT f(1)", ErrorCode.TYPE_MISMATCH),
        (f"{HEAD} BEGIN CASE x WHEN 'a' THEN RETURN 1; END CASE; RETURN 1; END SELECT f(1)", ErrorCode.TYPE_MISMATCH),
        (f"{HEAD} BEGIN CASE WHEN 1 THEN RETURN 1; END CASE; RETURN 1; END SELECT f(1)", ErrorCode.TYPE_MISMATCH),
        (f"{HEAD} RETURN sum(x) SELECT f(1)", ErrorCode.EXPRESSION_NOT_SCALAR),
        (f"{HEAD} NOT DETERMINISTIC RETURN 1 SELECT f(1)", ErrorCode.INVALID_ARGUMENTS),
        (f"{HEAD} RETURN CAST(random() * 9 AS integer) SELECT f(1)", ErrorCode.INVALID_ARGUMENTS),
        ("WITH FUNCTION f(x integer, X date) RETURNS integer RETURN 1 SELECT 1", ErrorCode.INVALID_ARGUMENTS),
        (f"{HEAD} RETURN 1 SELECT f(1) OVER ()", ErrorCode.FUNCTION_NOT_WINDOW),
        (f"{HEAD} RETURN 1 SELECT f(DISTINCT a) FROM t", ErrorCode.FUNCTION_NOT_AGGREGATE),
        (f"{HEAD} RETURN 1 SELECT f(a) FILTER (WHERE true) FROM t", ErrorCode.FUNCTION_NOT_AGGREGATE),
        ("WITH FUNCTION sum(x varchar) RETURNS integer RETURN 1 SELECT sum(a) FROM t", ErrorCode.NOT_SUPPORTED),
    ],
)
def test_what_trino_refuses_is_refused(sql: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as refused:
        analyzed(sql)
    assert refused.value.code is code


def test_engines_other_than_trino_do_not_get_functions() -> None:
    with pytest.raises(Refusal, match="WITH FUNCTION is supported on Trino clusters only"):
        analyzed(f"{HEAD} RETURN 1 SELECT f(1)", strict=True)


def test_what_is_random_in_a_body_makes_the_answer_volatile() -> None:
    random = "WITH FUNCTION f() RETURNS double NOT DETERMINISTIC RETURN random() SELECT 1"
    assert analyzed(random)[1].volatile
    assert not analyzed(f"{HEAD} RETURN 1 SELECT f(1)")[1].volatile


PATTERN = "match_recognize (measures {0} as m pattern (X) define X as true)"


def test_a_function_may_be_called_in_a_row_pattern() -> None:
    analyzed(f"{HEAD} RETURN x SELECT m FROM t {PATTERN.format('f(X.a)')}")


def test_a_call_in_a_row_pattern_that_could_mean_two_functions_is_refused() -> None:
    head = "WITH FUNCTION abs(x varchar) RETURNS varchar RETURN x"
    with pytest.raises(Refusal, match="abs in a row pattern, where two functions have that name"):
        analyzed(f"{head} SELECT m FROM t {PATTERN.format('abs(X.a)')}")
