"""SHOW in its forms: who is told what, and what is asked of the engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import make_pipeline, plan

from gateway.models import NotPlanned, Plan

ASKED = {
    ("SHOW CREATE VIEW sandbox.v", "sam"): 'SHOW CREATE VIEW "lake"."sandbox"."v"',
    ("SHOW CREATE VIEW sandbox.of_orders", "root"): 'SHOW CREATE VIEW "lake"."sandbox"."of_orders"',
    ("SHOW STATS FOR sandbox.t", "sam"): 'SHOW STATS FOR "lake"."sandbox"."t"',
    ("SHOW STATS FOR sandbox.v", "kim"): (
        'SHOW STATS FOR (SELECT * FROM (SELECT "x" FROM (SELECT CAST("x" AS BIGINT) AS "x" FROM '
        '(SELECT "x" FROM (SELECT "x", "y" FROM "lake"."sandbox"."t") AS "t") AS "view"("x")) '
        'AS "lake.sandbox.v") AS "v")'
    ),
    ("SHOW STATS FOR (SELECT name FROM customers)", "sam"): (
        'SHOW STATS FOR (SELECT "name" FROM (SELECT "customer_id", "name", "region" FROM "lake"."sales"."customers") '
        'AS "customers")'
    ),
    ("SHOW FUNCTIONS LIKE 'it''s' ESCAPE '#'", "ana"): "SHOW FUNCTIONS LIKE 'it''s' ESCAPE '#'",
    ("SHOW SESSION LIKE 'query_max_run_time'", "ana"): (r"SHOW SESSION LIKE 'query\_max\_run\_time' ESCAPE '\'"),
}
REFUSED = {
    "a view's text without the grant on it": ("SHOW CREATE VIEW sandbox.v", "ana", "PERMISSION_DENIED"),
    "a view's text over rows that are hidden": ("SHOW CREATE VIEW sandbox.of_orders", "sam", "PERMISSION_DENIED"),
    "a view's text over a table unknown": ("SHOW CREATE VIEW sandbox.of_orders", "kim", "PERMISSION_DENIED"),
    "a table as a view": ("SHOW CREATE VIEW sandbox.t", "ana", "NOT_SUPPORTED"),
    "a view as a table": ("SHOW CREATE TABLE sandbox.v", "ana", "NOT_SUPPORTED"),
    "a view as a stored one": ("SHOW CREATE MATERIALIZED VIEW sandbox.v", "root", "NOT_SUPPORTED"),
    "a stored view": ("SHOW CREATE MATERIALIZED VIEW sandbox.stored", "root", "NOT_SUPPORTED"),
    "a view that is not there": ("SHOW CREATE VIEW hr.nosuch", "ana", "TABLE_NOT_FOUND"),
    "a view one may not know of": ("SHOW CREATE VIEW hr.salaries", "ana", "TABLE_NOT_FOUND"),
    "a table with hidden rows": ("SHOW CREATE TABLE orders", "ana", "PERMISSION_DENIED"),
    "a schema without the grant on it": ("SHOW CREATE SCHEMA sandbox", "ana", "PERMISSION_DENIED"),
    "a schema one may not know of": ("SHOW CREATE SCHEMA hr", "ana", "SCHEMA_NOT_FOUND"),
    "a schema of a catalog that is not there": ("SHOW CREATE SCHEMA nosuch.a", "ana", "SCHEMA_NOT_FOUND"),
    "a function of a schema": ("SHOW CREATE FUNCTION lake.sandbox.f", "root", "NOT_FOUND"),
    "a function of Trino's": ("SHOW CREATE FUNCTION abs", "root", "NOT_SUPPORTED"),
    "statistics of hidden rows": ("SHOW STATS FOR (SELECT region FROM orders)", "sam", "PERMISSION_DENIED"),
    "statistics of a view over hidden rows": ("SHOW STATS FOR sandbox.of_orders", "sam", "PERMISSION_DENIED"),
    "statistics of a view over a table unknown": ("SHOW STATS FOR sandbox.of_orders", "kim", "PERMISSION_DENIED"),
    "statistics of a join with hidden rows": (
        "SHOW STATS FOR (SELECT c.name FROM customers c JOIN orders o ON c.customer_id = o.order_id)",
        "sam",
        "PERMISSION_DENIED",
    ),
    "statistics without the grant on them": ("SHOW STATS FOR (SELECT name FROM customers)", "ana", "PERMISSION_DENIED"),
    "statistics of a withheld column": ("SHOW STATS FOR (SELECT card FROM orders)", "sam", "COLUMN_NOT_FOUND"),
    "statistics of a query on ClickHouse": (
        "SHOW STATS FOR (SELECT node FROM marts.hourly.prices)",
        "root",
        "NOT_SUPPORTED",
    ),
    "grants on a table one may not know of": ("SHOW GRANTS ON TABLE hr.salaries", "ana", "TABLE_NOT_FOUND"),
    "grants on a table that is not there": ("SHOW GRANTS ON TABLE hr.nosuch", "ana", "TABLE_NOT_FOUND"),
    "roles of a catalog": ("SHOW ROLES FROM lake", "ana", "NOT_SUPPORTED"),
    "roles of a catalog that is not there": ("SHOW ROLE GRANTS FROM nosuch", "ana", "CATALOG_NOT_FOUND"),
    "a procedure that is not there": ("CALL sandbox.f(1)", "root", "PROCEDURE_NOT_FOUND"),
    "a procedure of a connector": ("CALL lake.system.register_table('a', 'b', 'c')", "root", "NOT_SUPPORTED"),
}
ROWS = {
    ("SHOW CREATE SCHEMA sandbox", "root"): (("CREATE SCHEMA lake.sandbox",),),
    ("SHOW ROLES", "sam"): (("analyst",), ("keeper",)),
    ("SHOW ROLE GRANTS", "sam"): (("analyst",), ("keeper",)),
    ("SHOW GRANTS", "root"): (),
    ("SHOW GRANTS ON customers", "ana"): (),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("asking", "expected"), ASKED.items(), ids=str)
async def test_what_the_engine_is_asked(asking: tuple[str, str], expected: str) -> None:
    found = await plan(*asking)
    assert isinstance(found, Plan), found
    assert found.sql == expected


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "user", "code"), REFUSED.values(), ids=REFUSED)
async def test_nobody_is_told(sql: str, user: str, code: str) -> None:
    found = await plan(sql, user)
    assert isinstance(found, NotPlanned), found
    assert found.refusal.code.name == code
    if "sandbox" in sql:
        assert "lake.sales" not in found.refusal.text, "what a view reads is not told"


@pytest.mark.asyncio
@pytest.mark.parametrize(("asking", "rows"), ROWS.items(), ids=str)
async def test_what_the_gateway_answers(asking: tuple[str, str], rows: tuple[tuple[object, ...], ...]) -> None:
    found = await plan(*asking)
    assert isinstance(found, Plan), found
    assert found.answer is not None
    assert found.answer.rows == rows


@pytest.mark.asyncio
@pytest.mark.parametrize("pattern", ["spill_enabled", "spill%", "query_max_run_time%", "query%"])
async def test_properties_that_a_caller_may_not_set_are_not_asked_about(pattern: str) -> None:
    found = await plan(f"SHOW SESSION LIKE '{pattern}'")
    assert isinstance(found, Plan)
    assert found.answer is not None
    assert {row[0] for row in found.answer.rows} <= {"query_max_run_time"}
    widths = [column.type.numbers for column in found.answer.columns]
    assert widths == [(57,), (14,), (14,), (7,), (142,)]


@pytest.mark.asyncio
async def test_without_trino_functions_are_listed_from_what_can_be_used_here() -> None:
    pipeline, _ = await make_pipeline({"lake": "lake"})
    found = await plan("SHOW FUNCTIONS LIKE 'abs'", pipeline=pipeline)
    assert isinstance(found, Plan)
    assert found.answer is not None
    assert ("abs", "bigint", "bigint", "scalar", True, "") in found.answer.rows
    assert all(column.type.numbers for column in found.answer.columns if column.type.base == "varchar")
