"""Parameters are constant expressions, counted and bound in the order of the text."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.dialect.parameters import bind, count_parameters
from catalog.dialect.parse import parse_expression, parse_query, parse_statement
from catalog.dialect.statements import Execute, ExecuteImmediate
from catalog.errors import ErrorCode, Location, Refusal
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
    ("using", "written"),
    [
        ("1 + 1", "SELECT 3 - (1 + 1)"),
        ("abs(-5)", "SELECT 3 - (abs(-5))"),
        ("CASE WHEN true THEN 1 END", "SELECT 3 - (CASE WHEN TRUE THEN 1 END)"),
        ("transform(ARRAY[1], x -> 5)[1]", 'SELECT 3 - (transform(ARRAY[1], "x" -> 5)[1])'),
        ("current_user", "SELECT 3 - (CURRENT_USER)"),
    ],
)
def test_a_parameter_may_be_computed_and_keeps_its_meaning_at_its_place(using: str, written: str) -> None:
    assert generate_checked(bind(parse_query("SELECT 3 - ?"), parameters(using))) == written


@pytest.mark.parametrize(
    ("using", "count"),
    [
        ("3", 3), ("(2)", 2), ("1 + 2 * 3", 7), ("7 / 2 - 5 % 3", 1), ("-(-2)", 2), ("INTEGER '5'", 5),
        ("CAST(1.5 AS bigint)", 2), ("CAST('12' AS integer)", 12), ("CAST(1 + 1 AS bigint)", 2), ("3000000000", 3000000000),
        ("-7 / 2 + 4", 1),
    ],
)  # fmt: skip
def test_a_number_of_rows_is_computed_where_it_stands_for_a_limit(using: str, count: int) -> None:
    assert generate_checked(bind(parse_query("SELECT 1 LIMIT ?"), parameters(using))) == f"SELECT 1 LIMIT {count}"


@pytest.mark.parametrize(
    ("sql", "using", "code"),
    [
        ("SELECT 1 LIMIT ?", "'5'", "TYPE_MISMATCH"), ("SELECT 1 LIMIT ?", "1.5", "TYPE_MISMATCH"),
        ("SELECT 1 OFFSET ?", "DATE '2020-01-01'", "TYPE_MISMATCH"), ("SELECT 1 OFFSET ?", "true", "TYPE_MISMATCH"),
        ("SELECT 1 LIMIT ?", "-1", "NUMERIC_VALUE_OUT_OF_RANGE"), ("SELECT 1 OFFSET ?", "1 - 2", "NUMERIC_VALUE_OUT_OF_RANGE"),
        ("SELECT 1 FETCH FIRST ? ROWS ONLY", "0", "NUMERIC_VALUE_OUT_OF_RANGE"),
        ("SELECT 1 LIMIT ?", "2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE"),
        ("SELECT 1 LIMIT ?", "NULL", "INVALID_ARGUMENTS"), ("SELECT 1 LIMIT ?", "CAST(NULL AS bigint)", "INVALID_ARGUMENTS"),
        ("SELECT 1 LIMIT ?", "1 / 0", "DIVISION_BY_ZERO"), ("SELECT 1 LIMIT ?", "CAST('x' AS bigint)", "INVALID_CAST_ARGUMENT"),
        ("SELECT 1 LIMIT ?", "abs(-1)", "NOT_SUPPORTED"),
    ],
)  # fmt: skip
def test_what_is_no_number_of_rows_is_refused_under_trinos_name(sql: str, using: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        bind(parse_query(sql), parameters(using))
    assert refused.value.code.name == code


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
    [
        ("a", "EXPRESSION_NOT_CONSTANT"), ("a.b + 1", "EXPRESSION_NOT_CONSTANT"), ("?", "INVALID_PARAMETER_USAGE"),
        ("CAST(a AS int)", "EXPRESSION_NOT_CONSTANT"), ("(SELECT a)", "EXPRESSION_NOT_CONSTANT"),
        ("(SELECT max(x) FROM t)", "EXPRESSION_NOT_CONSTANT"),
        ("transform(ARRAY[1], x -> x)", "EXPRESSION_NOT_CONSTANT"),
        ("transform(ARRAY[1], X -> 1 + x)", "EXPRESSION_NOT_CONSTANT"),
        ("(SELECT 1)", "NOT_SUPPORTED"), ("EXISTS (SELECT 1)", "NOT_SUPPORTED"), ("1 IN (SELECT 1)", "NOT_SUPPORTED"),
        ("1 = ANY (VALUES 1)", "NOT_SUPPORTED"), ("ARRAY[(TABLE t)]", "NOT_SUPPORTED"),
        ("count(*)", "NOT_SUPPORTED"), ("1 + sum(1)", "NOT_SUPPORTED"), ("rank() OVER ()", "NOT_SUPPORTED"),
        ("sum(1) FILTER (WHERE true)", "NOT_SUPPORTED"), ("listagg('a') WITHIN GROUP (ORDER BY 1)", "NOT_SUPPORTED"),
    ],
)  # fmt: skip
def test_what_is_no_constant_is_refused_under_trinos_name(using: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        bind(parse_query("SELECT ?"), parameters(using))
    assert refused.value.code.name == code


def test_another_number_of_parameters_is_told_before_what_is_wrong_with_them() -> None:
    with pytest.raises(Refusal, match="Incorrect number of parameters"):
        bind(parse_query("SELECT 1"), parameters("a"))


def test_places_in_a_parameter_of_execute_immediate_count_from_the_literal_as_those_in_the_text() -> None:
    statement = parse_statement("EXECUTE IMMEDIATE 'SELECT ?'\n  USING abs(7), f(8)")
    assert isinstance(statement, ExecuteImmediate)
    places = [location_of(parameter) for parameter in statement.parameters]
    assert places == [Location(2, 9), Location(2, 17)]
    same_line = parse_statement("EXECUTE IMMEDIATE 'SELECT ?' USING abs(7)")
    assert isinstance(same_line, ExecuteImmediate)
    assert location_of(same_line.parameters[0]) == Location(1, 36 - 19)
