"""What becomes of a statement, by example: governed text, local answers, refusals."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import make_pipeline, plan

from catalog.objects import TableName
from catalog.types import display_text
from gateway.models import LocalAnswer, NotPlanned, Plan

ORDERS = (
    """(SELECT "order_id", "region", "amount", """
    """CAST(CASE WHEN "email" IS NULL THEN NULL ELSE 'hidden' END AS VARCHAR) AS "email" """
    """FROM "lake"."sales"."orders" WHERE "region" = 'EU')"""
)
INNER_ORDERS = (
    """(SELECT "_t"."order_id", "_t"."region", "_t"."amount", """
    """CAST(CASE WHEN "_t"."email" IS NULL THEN NULL ELSE 'hidden' END AS VARCHAR) AS "email" """
    """FROM "lake"."sales"."orders" AS "_t" WHERE "_t"."region" = 'EU')"""
)
"""The barrier inside a subquery of an expression: its names can mean nothing outside of it."""

GOVERNED = {
    "a bare name takes the session's catalog and schema": (
        "SELECT * FROM orders",
        f'SELECT * FROM {ORDERS} AS "orders"',
    ),
    "quotes and case do not matter": ('SELECT * FROM LAKE."SALES".oRdErS', f'SELECT * FROM {ORDERS} AS "orders"'),
    "TABLE is a SELECT": ("TABLE orders", f'SELECT * FROM {ORDERS} AS "orders"'),
    "a CTE shadows the table": (
        "WITH orders AS (SELECT 1 AS x) SELECT * FROM orders",
        'WITH "orders" AS (SELECT 1 AS "x") SELECT * FROM "orders"',
    ),
    "the body of a CTE of the table's name reads the table": (
        "WITH orders AS (SELECT * FROM orders) SELECT * FROM orders",
        f'WITH "orders" AS (SELECT * FROM {ORDERS} AS "orders") SELECT * FROM "orders"',
    ),
    "both sides of a self join are governed": (
        "SELECT a.email FROM orders a JOIN orders b USING (order_id)",
        f'SELECT "a"."email" FROM {ORDERS} AS "a" JOIN {ORDERS} AS "b" USING ("order_id")',
    ),
    "a subquery in ORDER BY is governed": (
        "SELECT 1 FROM customers ORDER BY (SELECT max(email) FROM orders)",
        'SELECT 1 FROM (SELECT "customer_id", "name", "region" FROM "lake"."sales"."customers") AS "customers" '
        f'ORDER BY (SELECT max("email") FROM {INNER_ORDERS} AS "orders")',
    ),
    "current_user is the caller": ("SELECT current_user", "SELECT CAST('ana' AS VARCHAR)"),
    "EXECUTE IMMEDIATE is governed like its text": (
        "EXECUTE IMMEDIATE 'SELECT email FROM orders WHERE order_id = ?' USING 7",
        f'SELECT "email" FROM {ORDERS} AS "orders" WHERE "order_id" = 7',
    ),
    "the source of CREATE TABLE AS is governed": (
        "CREATE TABLE lake.sandbox.copy AS SELECT email FROM orders",
        f'CREATE TABLE "lake"."sandbox"."copy" AS SELECT "email" FROM {ORDERS} AS "orders"',
    ),
    "the source of INSERT is governed": (
        "INSERT INTO lake.sandbox.t SELECT order_id, email FROM orders",
        f'INSERT INTO "lake"."sandbox"."t" ("x", "y") SELECT "order_id", "email" FROM {ORDERS} AS "orders"',
    ),
    "a subquery in the condition of DELETE is governed": (
        "DELETE FROM lake.sandbox.t WHERE x IN (SELECT order_id FROM orders)",
        f'DELETE FROM "lake"."sandbox"."t" WHERE "x" IN (SELECT "order_id" FROM {INNER_ORDERS} AS "orders")',
    ),
    "a subquery in SET of UPDATE is governed": (
        "UPDATE lake.sandbox.t SET y = (SELECT max(email) FROM orders) WHERE x = 1",
        f'UPDATE "lake"."sandbox"."t" SET "y" = (SELECT max("email") FROM {INNER_ORDERS} AS "orders") WHERE "x" = 1',
    ),
    "a table without restrictions is explained by the engine": (
        "EXPLAIN (TYPE DISTRIBUTED) SELECT region FROM customers",
        'EXPLAIN (TYPE DISTRIBUTED) SELECT "region" FROM '
        '(SELECT "customer_id", "name", "region" FROM "lake"."sales"."customers") AS "customers"',
    ),
    "whether a change could run is for the engine's connector to say": (
        "EXPLAIN (TYPE VALIDATE) DELETE FROM lake.sandbox.t",
        'EXPLAIN (TYPE VALIDATE) DELETE FROM "lake"."sandbox"."t"',
    ),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "governed"), GOVERNED.values(), ids=GOVERNED.keys())
async def test_governed_text(sql: str, governed: str) -> None:
    found = await plan(sql)
    assert isinstance(found, Plan), found
    assert found.sql == governed


REFUSED = {
    "a table without a grant reads like one that is not there": (
        "SELECT * FROM lake.hr.salaries",
        "SCHEMA_NOT_FOUND",
        "line 1:15: Schema 'hr' does not exist",
    ),
    "and so does one that is not there": ("SELECT * FROM lake.hr.nope", "SCHEMA_NOT_FOUND", "line 1:15: Schema 'hr'"),
    "an unknown table": ("SELECT * FROM nope", "TABLE_NOT_FOUND", "line 1:15: Table 'lake.sales.nope' does not exist"),
    "an unknown catalog": ("SELECT * FROM nope.a.b", "CATALOG_NOT_FOUND", "line 1:15: Catalog 'nope' not found"),
    "a withheld column reads like one that is not there": (
        "SELECT card FROM orders",
        "COLUMN_NOT_FOUND",
        "line 1:8: Column 'card' cannot be resolved",
    ),
    "a withheld column in a predicate": ("SELECT 1 FROM orders WHERE card LIKE '4%'", "COLUMN_NOT_FOUND", "line 1:28"),
    "an unknown column": ("SELECT nope FROM orders", "COLUMN_NOT_FOUND", "line 1:8: Column 'nope' cannot be resolved"),
    "an ambiguous column": ("SELECT region FROM orders, customers", "AMBIGUOUS_NAME", "Column 'region' is ambiguous"),
    "two statements": ("SELECT 1; DROP TABLE orders", "SYNTAX_ERROR", "line 1:9: mismatched input ';'"),
    "one identifier with dots": ('SELECT * FROM "lake.sales.orders"', "TABLE_NOT_FOUND", "does not exist"),
    "a four-part name": ("SELECT * FROM a.lake.sales.orders", "SYNTAX_ERROR", ""),
    "a metadata table": ('SELECT * FROM "orders$files"', "TABLE_NOT_FOUND", "does not exist"),
    "a hidden column": ('SELECT "$path" FROM orders', "COLUMN_NOT_FOUND", "cannot be resolved"),
    "engines apart": (
        "SELECT * FROM orders o JOIN marts.hourly.prices p ON o.region = p.node",
        "NOT_SUPPORTED",
        "catalogs 'lake' and 'marts' cannot be combined",
    ),
    "SELECT INTO": ("SELECT 1 INTO x", "SYNTAX_ERROR", ""),
    "FOR UPDATE": ("SELECT * FROM orders FOR UPDATE", "SYNTAX_ERROR", ""),
    "PIVOT": ("SELECT * FROM orders PIVOT (sum(amount) FOR region IN ('EU'))", "", ""),
    "writing to a filtered table": ("DELETE FROM orders", "PERMISSION_DENIED", "Access Denied"),
    "inserting into a masked table": ("INSERT INTO orders (order_id) VALUES (1)", "PERMISSION_DENIED", "Access Denied"),
    "a view over a filtered table": (
        "CREATE VIEW lake.sandbox.v AS SELECT * FROM orders",
        "PERMISSION_DENIED",
        "Access",
    ),
    "a table in a foreign schema": ("CREATE TABLE lake.hr.x AS SELECT 1 AS a", "PERMISSION_DENIED", "Access Denied"),
    "dropping without the grant": ("DROP TABLE customers", "PERMISSION_DENIED", "Access Denied: Cannot drop table"),
    "EXPLAIN ANALYZE over a filter": ("EXPLAIN ANALYZE SELECT * FROM orders", "PERMISSION_DENIED", "EXPLAIN ANALYZE"),
    "EXPLAIN as an oracle": ("EXPLAIN (TYPE VALIDATE) SELECT * FROM lake.hr.salaries", "SCHEMA_NOT_FOUND", ""),
    "EXPLAIN ANALYZE of a write, which would run it": (
        "EXPLAIN ANALYZE INSERT INTO lake.sandbox.t VALUES (1, 'a')",
        "NOT_SUPPORTED",
        "EXPLAIN ANALYZE of INSERT is not supported: it would run the statement",
    ),
    "a query in a table property": (
        "CREATE TABLE lake.sandbox.n (x bigint) WITH (format = (SELECT max(person) FROM lake.hr.salaries))",
        "NOT_SUPPORTED",
        "Table properties must be literals",
    ),
    "SHOW STATS over a filter": ("SHOW STATS FOR orders", "PERMISSION_DENIED", "Access Denied"),
    "SHOW CREATE over a filter": ("SHOW CREATE TABLE orders", "PERMISSION_DENIED", "Access Denied"),
    "another's role": ("SET ROLE admin", "ROLE_NOT_FOUND", "line 1:1: Role 'admin' does not exist"),
    "a role nobody has": ("SET ROLE nope", "ROLE_NOT_FOUND", "line 1:1: Role 'nope' does not exist"),
    "a catalog's role": ("SET ROLE x IN lake", "NOT_SUPPORTED", "Catalog 'lake' does not support role management"),
    "another's session of a client that knows none": (
        "SET SESSION AUTHORIZATION root",
        "NOT_SUPPORTED",
        "SET SESSION AUTHORIZATION not supported by client",
    ),
    "a path of a client that knows none": ("SET PATH lake.sales", "NOT_SUPPORTED", "SET PATH not supported by client"),
    "a session property that is not allowed": (
        "SET SESSION task_concurrency = 2",
        "PERMISSION_DENIED",
        "task_concurrency",
    ),
    "a session property of a query that is not allowed": (
        "WITH SESSION task_concurrency = 2 SELECT 1",
        "PERMISSION_DENIED",
        "task_concurrency",
    ),
    "an unknown session property of a query": (
        "WITH SESSION nope = 1 SELECT 1",
        "INVALID_SESSION_PROPERTY",
        "line 1:14",
    ),
    "a session property of a query on another engine": (
        "WITH SESSION query_max_run_time = '5m' SELECT * FROM marts.hourly.prices",
        "NOT_SUPPORTED",
        "Trino clusters only",
    ),
    "an unknown session property": ("SET SESSION nope = 1", "INVALID_SESSION_PROPERTY", "line 1:20"),
    "a catalog session property": ("SET SESSION lake.projection_pushdown_enabled = false", "PERMISSION_DENIED", ""),
    "a transaction of a client that knows none": (
        "START TRANSACTION",
        "INCOMPATIBLE_CLIENT",
        "Client does not support",
    ),
    "the end of no transaction": ("COMMIT", "NOT_IN_TRANSACTION", "No transaction in progress"),
    "a star of two relations with one name": (
        "SELECT customers.* FROM customers, (SELECT 1 x) customers",
        "AMBIGUOUS_NAME",
        "Column 'customers.*' is ambiguous",
    ),
    "MERGE into what policies restrict": (
        "MERGE INTO orders USING customers ON true WHEN MATCHED THEN DELETE",
        "PERMISSION_DENIED",
        "orders",
    ),
    "a procedure": (
        "CALL lake.system.register_table('a', 'b', 'c')",
        "NOT_SUPPORTED",
        "CALL lake.system.register_table is not supported",
    ),
    "a procedure of a hidden catalog": ("CALL nope.system.sync('a')", "CATALOG_NOT_FOUND", "line 1:1"),
    "a procedure nobody knows": ("CALL system.runtime.nope()", "PROCEDURE_NOT_FOUND", "runtime.nope"),
    "kill_query of nothing": ("CALL system.runtime.kill_query()", "INVALID_ARGUMENTS", "line 1:1: Required"),
    "kill_query of NULL": ("CALL system.runtime.kill_query(NULL)", "INVALID_PROCEDURE_ARGUMENT", "cannot be null"),
    "kill_query of a number": ("CALL system.runtime.kill_query(1)", "TYPE_MISMATCH", "line 1:32: Cannot cast"),
    "kill_query with one argument twice": (
        "CALL system.runtime.kill_query(query_id => 'x', query_id => 'y')",
        "INVALID_ARGUMENTS",
        "line 1:49: Duplicate procedure argument: QUERY_ID",
    ),
    "kill_query by name and place": (
        "CALL system.runtime.kill_query(query_id => 'x', 'y')",
        "INVALID_ARGUMENTS",
        "line 1:1: Named and positional arguments cannot be mixed",
    ),
    "kill_query with an unknown argument": (
        "CALL system.runtime.kill_query(query => 'x')",
        "INVALID_ARGUMENTS",
        "line 1:32: Unknown argument name: QUERY",
    ),
    "kill_query with three arguments": (
        "CALL system.runtime.kill_query('x', 'y', 'z')",
        "INVALID_ARGUMENTS",
        "line 1:1: Too many arguments for procedure",
    ),
    "kill_query of what a query finds": (
        "CALL system.runtime.kill_query((SELECT max(email) FROM orders))",
        "NOT_SUPPORTED",
        "literals",
    ),
    "a pass-through table function": (
        "SELECT * FROM TABLE(lake.system.query(query => 'SELECT 1'))",
        "",
        "",
    ),
    "a view over what is hidden": ("SELECT * FROM lake.sandbox.of_pay", "PERMISSION_DENIED", "lake.sandbox.of_pay"),
    "a prepared statement nobody knows": ("EXECUTE p", "NOT_FOUND", "Prepared statement not found: p"),
    "a subquery as a parameter": (
        "EXECUTE IMMEDIATE 'SELECT ?' USING (SELECT max(email) FROM orders)",
        "",
        "",
    ),
    "too few parameters": ("EXECUTE IMMEDIATE 'SELECT ?'", "INVALID_PARAMETER_USAGE", "expected 1 but found 0"),
    "parameters outside of EXECUTE": ("SELECT ?", "INVALID_PARAMETER_USAGE", "expected 1 but found 0"),
    "EXECUTE inside of EXECUTE": ("EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE ''SELECT 1'''", "NOT_SUPPORTED", ""),
    "a view's text": ("SELECT view_definition FROM lake.information_schema.views", "COLUMN_NOT_FOUND", ""),
    "other people's SQL": ("SELECT query FROM system.runtime.queries", "", ""),
    "comments across catalogs": ("SELECT * FROM system.metadata.table_comments", "", ""),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "code", "text"), REFUSED.values(), ids=REFUSED.keys())
async def test_refusal(sql: str, code: str, text: str) -> None:
    found = await plan(sql)
    assert isinstance(found, NotPlanned), found
    assert code in ("", found.refusal.code.name)
    assert text in found.refusal.text
    assert "'EU'" not in found.refusal.text
    assert "hidden" not in found.refusal.text
    if "of_pay" in sql:
        assert "salaries" not in found.refusal.text, "what a view reads is not told"


@pytest.mark.asyncio
async def test_a_caller_without_the_attribute_a_filter_needs_sees_no_such_table() -> None:
    found = await plan("SELECT * FROM orders", user="bob")
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "TABLE_NOT_FOUND"


@pytest.mark.asyncio
async def test_an_administrator_reads_raw_values() -> None:
    found = await plan("SELECT email, card FROM orders", user="root")
    assert isinstance(found, Plan)
    assert not found.policed
    assert "hidden" not in (found.sql or "")


async def answer(sql: str, **session: object) -> LocalAnswer:
    found = await plan(sql, **session)  # type: ignore[arg-type]  # the words of a test
    assert isinstance(found, Plan), found
    assert found.answer is not None
    return found.answer


@pytest.mark.asyncio
async def test_listings_show_what_the_caller_may_know() -> None:
    assert (await answer("SHOW CATALOGS")).rows == (("lake",), ("marts",), ("penstock",), ("system",))
    assert display_text((await answer("SHOW CATALOGS LIKE 's%'")).columns[0].type) == "varchar(6)"  # as Trino would say
    assert (await answer("SHOW SCHEMAS")).rows == (("information_schema",), ("sales",), ("sandbox",))
    assert (await answer("SHOW TABLES LIKE 'o%'")).rows == (("orders",),)
    described = (await answer("DESCRIBE orders")).rows
    assert [row[0] for row in described] == ["order_id", "region", "amount", "email"]
    assert described[2] == ("amount", "decimal(12,2)", "", "")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "headers"),
    [
        ("USE sandbox", [("X-Trino-Set-Schema", "sandbox")]),
        ("USE marts.hourly", [("X-Trino-Set-Catalog", "marts"), ("X-Trino-Set-Schema", "hourly")]),
        ("SET SESSION query_max_run_time = '5m'", [("X-Trino-Set-Session", "query_max_run_time=5m")]),
        ("RESET SESSION query_max_run_time", [("X-Trino-Clear-Session", "query_max_run_time")]),
        ("SET TIME ZONE 'Asia/Tokyo'", [("X-Trino-Set-Session", "time_zone_id=Asia%2FTokyo")]),
        ("SET TIME ZONE INTERVAL '2' HOUR", [("X-Trino-Set-Session", "time_zone_id=%2B02%3A00")]),
        ("SET TIME ZONE LOCAL", [("X-Trino-Clear-Session", "time_zone_id")]),
        ("PREPARE p FROM SELECT * FROM orders", [("X-Trino-Added-Prepare", "p=SELECT+*+FROM+orders")]),
    ],
)
async def test_session_changes_travel_in_headers_as_trino_writes_them(sql: str, headers: list[tuple[str, str]]) -> None:
    assert list((await answer(sql)).headers) == headers


@pytest.mark.asyncio
@pytest.mark.parametrize("options", ["", "(TYPE LOGICAL)", "(TYPE DISTRIBUTED, FORMAT JSON)", "(TYPE IO, FORMAT JSON)"])
async def test_an_explanation_over_a_policy_shows_the_callers_own_statement_only(options: str) -> None:
    text = str((await answer(f"EXPLAIN {options} SELECT email FROM orders")).rows[0][0])
    assert "orders" in text
    for secret in ("'EU'", "hidden", "card", "WHERE", "CAST"):
        assert secret not in text


@pytest.mark.asyncio
async def test_a_plan_is_used_again_until_policy_catalog_session_or_caller_differ() -> None:
    pipeline, cache = await make_pipeline()

    async def cached(sql: str = "SELECT * FROM orders", user: str = "ana", **session: object) -> bool:
        before = pipeline.cached_plans
        first = await plan(sql, user, pipeline, **session)
        assert isinstance(first, Plan)
        return pipeline.cached_plans == before

    assert not await cached()
    assert await cached()
    assert not await cached(user="root")
    assert not await cached("SELECT  * FROM orders")
    assert not await cached(time_zone="Asia/Tokyo")
    assert not await cached("SELECT * FROM lake.sales.orders", schema="sandbox")
    orders = TableName("lake", "sales", "orders")
    kept = await plan("SELECT * FROM orders", "ana", pipeline)
    cache._tables[orders] = type(cache._tables[orders])(orders, cache._tables[orders].columns[:3], "lake_engine")
    changed = await plan("SELECT * FROM orders", "ana", pipeline)
    assert isinstance(changed, Plan)
    assert isinstance(kept, Plan)
    assert changed.sql != kept.sql


@pytest.mark.asyncio
async def test_a_name_with_a_quote_in_it_stays_one_name_when_statistics_are_asked() -> None:
    found = await plan('SHOW STATS FOR lake.sandbox."a""b"', "root")
    assert isinstance(found, Plan), found
    assert found.sql == 'SHOW STATS FOR "lake"."sandbox"."a""b"'


@pytest.mark.asyncio
async def test_properties_of_one_query_stand_before_its_governed_text() -> None:
    made = await plan("WITH SESSION query_max_run_time = '5m' SELECT amount FROM orders")
    assert isinstance(made, Plan)
    assert made.sql == made.governed_sql
    assert (made.sql or "").startswith('WITH SESSION "query_max_run_time" = \'5m\' SELECT "amount" FROM (SELECT ')
