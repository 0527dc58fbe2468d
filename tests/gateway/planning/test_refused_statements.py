"""What is refused by name is refused last: what Trino would miss is named first, and so is what the caller may not know."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import plan

from gateway.models import NotPlanned, Plan

REFUSED = {
    "a grant": ("GRANT SELECT ON customers TO bob", "NOT_SUPPORTED", "GRANT is not supported"),
    "a grant on what is restricted": ("GRANT SELECT ON orders TO bob", "NOT_SUPPORTED", "GRANT is not supported"),
    "a grant on what is not there": ("GRANT SELECT ON nosuch TO bob", "TABLE_NOT_FOUND", "lake.sales.nosuch"),
    "a grant on what one may not know of": ("GRANT SELECT ON hr.salaries TO bob", "TABLE_NOT_FOUND", "lake.hr.salaries"),
    "a revoke on what one may not know of": ("REVOKE x ON hr.salaries FROM bob", "TABLE_NOT_FOUND", "lake.hr.salaries"),
    "a denial on a catalog that is not there": ("DENY SELECT ON no.a.b TO bob", "TABLE_NOT_FOUND", "no.a.b"),
    "a grant on a schema": ("GRANT CREATE ON SCHEMA sales TO bob", "NOT_SUPPORTED", "GRANT is not supported"),
    "a grant on a schema one may not know of": ("GRANT CREATE ON SCHEMA hr TO bob", "SCHEMA_NOT_FOUND", "lake.hr"),
    "a grant on another kind of object": ("GRANT EXECUTE ON FUNCTION nosuch TO bob", "INVALID_PRIVILEGE", "'EXECUTE'"),
    "a privilege nobody knows": ("GRANT fly ON customers TO bob", "INVALID_PRIVILEGE", "line 1:1: Unknown privilege: 'fly'"),
    "a quoted privilege": ('DENY "select" ON customers TO bob', "INVALID_PRIVILEGE", "'\"select\"'"),
    "a privilege on what is not there": ("GRANT fly ON nosuch TO bob", "TABLE_NOT_FOUND", "nosuch"),
    "a role of one's own": ("GRANT analyst TO bob", "NOT_SUPPORTED", "GRANT is not supported"),
    "a role of somebody else's": ("GRANT owner TO bob", "ROLE_NOT_FOUND", "line 1:1: Role 'owner' does not exist"),
    "a role that is not there": ("REVOKE Nosuch FROM bob", "ROLE_NOT_FOUND", "Role 'nosuch' does not exist"),
    "a grantee that is not there": ("GRANT analyst TO ROLE nosuch", "ROLE_NOT_FOUND", "Role 'nosuch'"),
    "roles of a catalog": ("GRANT analyst TO bob IN lake", "NOT_SUPPORTED", "does not support role management"),
    "roles of a catalog one may not know of": ("REVOKE x FROM bob IN nosuch", "CATALOG_NOT_FOUND", "nosuch"),
    "to make a role": ("CREATE ROLE r", "NOT_SUPPORTED", "CREATE ROLE is not supported"),
    "to make a role for one that is not there": ("CREATE ROLE r WITH ADMIN ROLE x", "ROLE_NOT_FOUND", "'x'"),
    "to make a role in a catalog that is not there": ("CREATE ROLE r IN nosuch", "CATALOG_NOT_FOUND", "nosuch"),
    "to drop a role": ("DROP ROLE analyst", "NOT_SUPPORTED", "DROP ROLE is not supported"),
    "to drop a role of somebody else's": ("DROP ROLE owner", "ROLE_NOT_FOUND", "Role 'owner' does not exist"),
    "to give a table to a role that is not there": (
        "ALTER TABLE customers SET AUTHORIZATION ROLE nosuch",
        "ROLE_NOT_FOUND",
        "'nosuch'",
    ),
    "to give a function away": ("ALTER FUNCTION f SET AUTHORIZATION bob", "NOT_SUPPORTED", "ALTER FUNCTION SET"),
    "a function": ("CREATE FUNCTION lake.s.f(x int) RETURNS int RETURN x", "NOT_SUPPORTED", "CREATE FUNCTION is not"),
    "a function without a place": ("CREATE FUNCTION f() RETURNS int RETURN 1", "NOT_SUPPORTED", "Catalog and schema must"),
    "a function with half a place": ("CREATE FUNCTION s.f() RETURNS int RETURN y", "NOT_SUPPORTED", "unqualified or fully"),
    "a function with too long a name": ("CREATE FUNCTION a.b.c.f() RETURNS int RETURN 1", "SYNTAX_ERROR", "Too many dots"),
    "a function with a wrong body": (
        "CREATE FUNCTION nosuch.s.f(x int) RETURNS int RETURN y",
        "COLUMN_NOT_FOUND",
        "line 1:54: Column 'y' cannot be resolved",
    ),
    "a function of another type": ("CREATE FUNCTION lake.s.f() RETURNS int RETURN 'a'", "TYPE_MISMATCH", "RETURN"),
    "a function that calls itself": ("CREATE FUNCTION lake.s.f() RETURNS int RETURN f()", "FUNCTION_NOT_FOUND", "'f'"),
    "a function in a hidden catalog": ("CREATE FUNCTION nosuch.s.f() RETURNS int RETURN 1", "CATALOG_NOT_FOUND", "nosuch"),
    "to drop a function": ("DROP FUNCTION lake.s.f(int)", "NOT_FOUND", "line 1:1: Function not found"),
    "to drop a function without a place": ("DROP FUNCTION IF EXISTS f()", "NOT_SUPPORTED", "Catalog and schema must"),
    "a function's text": ("SHOW CREATE FUNCTION a.b.c.f", "SYNTAX_ERROR", "Too many dots in function name"),
    "functions of too long a schema": ("SHOW FUNCTIONS FROM a.b.c", "SYNTAX_ERROR", "Too many parts in schema name"),
    "a stored view": ("CREATE MATERIALIZED VIEW sandbox.m AS SELECT 1 a", "NOT_SUPPORTED", "CREATE MATERIALIZED VIEW is"),
    "a stored view of a hidden column": (
        "CREATE MATERIALIZED VIEW nosuch.a.b AS SELECT card FROM orders",
        "COLUMN_NOT_FOUND",
        "line 1:47: Column 'card' cannot be resolved",
    ),
    "a stored view of a hidden table": (
        "CREATE MATERIALIZED VIEW sandbox.m AS SELECT * FROM hr.salaries",
        "SCHEMA_NOT_FOUND",
        "'hr'",
    ),
    "a stored view without a column's name": (
        "CREATE MATERIALIZED VIEW sandbox.m AS SELECT 1",
        "MISSING_COLUMN_NAME",
        "position 1",
    ),
    "a stored view with a column twice": (
        "CREATE MATERIALIZED VIEW sandbox.m AS SELECT 1 a, 2 A",
        "DUPLICATE_COLUMN_NAME",
        "'a' specified more than once",
    ),
    "a stored view in a hidden catalog": (
        "CREATE MATERIALIZED VIEW nosuch.a.b WITH (x = 1) AS SELECT 1 a",
        "CATALOG_NOT_FOUND",
        "nosuch",
    ),
    "a stored view's property": (
        "CREATE MATERIALIZED VIEW sandbox.m WITH (x = 1) AS SELECT 1 a",
        "INVALID_MATERIALIZED_VIEW_PROPERTY",
        "'x'",
    ),
    "a property of a view that is not there": (
        "ALTER MATERIALIZED VIEW nosuch SET PROPERTIES format = 'ORC'",
        "TABLE_NOT_FOUND",
        "nosuch",
    ),
    "a property of a stored view": (
        "ALTER MATERIALIZED VIEW sandbox.stored SET PROPERTIES format = 'ORC'",
        "NOT_SUPPORTED",
        "SET PROPERTIES",
    ),
    "to refresh what is not there": ("REFRESH MATERIALIZED VIEW nosuch", "TABLE_NOT_FOUND", "nosuch"),
    "a parameter in a stored view": (
        "CREATE MATERIALIZED VIEW sandbox.m AS SELECT ? a",
        "INVALID_PARAMETER_USAGE",
        "line 1:1: Incorrect number of parameters",
    ),
}  # fmt: skip
DONE = {
    "a role that is not there": ("DROP ROLE IF EXISTS nosuch", "DROP ROLE"),
    "a role of somebody else's": ("DROP ROLE IF EXISTS owner", "DROP ROLE"),
    "a function that is not there": ("DROP FUNCTION IF EXISTS lake.s.f(bigint)", "DROP FUNCTION"),
    "a function of a hidden catalog": ("DROP FUNCTION IF EXISTS nosuch.s.f()", "DROP FUNCTION"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "code", "text"), REFUSED.values(), ids=REFUSED)
async def test_trinos_own_reason_comes_before_the_gateways(sql: str, code: str, text: str) -> None:
    found = await plan(sql)
    assert isinstance(found, NotPlanned)
    assert (found.refusal.code.name, text in found.refusal.text) == (code, True), found.refusal.text


@pytest.mark.asyncio
@pytest.mark.parametrize(("sql", "kind"), DONE.values(), ids=DONE)
async def test_what_nobody_knows_is_dropped_if_it_exists_without_asking_an_engine(sql: str, kind: str) -> None:
    found = await plan(sql)
    assert isinstance(found, Plan)
    assert (found.route, found.kind) == ("local", kind)


@pytest.mark.asyncio
@pytest.mark.parametrize("sql", ["SELECT 1", "SHOW CATALOGS", "SET SESSION query_max_run_time = '1m'"])
async def test_no_statement_runs_in_a_zone_that_is_none(sql: str) -> None:
    found = await plan(sql, time_zone="Mars/Olympus")
    assert isinstance(found, NotPlanned)
    assert (found.refusal.code.name, found.refusal.text) == ("NOT_SUPPORTED", "Time zone not supported: Mars/Olympus")
