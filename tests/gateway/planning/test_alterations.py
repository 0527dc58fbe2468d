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
        "PERMISSION_DENIED",
        "create table",
    ),
    "to rename onto a table": (
        'ALTER TABLE sandbox.t RENAME TO sandbox."a""b"',
        "TABLE_ALREADY_EXISTS",
        "already exists",
    ),
    "to rename what one may not know of": ("ALTER TABLE hr.salaries RENAME TO sandbox.s", "SCHEMA_NOT_FOUND", "hr"),
    "to rename a table as a view": ("ALTER VIEW sandbox.t RENAME TO sandbox.v", "PERMISSION_DENIED", "drop"),
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


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["rename", "add column", "comment on a table", "merge"])
async def test_the_lake_refuses_it_by_name(name: str) -> None:
    pipeline, _ = await make_pipeline({"lake": "lake"})
    found = await plan(GOVERNED[name][0], pipeline=pipeline)
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "NOT_SUPPORTED"


@pytest.mark.asyncio
async def test_if_exists_tells_nothing_of_what_is_hidden() -> None:
    for name in ("hr.salaries", "hr.nothing"):
        found = await plan(f"ALTER TABLE IF EXISTS {name} RENAME TO sandbox.s")
        assert isinstance(found, Plan)
        assert found.route == "local"
