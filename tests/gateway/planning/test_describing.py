"""PREPARE, DESCRIBE INPUT, DESCRIBE OUTPUT, DEALLOCATE: what is told of a statement, and to whom."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import make_pipeline, plan

from catalog.types import parse_type
from engines.base import OutputColumn
from gateway.models import LocalAnswer, NotPlanned, Plan
from gateway.planning.describing import own_description


async def described(verb: str, text: str, user: str = "ana", **session: object) -> Plan:
    found = await plan(f"DESCRIBE {verb} p", user, prepared={"p": text}, **session)
    assert isinstance(found, Plan), found
    return found


async def refused(sql: str, **session: object) -> str:
    found = await plan(sql, **session)  # type: ignore[arg-type]  # the words of a test
    assert isinstance(found, NotPlanned), found
    return found.refusal.code.name


def answer_of(found: Plan) -> LocalAnswer:
    assert found.answer is not None, found
    return found.answer


@pytest.mark.asyncio
async def test_what_no_policy_changes_is_described_by_trino_over_governed_text() -> None:
    for verb in ("INPUT", "OUTPUT"):
        found = await described(verb, "SELECT name FROM customers WHERE region = ?")
        assert found.sql == f"DESCRIBE {verb} statement1"
        assert found.prepared is not None
        name, text = found.prepared
        assert name == "statement1"
        assert text == (
            'SELECT "name" FROM (SELECT "customer_id", "name", "region" FROM "lake"."sales"."customers") '
            'AS "customers" WHERE "region" = ?'
        )


@pytest.mark.asyncio
async def test_the_output_of_a_restricted_query_is_described_without_the_tables_behind_it() -> None:
    """Trino would tell a mask from a column: only the one comes from a table."""
    answer = answer_of(await described("OUTPUT", "SELECT * FROM orders"))
    assert answer.rows == (
        ("order_id", "", "", "", "bigint", 8, False),
        ("region", "", "", "", "varchar", 0, False),
        ("amount", "", "", "", "decimal(12,2)", 8, False),
        ("email", "", "", "", "varchar", 0, False),
    )
    assert [str(column.type) for column in answer.columns] == [
        *("varchar(8)", "varchar(0)", "varchar(0)", "varchar(0)", "varchar(13)", "integer", "boolean"),
    ]


@pytest.mark.asyncio
async def test_the_tables_below_a_view_are_not_described() -> None:
    answer = answer_of(await described("OUTPUT", "SELECT * FROM sandbox.v"))
    assert answer.rows == (("x", "", "", "", "bigint", 8, False),)


@pytest.mark.asyncio
async def test_the_types_of_parameters_are_asked_of_trino_also_where_a_policy_applies_and_its_errors_are_kept() -> None:
    found = await described("INPUT", "SELECT amount FROM orders WHERE amount > ?")
    assert found.prepared is not None
    assert found.policed, "an error over governed text must not reach the client"


@pytest.mark.asyncio
@pytest.mark.parametrize("verb", ["INPUT", "OUTPUT"])
async def test_describing_tells_no_more_than_running(verb: str) -> None:
    for text, code in {
        "SELECT card FROM orders WHERE region = ?": "COLUMN_NOT_FOUND",
        "SELECT nosuch FROM orders WHERE region = ?": "COLUMN_NOT_FOUND",
        "SELECT * FROM hr.salaries WHERE salary > ?": "SCHEMA_NOT_FOUND",
        "SELECT * FROM hr2.salaries WHERE salary > ?": "SCHEMA_NOT_FOUND",
    }.items():
        assert await refused(f"DESCRIBE {verb} p", prepared={"p": text}) == code
    assert await refused(f"DESCRIBE {verb} p") == "NOT_FOUND"


@pytest.mark.asyncio
async def test_a_statement_without_parameters_or_columns_has_no_rows_and_types_without_a_length() -> None:
    for verb, text in [("INPUT", "SELECT 1"), ("INPUT", "SHOW TABLES"), ("OUTPUT", "USE sandbox")]:
        answer = answer_of(await described(verb, text))
        assert answer.rows == ()
        assert {str(column.type) for column in answer.columns} <= {"bigint", "varchar", "boolean"}
    changed = answer_of(await described("OUTPUT", "DELETE FROM sandbox.t WHERE x = ?"))
    assert changed.rows == (("rows", "", "", "", "bigint", 8, False),)


@pytest.mark.asyncio
async def test_a_show_is_described_as_trino_answers_it() -> None:
    tables = answer_of(await described("OUTPUT", "SHOW TABLES FROM sandbox"))
    assert tables.rows == (("Table", "lake", "information_schema", "tables", "varchar", 0, True),)
    columns = answer_of(await described("OUTPUT", "DESCRIBE orders"))
    assert [row[:4] for row in columns.rows][1:3] == [
        ("Type", "lake", "information_schema", "columns"),
        ("Extra", "", "", ""),
    ]


@pytest.mark.asyncio
async def test_where_trino_does_not_answer_parameters_have_the_types_that_the_gateway_knows() -> None:
    pipeline, _ = await make_pipeline({"lake": "lake"})
    found = await plan("DESCRIBE INPUT p", pipeline=pipeline, prepared={"p": "SELECT x FROM sandbox.t WHERE x = ?"})
    assert isinstance(found, Plan)
    assert answer_of(found).rows == ((0, "bigint"),)
    long = "SELECT ? IN (" + ", ".join(str(i) for i in range(5_000)) + ")"
    assert answer_of(await described("INPUT", long)).rows == ((0, "unknown"),)


@pytest.mark.asyncio
async def test_preparing_tells_nothing_and_executing_tells_all() -> None:
    for text, code in {
        "SELECT nosuch FROM orders": "COLUMN_NOT_FOUND",
        "SELECT * FROM hr.salaries": "SCHEMA_NOT_FOUND",
        "SELECT DECIMAL 'x'": "INVALID_LITERAL",
        "CREATE TABLE sandbox.n (a nosuch)": "TYPE_NOT_FOUND",
    }.items():
        prepared = await plan(f"PREPARE p FROM {text}")
        assert isinstance(prepared, Plan), text
        assert [name for name, _ in answer_of(prepared).headers] == ["X-Trino-Added-Prepare"]
        assert await refused("EXECUTE p", prepared={"p": text}) == code
    assert await refused("PREPARE p FROM SELECT 1 +") == "SYNTAX_ERROR"
    assert await refused("PREPARE p FROM PREPARE q FROM SELECT 1") == "NOT_SUPPORTED"


@pytest.mark.asyncio
async def test_only_what_was_prepared_is_deallocated() -> None:
    found = await plan("DEALLOCATE PREPARE p", prepared={"p": "SELECT 1"})
    assert isinstance(found, Plan)
    assert answer_of(found).headers == (("X-Trino-Deallocated-Prepare", "p"),)
    assert await refused("DEALLOCATE PREPARE p") == "NOT_FOUND"


@pytest.mark.asyncio
async def test_the_parameters_of_a_merge_are_bound_in_the_order_of_its_text() -> None:
    text = (
        "MERGE INTO sandbox.t USING (SELECT ? AS k) s ON t.x = s.k + ? WHEN MATCHED AND t.x > ? THEN UPDATE SET y = ? "
        "WHEN NOT MATCHED THEN INSERT (x, y) VALUES (?, ?)"
    )
    found = await plan("EXECUTE p USING 1, 2, 3, 'd', 5, 'f'", prepared={"p": text})
    assert isinstance(found, Plan), found
    assert found.sql == (
        'MERGE INTO "lake"."sandbox"."t" AS "t" USING (SELECT 1 AS "k") AS "s" ON "t"."x" = "s"."k" + 2 '
        """WHEN MATCHED AND "t"."x" > 3 THEN UPDATE SET "y" = 'd' WHEN NOT MATCHED THEN INSERT ("x", "y") VALUES (5, 'f')"""
    )
    assert await refused("EXECUTE p USING 1", prepared={"p": text}) == "INVALID_PARAMETER_USAGE"


@pytest.mark.asyncio
async def test_a_change_that_could_not_be_made_is_not_described() -> None:
    for verb in ("INPUT", "OUTPUT"):
        for text in ("INSERT INTO customers VALUES (?, ?, ?)", "DELETE FROM orders WHERE amount > ?"):
            assert await refused(f"DESCRIBE {verb} p", prepared={"p": text}) == "PERMISSION_DENIED"


SIZES = {
    "boolean": 1,
    "tinyint": 1,
    "unknown": 1,
    "smallint": 2,
    "integer": 4,
    "real": 4,
    "date": 4,
    "bigint": 8,
    "double": 8,
    "decimal(18,0)": 8,
    "decimal(19,0)": 16,
    "timestamp(6)": 8,
    "timestamp(7)": 12,
    "time(12)": 8,
    "time(9) with time zone": 8,
    "time(10) with time zone": 12,
    "timestamp(3) with time zone": 8,
    "timestamp(4) with time zone": 12,
    "uuid": 16,
    "ipaddress": 16,
    "interval day to second": 8,
    "interval year to month": 4,
    "varchar(3)": 0,
    "char(3)": 0,
    "varbinary": 0,
    "json": 0,
    "array(bigint)": 0,
}


def test_sizes_of_types_are_those_of_trino_476() -> None:
    columns = [OutputColumn("c", parse_type(text)) for text in SIZES]
    rows = answer_of(own_description(columns)).rows
    assert {str(row[4]): row[5] for row in rows} == SIZES
