"""A governed query gives exactly the rows of a world in which the hidden was never there, run on a real engine."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.policies.sales import FIXTURES, governed_tree
from tests.texts import generate_checked

ATTACKS = [
    line
    for line in (FIXTURES / "rewrite_rules" / "attacks.sql").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
SHAPES = {
    "sales.orders": "order_id BIGINT, region VARCHAR, amount DECIMAL(12, 2), customer_email VARCHAR, "
    "customer_id BIGINT, ts TIMESTAMPTZ, card_number VARCHAR, attrs STRUCT(ssn VARCHAR, note VARCHAR), tags VARCHAR[]",
    "sales.customers": "customer_id BIGINT, name VARCHAR, card_number VARCHAR",
    "other.orders": "order_id BIGINT, stock BIGINT",
    "sandbox.t": "x BIGINT, order_id BIGINT",
    "sandbox.guess": "e VARCHAR",
}
ROWS = {
    "sales.orders": """
        (1, 'EU', 10.00, 'CANARY-eu-1@corp.com', 7, '2026-01-01 00:00:00+00', 'CANARY-4111',
            {'ssn': 'CANARY-s1', 'note': 'n1'}, ['a', 'b']),
        (2, 'US', 99.00, 'CANARY-us-2@corp.com', 8, '2026-01-02 00:00:00+00', 'CANARY-4222',
            {'ssn': 'CANARY-s2', 'note': 'CANARY-n2'}, ['CANARY-t']),
        (3, 'EU', 30.50, NULL, 8, '2026-01-03 00:00:00+00', 'CANARY-4333', NULL, []),
        (4, NULL, 40.00, 'CANARY-xx-4@corp.com', 9, NULL, NULL, NULL, NULL)""",
    "sales.customers": "(7, 'Ada', '1'), (8, 'Cleo', '2'), (9, 'CleoX', '3')",
    "other.orders": "(1, 11), (2, 22), (4, 44)",
    "sandbox.t": "(1, 1), (2, 2)",
    "sandbox.guess": "('CANARY-eu-1@corp.com'), ('CANARY-us-2@corp.com')",
}
REDUCE = """
    DELETE FROM lake.sales.orders WHERE region IS DISTINCT FROM 'EU';
    UPDATE lake.sales.orders SET customer_email = 'user-****@****.com' WHERE customer_email IS NOT NULL;
    UPDATE lake.sales.orders SET attrs = {'ssn': NULL, 'note': attrs.note} WHERE attrs IS NOT NULL;
    ALTER TABLE lake.sales.orders DROP COLUMN card_number
"""
VIEW = "CREATE VIEW v_orders AS SELECT region, count(DISTINCT customer_email) AS mails FROM orders GROUP BY region"


def world(*, reduced: bool) -> duckdb.DuckDBPyConnection:
    """Make the attack world; `reduced` as ana is allowed to see it, with the policies applied to the data itself."""
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS lake")
    for schema in ("sales", "other", "sandbox"):
        connection.execute(f"CREATE SCHEMA lake.{schema}")
    for name, columns in SHAPES.items():
        connection.execute(f"CREATE TABLE lake.{name} ({columns})")
        connection.execute(f"INSERT INTO lake.{name} VALUES {ROWS[name]}")
    connection.execute("USE lake.sales")
    if reduced:
        connection.execute(REDUCE)
        connection.execute(VIEW)
    return connection


@pytest.fixture(scope="module")
def full() -> Iterator[duckdb.DuckDBPyConnection]:
    with world(reduced=False) as connection:
        yield connection


@pytest.fixture(scope="module")
def reduced() -> Iterator[duckdb.DuckDBPyConnection]:
    with world(reduced=True) as connection:
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """Return a result's rows as sorted text, so that order matters only where a query says so."""
    return sorted(repr(row) for row in connection.execute(sql).fetchall())


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("sql", ATTACKS)
def test_ana_sees_the_world_that_policy_leaves_her(
    sql: str, levels: int, full: duckdb.DuckDBPyConnection, reduced: duckdb.DuckDBPyConnection
) -> None:
    seen = rows(full, generate_checked(governed_tree(sql, levels=levels)))
    assert seen == rows(reduced, sql)
    if "CANARY" not in sql:
        assert "CANARY" not in "".join(seen)


def test_the_oracle_itself_shows_nothing_hidden(reduced: duckdb.DuckDBPyConnection) -> None:
    assert "CANARY" not in "".join(rows(reduced, "SELECT * FROM orders"))
    assert len(rows(reduced, "SELECT * FROM orders")) == 2


CAPTURES = [
    "SELECT o.order_id FROM (VALUES ('EU')) AS v(region), LATERAL (SELECT order_id FROM orders) AS o",
    "SELECT (SELECT max(order_id) FROM orders) FROM (VALUES ('EU')) AS v(region)",
    "SELECT (SELECT max(order_id) FROM (SELECT * FROM orders) AS o) FROM (VALUES ('EU')) AS orders(region)",
    "SELECT 1 FROM (VALUES ('EU')) AS v(region) WHERE EXISTS (SELECT 1 FROM orders)",
]


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("sql", CAPTURES)
def test_a_filter_on_a_column_that_the_table_lost_fails_and_never_means_the_users_own(sql: str, levels: int) -> None:
    text = generate_checked(governed_tree(sql, levels=levels))
    with world(reduced=False) as connection:
        connection.execute("ALTER TABLE lake.sales.orders RENAME COLUMN region TO area")
        with pytest.raises(duckdb.BinderException):
            connection.execute(text)
