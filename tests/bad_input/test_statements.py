"""Statements that cannot be answered: each ends in Trino's own error, and each leaves exactly one row of usage."""

from __future__ import annotations

import pytest

from tests.attacks.caller import Caller
from tests.attacks.judge import assert_no_canary
from tests.attacks.process import Gateway

WRONG = [
    ("SELECT 1; SELECT 2", "SYNTAX_ERROR"),
    ("SELECT * FROM orders; ", "SYNTAX_ERROR"),
    ("-- nothing", "SYNTAX_ERROR"),
    ("SELEC 1", "SYNTAX_ERROR"),
    ("SELECT (", "SYNTAX_ERROR"),
    ("SELECT 'open", "SYNTAX_ERROR"),
    ("SELECT 1 /* open", "SYNTAX_ERROR"),
    ("SELECT * FROM nowhere.sales.orders", "CATALOG_NOT_FOUND"),
    ("SELECT * FROM lake.nowhere.orders", "SCHEMA_NOT_FOUND"),
    ("SELECT * FROM lake.sales.nothing", "TABLE_NOT_FOUND"),
    ("SELECT nothing FROM orders", "COLUMN_NOT_FOUND"),
    ("SELECT attrs.nothing FROM orders", "INVALID_COLUMN_REFERENCE"),
    ("SELECT order_id FROM orders a, orders b", "AMBIGUOUS_NAME"),
    ("WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a", "DUPLICATE_NAMED_QUERY"),
    ("SELECT order_id + region FROM orders", "TYPE_MISMATCH"),
    ("SELECT * FROM orders WHERE region", "TYPE_MISMATCH"),
    ("SELECT * FROM orders WHERE order_id = 'x'", "TYPE_MISMATCH"),
    ("SELECT 1 UNION SELECT 'x'", "TYPE_MISMATCH"),
    ("SELECT no_such_function(1)", "FUNCTION_NOT_FOUND"),
    ("SELECT abs('x')", "FUNCTION_NOT_FOUND"),
    ("SELECT region, count(*) FROM orders", "EXPRESSION_NOT_AGGREGATE"),
    ("SELECT CAST('x' AS bigint)", "INVALID_CAST_ARGUMENT"),
    ("SELECT CAST(1 AS nonsense)", "TYPE_MISMATCH"),
    ("SELECT DATE '2026-02-30'", "INVALID_LITERAL"),
    ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
    ("SELECT 9223372036854775807 + 1", "NUMERIC_VALUE_OUT_OF_RANGE"),
    ("SELECT (SELECT order_id FROM orders)", "SUBQUERY_MULTIPLE_ROWS"),
    ("SELECT ?", "INVALID_PARAMETER_USAGE"),
    ("EXECUTE nobody", "NOT_FOUND"),
    ("SELECT * FROM orders LIMIT -1", "SYNTAX_ERROR"),
    ("USE lake.nowhere", "NOT_FOUND"),
    ("SET SESSION nothing = 1", "INVALID_SESSION_PROPERTY"),
    ("INSERT INTO lake.sandbox.t VALUES (1)", "MISMATCHED"),
    ("INSERT INTO lake.sandbox.t VALUES ('x', 'y')", "TYPE_MISMATCH"),
    ("CREATE TABLE lake.sandbox.t (x bigint)", "TABLE_ALREADY_EXISTS"),
    ("\u0000", "SYNTAX_ERROR"),
    ("SELECT '" + "a" * 2_000_000 + "'", "QUERY_TEXT_TOO_LARGE"),
]


ENDED: dict[str, str] = {}
"""What each query of this file told its client, by its id; the store is asked once, at the end."""


@pytest.mark.parametrize(("sql", "says"), WRONG, ids=[sql[:40] for sql, _ in WRONG])
def test_the_statement_ends_in_a_clear_error(ana: Caller, sql: str, says: str) -> None:
    seen = ana.ask(sql)
    ENDED[str(seen.query_id)] = seen.says
    assert seen.status == 200
    assert_no_canary("the answer", seen.raw)
    assert seen.error is not None
    assert seen.says.startswith(says) or (says == "MISMATCHED" and seen.error["errorType"] == "USER_ERROR"), (
        seen.message
    )
    assert seen.error["errorType"] == "USER_ERROR"
    assert seen.error["message"].strip()
    assert not any(
        word in seen.raw for word in ("Traceback", "duckdb", "sqlglot", "pyiceberg", "/work", "site-packages")
    )


def test_an_error_says_where_it_is(ana: Caller) -> None:
    seen = ana.ask("SELECT order_id,\n  nothing FROM orders")
    assert seen.error is not None
    assert seen.error["errorLocation"] == {"lineNumber": 2, "columnNumber": 3}


def test_each_of_these_statements_left_one_row_with_its_error(gateway: Gateway) -> None:
    for query_id, says in ENDED.items():
        assert [row["error_code"] for row in gateway.usage_of(query_id)] == [says]


def test_every_statement_of_this_suite_left_one_row_and_no_canary_in_the_log(ana: Caller, gateway: Gateway) -> None:
    last = ana.ask("SELECT 1")
    assert len(gateway.usage_of(str(last.query_id))) == 1
    ids = [row["query_id"] for row in gateway.usage()]
    assert len(ids) == len(set(ids))
    assert_no_canary("the log", gateway.log())
    assert_no_canary("the metrics", gateway.metrics())
    assert '"exception"' not in gateway.log()
