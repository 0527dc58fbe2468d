"""Statements that the gateway refuses whatever is in them: they are read to their end, by the whole grammar."""

from __future__ import annotations

import pytest

from catalog.dialect import statements as s
from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_statement
from catalog.errors import Location, Refusal

HERE = Location(1, 1)


def named(text: str, column: int) -> s.QualifiedName:
    return s.QualifiedName(tuple(text.split(".")), Location(1, column))


FORMS = [
    ("GRANT select, INSERT ON a.t TO bob", s.ChangePrivileges("GRANT", ("select", "INSERT"), "TABLE", named("a.t", 25), HERE)),
    (
        "GRANT ALL PRIVILEGES ON TABLE t TO ROLE r WITH GRANT OPTION",
        s.ChangePrivileges("GRANT", None, "TABLE", named("t", 31), HERE),
    ),
    ("GRANT ALL ON schema TO bob", s.ChangePrivileges("GRANT", ("ALL",), "TABLE", named("schema", 14), HERE)),
    ("GRANT CREATE ON SCHEMA s TO USER bob", s.ChangePrivileges("GRANT", ("CREATE",), "SCHEMA", named("s", 24), HERE)),
    ("GRANT EXECUTE ON function f TO bob", s.ChangePrivileges("GRANT", ("EXECUTE",), "FUNCTION", named("f", 27), HERE)),
    (
        "REVOKE GRANT OPTION FOR DELETE ON t FROM USER user",
        s.ChangePrivileges("REVOKE", ("DELETE",), "TABLE", named("t", 35), HERE),
    ),
    ("DENY \"x\" ON t TO bob", s.ChangePrivileges("DENY", ('"x"',), "TABLE", named("t", 13), HERE)),
    ("GRANT r TO bob", s.ChangeRoles("GRANT", ("r",), None, HERE)),
    (
        "GRANT r, \"S\" TO USER bob, ROLE x WITH ADMIN OPTION GRANTED BY ROLE y IN c",
        s.ChangeRoles("GRANT", ("r", "S", "x", "y"), "c", HERE),
    ),
    ("GRANT r TO user IN c", s.ChangeRoles("GRANT", ("r",), "c", HERE)),
    ("REVOKE grant FROM bob", s.ChangeRoles("REVOKE", ("grant",), None, HERE)),
    ("REVOKE ADMIN OPTION FOR r FROM bob GRANTED BY CURRENT_USER", s.ChangeRoles("REVOKE", ("r",), None, HERE)),
    ("CREATE ROLE r", s.CreateRole("r", None, None, HERE)),
    ("CREATE ROLE r WITH ADMIN ROLE a IN c", s.CreateRole("r", "a", "c", HERE)),
    ("CREATE ROLE r WITH ADMIN CURRENT_ROLE", s.CreateRole("r", None, None, HERE)),
    ("DROP ROLE IF EXISTS r IN c", s.DropRole("r", True, "c", HERE)),
    ("DROP ROLE if", s.DropRole("if", False, None, HERE)),
    ("DROP FUNCTION f()", s.DropFunction(named("f", 15), False)),
    (
        "DROP FUNCTION IF EXISTS a.b.f(bigint, x varchar(3), timestamp(3) with time zone, double precision)",
        s.DropFunction(named("a.b.f", 25), True),
    ),
]  # fmt: skip
WRONG = {
    "GRANT": "line 1:6: mismatched input '<EOF>'",
    "GRANT SELECT": "line 1:13: mismatched input '<EOF>'",
    "GRANT SELECT ON t": "line 1:18: mismatched input '<EOF>'",
    "GRANT SELECT ON t TO": "line 1:21: mismatched input '<EOF>'",
    "GRANT SELECT ON t TO bob, eve": "line 1:25: mismatched input ','",
    "GRANT SELECT ON t TO bob WITH ADMIN OPTION": "line 1:31: mismatched input 'ADMIN'",
    "GRANT SELECT ON t FROM bob": "line 1:19: mismatched input 'FROM'",
    "GRANT SELECT t TO bob": "line 1:14: mismatched input 't'",
    "GRANT SELECT, ON t TO bob": "line 1:15: mismatched input 'ON'",
    "GRANT select, r TO bob": "line 1:7: May not use a privilege name as a role name",
    "GRANT 'x' TO bob": "line 1:7: mismatched input ''x''",
    "GRANT r TO bob WITH GRANT OPTION": "line 1:21: mismatched input 'GRANT'",
    "GRANT r TO bob IN c GRANTED BY x": "line 1:21: mismatched input 'GRANTED'",
    "GRANT r TO CURRENT_USER": "line 1:12: mismatched input 'CURRENT_USER'",
    "REVOKE GRANT OPTION FOR r FROM bob": "line 1:27: mismatched input 'FROM'. Expecting: 'ON'",
    "REVOKE ADMIN OPTION FOR SELECT ON t FROM bob": "line 1:32: mismatched input 'ON'. Expecting: 'FROM'",
    "REVOKE r FROM bob WITH ADMIN OPTION": "line 1:19: mismatched input 'WITH'",
    "DENY r TO bob": "line 1:8: mismatched input 'TO'. Expecting: 'ON'",
    "DENY SELECT ON t TO bob WITH GRANT OPTION": "line 1:25: mismatched input 'WITH'",
    "CREATE ROLE": "line 1:12: mismatched input '<EOF>'",
    "CREATE ROLE IF NOT EXISTS r": "line 1:16: mismatched input 'NOT'",
    "CREATE ROLE a.b": "line 1:14: mismatched input '.'",
    "CREATE OR REPLACE ROLE r": "line 1:19: mismatched input 'ROLE'",
    "DROP ROLE r CASCADE": "line 1:13: mismatched input 'CASCADE'",
    "CREATE FUNCTION": "line 1:16: mismatched input '<EOF>'",
    "CREATE FUNCTION f x": "line 1:19: mismatched input 'x'",
    "CREATE FUNCTION f(x int) RETURN 1": "line 1:26: mismatched input 'RETURN'. Expecting: 'RETURNS'",
    "CREATE FUNCTION f(x int) RETURNS int RETURN": "line 1:44: mismatched input '<EOF>'",
    "CREATE FUNCTION IF NOT EXISTS f() RETURNS int RETURN 1": "line 1:20: mismatched input 'NOT'",
    "CREATE FUNCTION f() RETURNS int SECURITY INVOKER SECURITY DEFINER RETURN 1": "Multiple security clauses",
    "CREATE FUNCTION f() RETURNS int AS $$ x $$": "Functions using language 'SQL' must be defined using SQL",
    "CREATE FUNCTION f() RETURNS int WITH (p = 1) RETURN 1": "line 1:39: Function language 'SQL' does not support",
    "CREATE FUNCTION f() RETURNS int LANGUAGE PYTHON AS $$ x $$": "line 1:33: Function language PYTHON is not supported",
    "CREATE FUNCTION f() RETURNS nosuch RETURN 1": "Unknown type: nosuch",
    "CREATE FUNCTION f() RETURNS int RETURN (SELECT 1)": "line 1:40: Queries are not allowed in functions",
    "DROP FUNCTION f": "line 1:16: mismatched input '<EOF>'. Expecting: '('",
    "DROP FUNCTION f(int, nosuch)": "line 1:22: Unknown type: nosuch",
    "DROP FUNCTION f(int) CASCADE": "line 1:22: mismatched input 'CASCADE'",
    "CREATE MATERIALIZED TABLE v AS SELECT 1": "line 1:21: mismatched input 'TABLE'. Expecting: 'VIEW'",
    "CREATE MATERIALIZED VIEW v": "line 1:27: mismatched input '<EOF>'",
    "CREATE MATERIALIZED VIEW v SECURITY DEFINER AS SELECT 1": "line 1:28: mismatched input 'SECURITY'",
    "CREATE MATERIALIZED VIEW v (a) AS SELECT 1": "line 1:28: mismatched input '('",
    "CREATE MATERIALIZED VIEW v GRACE PERIOD 1 AS SELECT 1": "line 1:41: mismatched input '1'. Expecting: 'INTERVAL'",
    "CREATE MATERIALIZED VIEW v COMMENT 'c' GRACE PERIOD INTERVAL '1' DAY AS SELECT 1": "line 1:40: mismatched input",
    "CREATE MATERIALIZED VIEW v GRACE PERIOD INTERVAL 'x' DAY AS SELECT": "line 1:67: mismatched input '<EOF>'",
    "CREATE MATERIALIZED VIEW v GRACE PERIOD INTERVAL 'x' DAY AS SELECT 1": "line 1:41: 'x' is not a valid INTERVAL",
    "CREATE OR REPLACE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1": "can not be used together",
}  # fmt: skip


@pytest.mark.parametrize(("sql", "form"), FORMS, ids=[sql for sql, _ in FORMS])
def test_the_statement_is_read_into_its_form(sql: str, form: s.Statement) -> None:
    assert parse_statement(sql) == form


@pytest.mark.parametrize(("sql", "text"), WRONG.items(), ids=WRONG)
def test_what_the_grammar_does_not_allow_is_named_before_the_statement_is_refused(sql: str, text: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_statement(sql)
    assert text in caught.value.text


def test_a_materialized_view_is_read_with_its_query_and_its_properties() -> None:
    sql = "CREATE OR REPLACE MATERIALIZED VIEW a.v GRACE PERIOD INTERVAL '1' DAY COMMENT 'c' WITH (p = 1, q = 2) AS SELECT 1 a"
    form = parse_statement(sql)
    assert isinstance(form, s.CreateMaterializedView)
    assert (form.view, form.properties, form.query.text) == (named("a.v", 37), ("p", "q"), "SELECT 1 a")


def test_a_stored_function_is_read_without_a_name_by_which_it_could_call_itself() -> None:
    form = parse_statement("CREATE OR REPLACE FUNCTION a.b.f(x bigint) RETURNS bigint SECURITY INVOKER RETURN x + 1")
    assert isinstance(form, s.CreateFunction)
    assert form.name == named("a.b.f", 28)
    assert form.function.this.name == ""
    assert generate(form.function.args["body"]) == 'RETURN "x" + 1'
