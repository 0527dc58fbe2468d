"""ALTER, COMMENT and MERGE: what reaches the engine, and who may not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import make_pipeline, plan

from gateway.models import NotPlanned, Plan

CUSTOMERS = '(SELECT "customer_id", "name", "region" FROM "lake"."sales"."customers") AS "s"'
GOVERNED = {
    "rename": (
        "ALTER TABLE sandbox.t RENAME TO sandbox.U",
        'ALTER TABLE "lake"."sandbox"."t" RENAME TO "lake"."sandbox"."u"',
    ),
    "add column": (
        "ALTER TABLE sandbox.t ADD COLUMN C varchar(3) COMMENT 'it''s'",
        """ALTER TABLE "lake"."sandbox"."t" ADD COLUMN "c" varchar(3) COMMENT 'it''s'""",
    ),
    "add a column at a place": (
        "ALTER TABLE IF EXISTS sandbox.t ADD COLUMN IF NOT EXISTS r.c bigint NOT NULL AFTER Y",
        'ALTER TABLE "lake"."sandbox"."t" ADD COLUMN IF NOT EXISTS "r"."c" bigint NOT NULL AFTER "y"',
    ),
    "drop a column": (
        "ALTER TABLE sandbox.t DROP COLUMN IF EXISTS Y",
        'ALTER TABLE "lake"."sandbox"."t" DROP COLUMN IF EXISTS "y"',
    ),
    "rename a column": (
        'ALTER TABLE sandbox.t RENAME COLUMN Y TO "Z z"',
        'ALTER TABLE "lake"."sandbox"."t" RENAME COLUMN "y" TO "z z"',
    ),
    "change a type": (
        "ALTER TABLE sandbox.t ALTER COLUMN x SET DATA TYPE decimal(20)",
        'ALTER TABLE "lake"."sandbox"."t" ALTER COLUMN "x" SET DATA TYPE decimal(20, 0)',
    ),
    "allow nulls": (
        "ALTER TABLE sandbox.t ALTER COLUMN x DROP NOT NULL",
        'ALTER TABLE "lake"."sandbox"."t" ALTER COLUMN x DROP NOT NULL',
    ),
    "allow nulls under a name that needs quotes": (
        'ALTER TABLE sandbox.t ALTER COLUMN "Order" DROP NOT NULL',
        'ALTER TABLE "lake"."sandbox"."t" ALTER COLUMN "order" DROP NOT NULL',
    ),
    "set properties": (
        "ALTER TABLE sandbox.t SET PROPERTIES format = 'ORC', partitioning = DEFAULT",
        """ALTER TABLE "lake"."sandbox"."t" SET PROPERTIES "format" = 'ORC', "partitioning" = DEFAULT""",
    ),
    "rewrite files": (
        "ALTER TABLE sandbox.t EXECUTE optimize(file_size_threshold => '1MB')",
        """ALTER TABLE "lake"."sandbox"."t" EXECUTE OPTIMIZE("file_size_threshold" => '1MB')""",
    ),
    "truncate": ("TRUNCATE TABLE sandbox.T", 'TRUNCATE TABLE "lake"."sandbox"."t"'),
    "be like a table": (
        "CREATE TABLE sandbox.n (z bigint, LIKE customers) COMMENT 'w'",
        'CREATE TABLE "lake"."sandbox"."n" ("z" bigint, "customer_id" bigint, "name" varchar(20), "region" varchar) '
        "COMMENT 'w'",
    ),
    "name a field that must be quoted": (
        """CREATE TABLE sandbox.n (r row("b bigint)) WITH (location = 's3://x') --" bigint, "Y y" map(int, row(o int))))""",
        """CREATE TABLE "lake"."sandbox"."n" ("r" row("b bigint)) WITH (location = 's3://x') --" bigint, """
        '"Y y" map(integer, row(o integer))))',
    ),
    "comment on a table": (
        "COMMENT ON TABLE sandbox.t IS 'it''s'",
        """COMMENT ON TABLE "lake"."sandbox"."t" IS 'it''s'""",
    ),
    "comment on a column": (
        "COMMENT ON COLUMN sandbox.t.X IS NULL",
        'COMMENT ON COLUMN "lake"."sandbox"."t"."x" IS NULL',
    ),
    "merge": (
        "MERGE INTO sandbox.t USING customers AS s ON t.x = s.customer_id "
        "WHEN MATCHED AND s.region = current_user THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET y = (SELECT max(name) FROM customers) "
        "WHEN NOT MATCHED THEN INSERT VALUES (s.customer_id, s.name)",
        f'MERGE INTO "lake"."sandbox"."t" AS "t" USING {CUSTOMERS} ON "t"."x" = "s"."customer_id" '
        """WHEN MATCHED AND "s"."region" = CAST('ana' AS VARCHAR) THEN DELETE """
        'WHEN MATCHED THEN UPDATE SET "y" = (SELECT max("name") FROM (SELECT "_t"."customer_id", "_t"."name", '
        '"_t"."region" FROM "lake"."sales"."customers" AS "_t") AS "customers") '
        'WHEN NOT MATCHED THEN INSERT ("x", "y") VALUES ("s"."customer_id", "s"."name")',
    ),
    "merge of a query": (
        "MERGE INTO sandbox.t a USING (SELECT 1, 'x') AS b (p, q) ON a.x = p WHEN NOT MATCHED THEN INSERT (y) VALUES (q)",
        """MERGE INTO "lake"."sandbox"."t" AS "a" USING (SELECT 1, 'x') AS "b"("p", "q") ON "a"."x" = "p" """
        'WHEN NOT MATCHED THEN INSERT ("y") VALUES ("q")',
    ),
}
REFUSED = {
    "to rename what one may only read": (
        "ALTER TABLE customers RENAME TO sandbox.c",
        "PERMISSION_DENIED",
        "drop table",
    ),
    "to rename to where one may not create": (
        "ALTER TABLE sandbox.t RENAME TO sales.t",
        "PERMISSION_DENIED",
        "Cannot create table lake.sales.t",
    ),
    "to rename to another catalog": (
        "ALTER TABLE sandbox.t RENAME TO marts.hourly.t",
        "NOT_SUPPORTED",
        "across catalogs",
    ),
    "to rename onto a table": (
        'ALTER TABLE sandbox.t RENAME TO sandbox."a""b"',
        "TABLE_ALREADY_EXISTS",
        "already exists",
    ),
    "to rename what one may not know of": ("ALTER TABLE hr.salaries RENAME TO sandbox.s", "TABLE_NOT_FOUND", "hr"),
    "to rename a table as a view": ("ALTER VIEW sandbox.t RENAME TO sandbox.w", "TABLE_NOT_FOUND", "a table with"),
    "to rename a view as a table": ("ALTER TABLE sandbox.v RENAME TO sandbox.w", "GENERIC_USER_ERROR", "a view with"),
    "to rename a stored view": (
        "ALTER MATERIALIZED VIEW sandbox.stored RENAME TO sandbox.w",
        "PERMISSION_DENIED",
        "drop materialized view",
    ),
    "to truncate what one only reads": ("TRUNCATE TABLE customers", "PERMISSION_DENIED", "delete from"),
    "to truncate a table of which rows are hidden": ("TRUNCATE TABLE orders", "PERMISSION_DENIED", "restrict"),
    "to truncate what one may not know of": ("TRUNCATE TABLE hr.salaries", "TABLE_NOT_FOUND", "hr.salaries"),
    "to truncate a view": ("TRUNCATE TABLE sandbox.v", "NOT_SUPPORTED", "truncate a view"),
    "to analyze without a right to statistics": ("ANALYZE sandbox.t", "PERMISSION_DENIED", "show statistics of"),
    "to analyze what policies restrict": ("ANALYZE orders", "PERMISSION_DENIED", "restrict"),
    "to analyze by a property nobody knows": ("ANALYZE sandbox.t WITH (p = 1)", "INVALID_ANALYZE_PROPERTY", "'p'"),
    "to drop a column of what one only reads": (
        "ALTER TABLE customers DROP COLUMN name",
        "PERMISSION_DENIED",
        "customers",
    ),
    "to alter the columns of a view": ("ALTER TABLE sandbox.v DROP COLUMN x", "NOT_SUPPORTED", "is a view"),
    "to add a column after one that is not there": (
        "ALTER TABLE sandbox.t ADD COLUMN c int AFTER nosuch",
        "COLUMN_NOT_FOUND",
        "nosuch",
    ),
    "a property that names a place": (
        "ALTER TABLE sandbox.t SET PROPERTIES location = 's3://x'",
        "INVALID_TABLE_PROPERTY",
        "location",
    ),
    "a property of a column": (
        "CREATE TABLE sandbox.n (a int WITH (p = 1))",
        "INVALID_COLUMN_PROPERTY",
        "'p'",
    ),
    "a property of an added column": (
        "ALTER TABLE sandbox.t ADD COLUMN c int WITH (p = 1)",
        "INVALID_COLUMN_PROPERTY",
        "'p'",
    ),
    "a property of a view": ("CREATE VIEW sandbox.w WITH (p = 1) AS SELECT 1 a", "INVALID_VIEW_PROPERTY", "'p'"),
    "a property of a stored view": (
        "ALTER MATERIALIZED VIEW sandbox.stored SET PROPERTIES p = 1",
        "INVALID_MATERIALIZED_VIEW_PROPERTY",
        "'p'",
    ),
    "to analyze what is not there, by whatever property": ("ANALYZE nosuch WITH (p = 1)", "TABLE_NOT_FOUND", "nosuch"),
    "to give a table to somebody": ("ALTER TABLE sandbox.t SET AUTHORIZATION bob", "NOT_SUPPORTED", "AUTHORIZATION"),
    "to give away what one may not know of": (
        "ALTER TABLE hr.salaries SET AUTHORIZATION bob",
        "TABLE_NOT_FOUND",
        "hr.salaries",
    ),
    "a procedure that is not listed": ("ALTER TABLE sandbox.t EXECUTE expire_snapshots", "NOT_SUPPORTED", "expire"),
    "a procedure with a condition": (
        "ALTER TABLE sandbox.t EXECUTE optimize WHERE x = 1",
        "NOT_SUPPORTED",
        "optimize with WHERE",
    ),
    "a procedure on what policies restrict": ("ALTER TABLE orders EXECUTE optimize", "PERMISSION_DENIED", "restrict"),
    "to be like what policies restrict": (
        "CREATE TABLE sandbox.n (LIKE orders)",
        "PERMISSION_DENIED",
        "policies restrict",
    ),
    "to be like what one may not know of": (
        "CREATE TABLE sandbox.n (LIKE hr.salaries)",
        "TABLE_NOT_FOUND",
        "LIKE table 'lake.hr.salaries' does not exist",
    ),
    "to take another table's properties, which may name the place of its files": (
        "CREATE TABLE sandbox.n (LIKE sandbox.t INCLUDING PROPERTIES)",
        "NOT_SUPPORTED",
        "LIKE with INCLUDING PROPERTIES",
    ),
    "to be like two tables with one column in common": (
        "CREATE TABLE sandbox.n (LIKE sandbox.t, LIKE sandbox.v)",
        "DUPLICATE_COLUMN_NAME",
        "'x'",
    ),
    "to create in a schema that is not there": ("CREATE TABLE sandbox2.n (a int)", "PERMISSION_DENIED", "create"),
    "to rename a schema without the right": ("ALTER SCHEMA sandbox RENAME TO s2", "PERMISSION_DENIED", "rename schema"),
    "to rename a schema one may not know of": ("ALTER SCHEMA hr RENAME TO h", "SCHEMA_NOT_FOUND", "lake.hr"),
    "to drop a view that is not there": ("DROP VIEW nosuch", "GENERIC_USER_ERROR", "does not exist"),
    "to drop a view one may not know of": ("DROP VIEW hr.salaries", "GENERIC_USER_ERROR", "does not exist"),
    "to drop a table as a view": ("DROP VIEW sandbox.t", "GENERIC_USER_ERROR", "a table with that name"),
    "to drop a view as a table": ("DROP TABLE sandbox.v", "GENERIC_USER_ERROR", "a view with that name"),
    "to drop a stored view that is not there": ("DROP MATERIALIZED VIEW nosuch", "GENERIC_USER_ERROR", "not exist"),
    "to insert into a view": ("INSERT INTO sandbox.v VALUES 'a'", "NOT_SUPPORTED", "Inserting into views"),
    "to update a view": ("UPDATE sandbox.v SET nosuch = 1", "NOT_SUPPORTED", "Updating views"),
    "to delete from a view": ("DELETE FROM sandbox.v WHERE nosuch", "NOT_SUPPORTED", "Deleting from views"),
    "to merge into a view": (
        "MERGE INTO sandbox.v USING customers ON true WHEN MATCHED THEN DELETE",
        "NOT_SUPPORTED",
        "Merging into views",
    ),
    "to insert where one may not know of": ("INSERT INTO hr.salaries VALUES 1", "TABLE_NOT_FOUND", "hr.salaries"),
    "to insert into what is not there": ("INSERT INTO hr.nosuch VALUES 1", "TABLE_NOT_FOUND", "hr.nosuch"),
    "to refresh a view that is not stored": ("REFRESH MATERIALIZED VIEW sandbox.v", "TABLE_NOT_FOUND", "sandbox.v"),
    "to comment on a view as a table": ("COMMENT ON TABLE sandbox.v IS 'x'", "TABLE_NOT_FOUND", "a view with that"),
    "to alter what policies restrict": (
        "ALTER TABLE orders ADD COLUMN c bigint",
        "PERMISSION_DENIED",
        "orders",
    ),
    "to comment on what one only reads": ("COMMENT ON TABLE customers IS 'x'", "PERMISSION_DENIED", "customers"),
    "to comment on a column that is not there": ("COMMENT ON COLUMN sandbox.t.z IS 'x'", "COLUMN_NOT_FOUND", "z"),
    "to merge into what one only reads": (
        "MERGE INTO customers USING sandbox.t ON true WHEN MATCHED THEN DELETE",
        "PERMISSION_DENIED",
        "customers",
    ),
    "to merge from what policies restrict": (
        "MERGE INTO sandbox.t USING orders ON t.x = orders.order_id WHEN MATCHED THEN DELETE",
        "PERMISSION_DENIED",
        "policies restrict",
    ),
    "to merge by a subquery that policies restrict": (
        "MERGE INTO sandbox.t USING customers s ON t.x IN (SELECT order_id FROM orders) WHEN MATCHED THEN DELETE",
        "PERMISSION_DENIED",
        "policies restrict",
    ),
    "to merge from what one may not know of": (
        "MERGE INTO sandbox.t USING hr.salaries s ON true WHEN MATCHED THEN DELETE",
        "SCHEMA_NOT_FOUND",
        "hr",
    ),
    "to merge by a withheld column": (
        "MERGE INTO sandbox.t USING orders o ON o.card = t.y WHEN MATCHED THEN DELETE",
        "COLUMN_NOT_FOUND",
        "card",
    ),
    "to merge by what is no condition": (
        "MERGE INTO sandbox.t USING customers s ON t.x WHEN MATCHED THEN DELETE",
        "TYPE_MISMATCH",
        "boolean",
    ),
    "to merge into a column that is not there": (
        "MERGE INTO sandbox.t USING customers s ON true WHEN MATCHED THEN UPDATE SET z = 1",
        "COLUMN_NOT_FOUND",
        "z",
    ),
    "to merge more values than columns": (
        "MERGE INTO sandbox.t USING customers s ON true WHEN NOT MATCHED THEN INSERT (x) VALUES (1, 2)",
        "TYPE_MISMATCH",
        "2 values for 1 columns",
    ),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "expected"), GOVERNED.values(), ids=GOVERNED)
async def test_what_reaches_the_engine(sql: str, expected: str) -> None:
    found = await plan(sql)
    assert isinstance(found, Plan), found
    assert found.sql == expected


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "code", "text"), REFUSED.values(), ids=REFUSED)
async def test_it_is_refused(sql: str, code: str, text: str) -> None:
    found = await plan(sql)
    assert isinstance(found, NotPlanned)
    assert (found.refusal.code.name, text in found.refusal.text) == (code, True), found.refusal.text


NAMED_BY_POLICY = [
    "ALTER TABLE sales.orders RENAME TO sandbox.o",
    "ALTER TABLE sales.orders DROP COLUMN email",
    "ALTER TABLE sales.orders DROP COLUMN amount",
    "ALTER TABLE sales.orders RENAME COLUMN email TO e",
    "ALTER TABLE sales.orders RENAME COLUMN region TO r",
    "ALTER TABLE sales.orders ALTER COLUMN email SET DATA TYPE char(9)",
    "ALTER SCHEMA sales RENAME TO s2",
]


@pytest.mark.asyncio
@pytest.mark.parametrize("sql", NAMED_BY_POLICY)
async def test_what_policies_name_keeps_its_name_even_for_who_sees_it_whole(sql: str) -> None:
    """A mask or filter finds its column by name: under another name it would be open to everybody."""
    found = await plan(sql, "root")
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "PERMISSION_DENIED"
    assert "policies name its columns" in found.refusal.text


@pytest.mark.asyncio
async def test_a_schema_is_renamed_with_all_that_it_holds() -> None:
    found = await plan("ALTER SCHEMA hr RENAME TO HR2", "root")
    assert isinstance(found, Plan), found
    assert found.sql == 'ALTER SCHEMA "lake"."hr" RENAME TO "hr2"'
    assert {str(name) for name in found.invalidates} == {"lake.hr.", "lake.hr2.salaries"}
    taken = await plan("ALTER SCHEMA hr RENAME TO sales", "root")
    assert isinstance(taken, NotPlanned)
    assert taken.refusal.code.name == "SCHEMA_ALREADY_EXISTS"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("ANALYZE hr.salaries", None),
        ("DROP MATERIALIZED VIEW sandbox.stored", None),
        ("DROP MATERIALIZED VIEW sandbox.v", "GENERIC_USER_ERROR"),
        ("ALTER VIEW sandbox.v RENAME TO sandbox.t", "TABLE_ALREADY_EXISTS"),
        ("ALTER VIEW sandbox.v RENAME TO sandbox.of_orders", "GENERIC_USER_ERROR"),
        ("ALTER TABLE sandbox.t RENAME TO sandbox.v", "GENERIC_USER_ERROR"),
        ("ALTER MATERIALIZED VIEW sandbox.stored RENAME TO sandbox.s", "NOT_SUPPORTED"),
        ("REFRESH MATERIALIZED VIEW sandbox.stored", "NOT_SUPPORTED"),
        ("CREATE TABLE nosuch.t (a int)", "NOT_FOUND"),
        ("CREATE VIEW nosuch.t AS SELECT 1 a", "NOT_FOUND"),
        ("CREATE SCHEMA lake.s AUTHORIZATION root", None),
        ("CREATE SCHEMA lake.s AUTHORIZATION bob", "NOT_SUPPORTED"),
    ],
)
async def test_who_may_do_all_meets_what_trino_says(sql: str, code: str | None) -> None:
    found = await plan(sql, "root")
    assert (found.refusal.code.name if isinstance(found, NotPlanned) else None) == code


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["rename", "add column", "comment on a table", "merge", "truncate", "drop a column"])
async def test_the_lake_refuses_it_by_name(name: str) -> None:
    pipeline, _ = await make_pipeline({"lake": "lake"})
    found = await plan(GOVERNED[name][0], pipeline=pipeline)
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "NOT_SUPPORTED"


@pytest.mark.asyncio
async def test_if_exists_tells_nothing_of_what_is_hidden() -> None:
    forms = (
        "ALTER TABLE IF EXISTS {} RENAME TO sandbox.s",
        "ALTER TABLE IF EXISTS {} DROP COLUMN c",
        "DROP TABLE IF EXISTS {}",
        "DROP MATERIALIZED VIEW IF EXISTS {}",
    )
    for name in ("hr.salaries", "hr.nothing", "nosuch.a.b"):
        for form in forms:
            found = await plan(form.format(name))
            assert isinstance(found, Plan), (name, form)
            assert found.route == "local"
