"""Attack statements as far as parsing decides them: refused here, or read so that later stages see every table."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.dialect.parse import parse_query, parse_statement
from catalog.dialect.statements import ExecuteImmediate, Explain, Prepare, Query, ShowStats
from catalog.errors import Refusal
from tests.texts import generate_checked

REFUSED = {
    "C26": "SELECT * FROM orders @ dev",
    "C31": "SELECT * FROM orders PIVOT (sum(amount) FOR region IN ('EU','US'))",
    "C35": "FROM orders",
    "A17": "SELECT * FROM a.lake.sales.orders",
    "A15-like": "SELECT * FROM lake.sales.\u043erders",
    "D01": "SELECT * FROM TABLE(lake.system.query(query => 'SELECT * FROM sales.orders'))",
    "D08": "SELECT * FROM TABLE(lake.system.table_changes(schema_name => 'sales', table_name => 'orders'))",
    "L07": "SELECT {# hidden #} 1",
    "L09": "SELECT * FROM orders; DROP TABLE lake.sandbox.x",
    "L18": "SELECT DISTINCT ON (region) amount FROM orders",
    "L23": "SELECT * FROM orders\0",
    "M01": "SELECT " + "ARRAY[" * 130 + "1" + "]" * 130,
    "M04": "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "t" + ")" * 10_000,
    "M05": "SELECT " + "(" * 500 + "1" + ")" * 500,
    "M11": "SELECT '" + "a" * 67_108_864 + "' FROM orders",
}
TABLES = {
    "A04": ('SELECT * FROM "lake"."sales"."orders"', ["lake.sales.orders"]),
    "A05": ('SELECT * FROM LAKE."SALES".oRdErS', ["LAKE.SALES.oRdErS"]),
    "A12": ('SELECT * FROM "lake.sales.orders"', ["lake.sales.orders"]),
    "B06": (
        "SELECT * FROM (WITH orders AS (SELECT 1 AS x) SELECT * FROM orders) z CROSS JOIN orders",
        ["orders", "orders"],
    ),
    "C01": ("TABLE orders", ["orders"]),
    "C02": ("SELECT 1 UNION ALL SELECT 2 UNION ALL (SELECT count(*) FROM orders)", ["orders"]),
    "C07": ("SELECT * FROM UNNEST((SELECT array_agg(customer_email) FROM orders)) AS t(e)", ["orders"]),
    "C09": ("SELECT (SELECT max(customer_email) FROM orders)", ["orders"]),
    "C10": ("SELECT x FROM (VALUES 1,2) v(x) WHERE EXISTS (SELECT 1 FROM orders WHERE region = 'US')", ["orders"]),
    "C14": ("SELECT 1 FROM lake.sandbox.t ORDER BY (SELECT max(x) FROM orders)", ["lake.sandbox.t", "orders"]),
    "C21": ("SELECT * FROM orders TABLESAMPLE SYSTEM (100)", ["orders"]),
    "C22": ("SELECT * FROM orders FOR VERSION AS OF 8954597067493422955", ["orders"]),
    "D11": ("SELECT * FROM TABLE(sequence(0, 10))", []),
    "L02": ("SELECT 1 -- x\rUNION SELECT customer_email FROM orders", ["orders"]),
    "L03": (r"SELECT '\' || (SELECT max(customer_email) FROM orders) || '\'", ["orders"]),
    "L05": (r"SELECT U&'\0061' FROM orders", ["orders"]),
    "L08": ("SELECT /*+ BROADCAST(orders) */ * FROM orders", ["orders"]),
    "L13": ("SELECT 1_000 FROM orders", ["orders"]),
    "L16": ("SELECT DECIMAL '1.5', CHAR 'xyz' FROM orders", ["orders"]),
    "L25": ("SELECT '\U0001f600' FROM orders", ["orders"]),
    "M01": ("SELECT " + "ARRAY[" * 30 + "1" + "]" * 30, []),
    "M07": ("SELECT * FROM orders WHERE " + " OR ".join(["order_id=1"] * 4000), ["orders"]),
}


def tables(tree: exp.Expr) -> list[str]:
    return sorted(".".join(part.name for part in table.parts) for table in tree.find_all(exp.Table))


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_else_looks_at_it(case: str) -> None:
    with pytest.raises(Refusal):
        parse_statement(REFUSED[case])


@pytest.mark.parametrize("case", TABLES)
def test_every_table_is_in_the_tree_and_in_the_text(case: str) -> None:
    sql, expected = TABLES[case]
    tree = parse_query(sql)
    assert tables(tree) == sorted(expected)
    assert tables(parse_query(generate_checked(tree))) == sorted(expected)


def test_l13_and_l16_mean_what_trino_means() -> None:
    assert generate_checked(parse_query(TABLES["L13"][0])) == 'SELECT 1000 FROM "orders"'
    assert generate_checked(parse_query(TABLES["L16"][0])) == (
        "SELECT CAST('1.5' AS DECIMAL(2, 1)), CAST('xyz' AS CHAR(3)) FROM \"orders\""
    )


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN ANALYZE SELECT * FROM orders",
        "PREPARE p FROM SELECT * FROM orders",
        "SHOW STATS FOR (SELECT * FROM orders)",
    ],
)
def test_statements_around_a_query_show_its_tables(sql: str) -> None:
    statement = parse_statement(sql)
    inner = statement.query if isinstance(statement, ShowStats) else getattr(statement, "statement", None)
    assert isinstance(statement, (Explain, Prepare, ShowStats))
    assert isinstance(inner, Query)
    assert tables(inner.tree) == ["orders"]


def test_a_string_that_is_a_program_is_handed_over_as_such() -> None:
    statement = parse_statement("EXECUTE IMMEDIATE 'SELECT * FROM orders'")
    assert isinstance(statement, ExecuteImmediate)
    inner = parse_statement(statement.text)
    assert isinstance(inner, Query)
    assert tables(inner.tree) == ["orders"]


def test_an_inline_function_body_is_refused_by_name() -> None:
    sql = "WITH FUNCTION f() RETURNS varchar RETURN (SELECT max(customer_email) FROM orders) SELECT f()"
    with pytest.raises(Refusal, match="Queries are not allowed in functions"):
        parse_statement(sql)


def test_no_command_and_no_node_of_another_dialect_survives() -> None:
    for sql, _ in TABLES.values():
        assert not list(parse_query(sql).find_all(exp.Command, exp.Pivot, exp.Hint, exp.Into, exp.Lock))
