"""Parameters are literals, counted and bound in the order of the text."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.dialect.parameters import bind, count_parameters
from catalog.dialect.parse import parse_expression, parse_query, parse_statement
from catalog.dialect.statements import Execute
from catalog.errors import ErrorCode, Refusal
from tests.texts import generate_checked


def parameters(using: str) -> tuple[exp.Expr, ...]:
    statement = parse_statement(f"EXECUTE p USING {using}")
    assert isinstance(statement, Execute)
    return statement.parameters


@pytest.mark.parametrize(
    ("sql", "using", "written"),
    [
        ("SELECT ?, a FROM t WHERE b = ?", "1, 'x'", "SELECT 1, \"a\" FROM \"t\" WHERE \"b\" = 'x'"),
        ("SELECT a - ? FROM t", "-5", 'SELECT "a" - (-5) FROM "t"'),
        ("SELECT a FROM t ORDER BY ? LIMIT ?", "1, INTEGER '5'",
         'SELECT "a" FROM "t" ORDER BY CAST(1 AS INTEGER) LIMIT 5'),
        ("SELECT 1 FROM t GROUP BY (?), ? + 1", "3000000000, 2",
         'SELECT 1 FROM "t" GROUP BY (CAST(3000000000 AS BIGINT)), 2 + 1'),
        ("SELECT a FROM t ORDER BY ?, ?, ?", "-1, 'x', 1.5", 'SELECT "a" FROM "t" ORDER BY CAST(-1 AS INTEGER), \'x\', 1.5'),
        ("SELECT * FROM TABLE(sequence(start => ?, stop => ?))", "1, 3",
         'SELECT * FROM TABLE(sequence("START" => 1, "STOP" => 3))'),
        ("SELECT a FROM t OFFSET ? FETCH FIRST ? ROWS ONLY", "2, 3",
         'SELECT "a" FROM "t" OFFSET 2 FETCH FIRST 3 ROWS ONLY'),
        ("WITH a AS (SELECT ? x) SELECT ? FROM a WHERE x IN (?, ?)", "1, 2, 3, 4",
         'WITH "a" AS (SELECT 1 AS "x") SELECT 2 FROM "a" WHERE "x" IN (3, 4)'),
        ("SELECT ?", "DATE '2020-01-01'", "SELECT CAST('2020-01-01' AS DATE)"),
        ("SELECT ?", "NULL", "SELECT NULL"),
        ("SELECT ?", "ARRAY[1, NULL]", "SELECT ARRAY[1, NULL]"),
        ("SELECT ?", "ROW(1, 'a')", "SELECT ROW(1, 'a')"),
        ("SELECT ?", "X'00'", "SELECT x'00'"),
        ("SELECT CASE WHEN ? THEN ? END FROM t JOIN u ON ? = 1", "true, 2, 3",
         'SELECT CASE WHEN TRUE THEN 2 END FROM "t" JOIN "u" ON 3 = 1'),
    ],
)  # fmt: skip
def test_parameters_take_their_places(sql: str, using: str, written: str) -> None:
    tree = parse_query(sql)
    assert count_parameters(tree) == len(parameters(using))
    assert generate_checked(bind(tree, parameters(using))) == written
    assert count_parameters(tree) == len(parameters(using)), "the prepared tree is left as it is"


def test_a_parameter_may_be_the_whole_expression() -> None:
    """As in `UPDATE t SET a = ?`, which editors of rows send."""
    tree = parse_expression("?")
    assert generate_checked(exp.select(bind(tree, parameters("'x'")))) == "SELECT 'x'"
    assert count_parameters(tree) == 1, "the prepared tree is left as it is"


@pytest.mark.parametrize(("using", "found"), [((), 0), (("1",), 1), (("1", "2", "3"), 3)])
def test_another_number_of_parameters_is_refused_as_trino_does(using: tuple[str, ...], found: int) -> None:
    with pytest.raises(Refusal) as refused:
        bind(parse_query("SELECT ?, ?"), [parse_expression(text) for text in using])
    assert refused.value.code is ErrorCode.INVALID_PARAMETER_USAGE
    assert refused.value.message == f"Incorrect number of parameters: expected 2 but found {found}"


@pytest.mark.parametrize(
    "using",
    ["(SELECT max(x) FROM t)", "f(1)", "1 + 1", "current_user", "ARRAY[(SELECT 1)]"],
)
def test_parameters_that_are_no_literals_are_refused(using: str) -> None:
    with pytest.raises(Refusal, match="Parameters must be literals"):
        parse_statement(f"EXECUTE p USING {using}")
    with pytest.raises(Refusal, match="Parameters must be literals"):
        bind(parse_query("SELECT ?"), [parse_expression(using)])


@pytest.mark.parametrize("using", ["'5'", "-1", "1.5", "DATE '2020-01-01'"])
def test_a_limit_takes_a_whole_number(using: str) -> None:
    with pytest.raises(Refusal, match="number of rows"):
        bind(parse_query("SELECT 1 LIMIT ?"), parameters(using))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM t TABLESAMPLE BERNOULLI (?)",
        "SELECT 1 FROM t GROUP BY ROLLUP (?)",
        "SELECT 1 FROM t GROUP BY GROUPING SETS ((?), ())",
    ],
)
def test_samples_and_grouping_sets_take_no_parameters(sql: str) -> None:
    with pytest.raises(Refusal) as refused:
        bind(parse_query(sql), [parse_expression("1")])
    assert refused.value.code is ErrorCode.INVALID_PARAMETER_USAGE


@pytest.mark.parametrize(
    ("using", "code"),
    [("a", "EXPRESSION_NOT_CONSTANT"), ("a.b + 1", "EXPRESSION_NOT_CONSTANT"), ("?", "INVALID_PARAMETER_USAGE"),
     ("CAST(a AS int)", "EXPRESSION_NOT_CONSTANT"),
     ("(SELECT a)", "NOT_SUPPORTED"), ("random()", "NOT_SUPPORTED"), ("count(*)", "NOT_SUPPORTED")],
)  # fmt: skip
def test_what_is_no_constant_is_refused_under_trinos_name(using: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        parameters(using)
    assert refused.value.code.name == code
    with pytest.raises(Refusal):
        bind(parse_query("SELECT ?"), [parse_expression(using)])
