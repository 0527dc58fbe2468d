"""Every statement becomes one of a closed set of forms, or is refused."""

from __future__ import annotations

import dataclasses
import pickle
import typing

import pytest
from sqlglot import exp

from catalog.dialect import statements as s
from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_statement
from catalog.errors import Location, Refusal


def name(*parts: str) -> s.QualifiedName:
    return s.QualifiedName(parts, Location(0, 0))


def plain(value: object) -> object:
    """Return a statement as comparable data: trees as text, without places."""
    if isinstance(value, exp.Expr):
        return generate(value)
    if isinstance(value, Location):
        return None
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return (type(value).__name__, fields)
    return value


ONE = parse_statement("SELECT 1")
assert isinstance(ONE, s.Query)
PARENTHESISED = s.Query(ONE.tree, "((SELECT 1))")
"""What is asked of engines by itself: `(WITH ...)` is a query of CREATE TABLE AS, and no other."""
NOWHERE = Location(0, 0)
FIVE = exp.Literal.number(5)
TEXT = exp.Literal.string("x")

SIMPLE = [
    ("EXPLAIN SELECT 1", s.Explain(False, False, None, None, ONE, "SELECT 1")),
    ("explain (type io, format json) SELECT 1 -- x", s.Explain(False, False, "IO", "JSON", ONE, "SELECT 1")),
    ("EXPLAIN ANALYZE VERBOSE SELECT 1", s.Explain(True, True, None, None, ONE, "SELECT 1")),
    (
        "EXPLAIN EXPLAIN SELECT 1",
        s.Explain(False, False, None, None, s.Explain(False, False, None, None, ONE, "SELECT 1"), "EXPLAIN SELECT 1"),
    ),
    ("SHOW CATALOGS", s.ShowCatalogs()),
    (r"SHOW CATALOGS LIKE 'a%' ESCAPE '\'", s.ShowCatalogs(s.Pattern("a%", "\\"))),
    ("SHOW SCHEMAS FROM lake LIKE 'x'", s.ShowSchemas(name("lake"), s.Pattern("x"))),
    ('SHOW TABLES IN lake."Sales"', s.ShowTables(name("lake", "Sales"))),
    ("SHOW TABLES", s.ShowTables()),
    ("SHOW COLUMNS FROM a.b.c", s.ShowColumns(name("a", "b", "c"))),
    ("DESCRIBE t", s.ShowColumns(name("t"))),
    ("DESC a.t", s.ShowColumns(name("a", "t"))),
    ("DESCRIBE input", s.ShowColumns(name("input"))),
    ("DESCRIBE INPUT p", s.DescribeInput("p", NOWHERE)),
    ("DESCRIBE OUTPUT p", s.DescribeOutput("p", NOWHERE)),
    ("SHOW FUNCTIONS FROM a.b LIKE 'x'", s.ShowFunctions(name("a", "b"), s.Pattern("x"))),
    ("SHOW SESSION", s.ShowSession()),
    ("SHOW CREATE TABLE a.b.c", s.ShowCreate("TABLE", name("a", "b", "c"))),
    ("SHOW CREATE MATERIALIZED VIEW v", s.ShowCreate("MATERIALIZED VIEW", name("v"))),
    ("SHOW CREATE FUNCTION f", s.ShowCreate("FUNCTION", name("f"))),
    ("SHOW STATS FOR t", s.ShowStats(table=name("t"))),
    ("SHOW STATS FOR (SELECT 1)", s.ShowStats(query=ONE)),
    ("SHOW ROLES", s.ShowRoles()),
    ("SHOW CURRENT ROLES IN lake", s.ShowRoles(True, name("lake"))),
    ("SHOW ROLE GRANTS", s.ShowRoleGrants()),
    ("SHOW GRANTS", s.ShowGrants()),
    ("SHOW GRANTS ON a.t", s.ShowGrants(None, name("a", "t"))),
    ("SHOW GRANTS ON TABLE t", s.ShowGrants("TABLE", name("t"))),
    ("USE lake.sales", s.Use("lake", "sales", NOWHERE)),
    ("USE sales", s.Use(None, "sales", NOWHERE)),
    ("SET SESSION lake.x = 5", s.SetSession(name("lake", "x"), FIVE)),
    (
        "WITH SESSION lake.x = 5, y = 'x' SELECT 1",
        s.WithSession((s.SetSession(name("lake", "x"), FIVE), s.SetSession(name("y"), TEXT)), ONE),
    ),
    ("RESET SESSION lake.x", s.ResetSession(name("lake", "x"))),
    ("SET SESSION AUTHORIZATION admin", s.SetSessionAuthorization("admin")),
    ("SET SESSION AUTHORIZATION 'a b'", s.SetSessionAuthorization("a b")),
    ("RESET SESSION AUTHORIZATION", s.ResetSessionAuthorization()),
    ("SET TIME ZONE LOCAL", s.SetTimeZone(None)),
    ("SET TIME ZONE 'x'", s.SetTimeZone(TEXT)),
    ("SET PATH a.b, c", s.SetPath((name("a", "b"), name("c")))),
    ("SET ROLE ALL IN lake", s.SetRole(None, "ALL", "lake")),
    ("SET ROLE admin", s.SetRole("admin")),
    ("PREPARE p FROM  SELECT 1 -- x", s.Prepare("p", "SELECT 1", ONE)),
    ("EXECUTE p", s.Execute("p", (), NOWHERE)),
    ('EXECUTE "My P" USING 5, \'x\'', s.Execute("My P", (FIVE, TEXT), NOWHERE)),
    ("EXECUTE IMMEDIATE 'SELECT ''x'' WHERE ?' USING 5", s.ExecuteImmediate("SELECT 'x' WHERE ?", (FIVE,))),
    ("EXECUTE immediate USING 5", s.Execute("immediate", (FIVE,), NOWHERE)),
    ("DEALLOCATE PREPARE p", s.Deallocate("p", NOWHERE)),
    ("CREATE OR REPLACE VIEW v COMMENT 'c' SECURITY INVOKER AS SELECT 1",
     s.CreateView(name("v"), ONE, True, "INVOKER", "c")),
    ("CREATE SCHEMA IF NOT EXISTS a.s WITH (p = 5)", s.CreateSchema(name("a", "s"), True, (("p", FIVE),))),
    ("DROP TABLE IF EXISTS t", s.DropTable(name("t"), True)),
    ("DROP VIEW a.v", s.DropView(name("a", "v"), False)),
    ("DROP SCHEMA s CASCADE", s.DropSchema(name("s"), False, True)),
    ("DROP SCHEMA s RESTRICT", s.DropSchema(name("s"), False, False)),
    ("INSERT INTO t (a, \"B\") SELECT 1", s.Insert(name("t"), ("a", "B"), ONE)),
    ("INSERT INTO t SELECT 1", s.Insert(name("t"), None, ONE)),
    ("DELETE FROM t", s.Delete(name("t"), None)),
    ("DELETE FROM t WHERE 5", s.Delete(name("t"), FIVE)),
    ("UPDATE t SET a = 5, b = 'x' WHERE 5", s.Update(name("t"), (("a", FIVE), ("b", TEXT)), FIVE)),
    ("START TRANSACTION", s.StartTransaction(())),
    (
        "START TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ",
        s.StartTransaction(("READ ONLY", "ISOLATION LEVEL REPEATABLE READ")),
    ),
    ("COMMIT WORK", s.Commit()),
    ("ROLLBACK", s.Rollback()),
    (
        "CALL system.runtime.kill_query(query_id => 'x', 5)",
        s.Call(
            name("system", "runtime", "kill_query"),
            (s.Argument("query_id", TEXT, NOWHERE), s.Argument(None, FIVE, NOWHERE)),
            NOWHERE,
        ),
    ),
    ("CALL a.b()", s.Call(name("a", "b"), (), NOWHERE)),
    (
        "CREATE TABLE IF NOT EXISTS t (x bigint NOT NULL COMMENT 'c' WITH (p = 5), \"Y\" row(a int), "
        "LIKE u EXCLUDING PROPERTIES) COMMENT 'd' WITH (q = 'x', r = DEFAULT)",
        s.CreateTable(
            name("t"),
            (
                s.ColumnDefinition("x", "BIGINT", False, "c", (("p", FIVE),), NOWHERE),
                s.ColumnDefinition("Y", 'ROW("a" INTEGER)', True, None, (), NOWHERE),
                s.LikeClause(name("u"), False),
            ),
            False,
            True,
            "d",
            (("q", TEXT), ("r", None)),
        ),
    ),
    (
        "CREATE OR REPLACE TABLE t (x, y) WITH (p = 5) AS SELECT 1 WITH NO DATA",
        s.CreateTableAs(name("t"), ONE, ("x", "y"), True, False, None, (("p", FIVE),), False),
    ),
    ("CREATE TABLE t AS SELECT 1 WITH DATA", s.CreateTableAs(name("t"), ONE, None, False, False, None, (), True)),
    ("CREATE TABLE t AS ((SELECT 1))", s.CreateTableAs(name("t"), PARENTHESISED, None, False, False, None, (), True)),
]  # fmt: skip
UNSUPPORTED = {
    "CREATE CATALOG c USING x": "CREATE CATALOG",
    "CREATE CATALOG IF NOT EXISTS c USING x COMMENT 'y' AUTHORIZATION ROLE r WITH (p = 5)": "CREATE CATALOG",
    "DROP CATALOG IF EXISTS c RESTRICT": "DROP CATALOG",
    "ALTER ROLE r SET AUTHORIZATION USER bob": "ALTER ROLE SET AUTHORIZATION",
}
WRONG = {
    "": "line 1:1: mismatched input '<EOF>'",
    "   -- nothing": "line 1:14: mismatched input '<EOF>'",
    "SELECT 1;": "line 1:9: mismatched input ';'",
    "(WITH w AS (SELECT 1) SELECT * FROM w)": "line 1:2: mismatched input 'WITH'",
    "EXPLAIN ((WITH w AS (SELECT 1) SELECT * FROM w))": "line 1:11: mismatched input 'WITH'",
    "USE a;": "line 1:6: mismatched input ';'. Expecting: <EOF>",
    "USE a.b.c": "line 1:8: mismatched input '.'",
    "TRUNCATE t": "line 1:10: mismatched input 't'. Expecting: 'TABLE'",
    "ANALYZE TABLE t": "line 1:9: mismatched input 'TABLE'",
    "REFRESH VIEW v": "line 1:9: mismatched input 'VIEW'",
    "VACUUM t": "line 1:1: mismatched input 'VACUUM'",
    "ALTER QUARK": "line 1:12: mismatched input '<EOF>'. Expecting: <identifier>",
    "ALTER BRANCH b IN TABLE t FAST FORWARD TO c": "line 1:16: mismatched input 'IN'",
    "CREATE BRANCH b IN TABLE t": "line 1:8: mismatched input 'BRANCH'. Expecting: 'CATALOG', 'FUNCTION'",
    "SHOW BRANCHES FROM TABLE t": "line 1:6: mismatched input 'BRANCHES'",
    "CREATE CATALOG c": "line 1:17: mismatched input '<EOF>'. Expecting: 'USING'",
    "DROP CATALOG a.b": "line 1:15: mismatched input '.'",
    "KILL 1": "line 1:1: mismatched input 'KILL'",
    "SHOW PROCESSLIST": "line 1:6: mismatched input 'PROCESSLIST'",
    "SHOW TABLES FROM": "line 1:17: mismatched input '<EOF>'. Expecting: <identifier>",
    "SHOW TABLES LIKE a": "line 1:18: mismatched input 'a'. Expecting: <string>",
    "SHOW STATS FOR (SELECT 1": "line 1:25: mismatched input '<EOF>'. Expecting: ')'",
    "SET x = 1": "line 1:5: mismatched input 'x'",
    "SET SESSION a": "line 1:14: mismatched input '<EOF>'. Expecting: '='",
    "EXPLAIN": "line 1:8: mismatched input '<EOF>'",
    "EXPLAIN (TYPE IO, TYPE IO) SELECT 1": "line 1:19: mismatched input 'TYPE'",
    "EXPLAIN (TYPE FAST) SELECT 1": "line 1:15: mismatched input 'FAST'",
    "EXECUTE IMMEDIATE SELECT 1": "line 1:19: mismatched input 'SELECT'",
    "PREPARE p FROM": "line 1:15: mismatched input '<EOF>'",
    "INSERT INTO t": "line 1:14: mismatched input '<EOF>'",
    "INSERT t SELECT 1": "line 1:8: mismatched input 't'. Expecting: 'INTO'",
    "INSERT OVERWRITE t SELECT 1": "line 1:8: mismatched input 'OVERWRITE'",
    "DELETE t": "line 1:8: mismatched input 't'",
    "UPDATE t SET a.b = 1": "line 1:15: mismatched input '.'",
    "UPDATE t SET a = 1 FROM u": "line 1:20: mismatched input 'FROM'",
    "CREATE TABLE t": "line 1:15: mismatched input '<EOF>'",
    "CREATE TABLE t (a)": "line 1:19: mismatched input '<EOF>'. Expecting: 'AS'",
    "CREATE TABLE t (a text)": "line 1:19: Unknown type 'text' for column 'a'",
    "CREATE TEMP TABLE t (a int)": "line 1:8: mismatched input 'TEMP'",
    "CREATE VIEW v": "line 1:14: mismatched input '<EOF>'. Expecting: 'AS'",
    "DROP TABLE t, u": "line 1:13: mismatched input ','",
    "DROP TABLE t CASCADE": "line 1:14: mismatched input 'CASCADE'",
    "START TRANSACTION READ SOMETIMES": "line 1:24: mismatched input 'SOMETIMES'",
    "COMMIT AND CHAIN": "line 1:8: mismatched input 'AND'",
    "CALL f": "line 1:7: mismatched input '<EOF>'. Expecting: '('",
    "CALL f(a => )": "line 1:13: mismatched input '<EOF>'",
    "SELECT": "line 1:7: mismatched input",
}


@pytest.mark.parametrize(("sql", "statement"), SIMPLE, ids=lambda value: value if isinstance(value, str) else "")
def test_each_form_carries_its_parts(sql: str, statement: s.Statement) -> None:
    assert plain(parse_statement(sql)) == plain(statement)


@pytest.mark.parametrize(("sql", "kind"), UNSUPPORTED.items(), ids=lambda text: text[:50])
def test_other_statements_of_trino_are_named(sql: str, kind: str) -> None:
    statement = parse_statement(sql)
    assert isinstance(statement, s.Unsupported)
    assert statement.kind == kind
    assert statement.location == Location(1, 1)


@pytest.mark.parametrize(("sql", "text"), WRONG.items(), ids=lambda text: text[:50])
def test_what_is_no_statement_is_a_syntax_error_with_its_place(sql: str, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_statement(sql)
    assert refused.value.text.startswith(text)


@pytest.mark.parametrize("sql", [*(sql for sql, _ in SIMPLE), *UNSUPPORTED, "SELECT a FROM t"])
def test_statements_cross_process_borders_whole(sql: str) -> None:
    statement = parse_statement(sql)
    assert pickle.loads(pickle.dumps(statement)) == statement
    assert statement.kind


def test_names_are_raw_and_know_their_place() -> None:
    statement = parse_statement('SHOW COLUMNS\n  FROM Lake."Sales""1".ORDERS')
    assert isinstance(statement, s.ShowColumns)
    assert statement.table.parts == ("Lake", 'Sales"1', "ORDERS")
    assert statement.table.location == Location(2, 8)


def test_the_union_lists_every_form() -> None:
    forms = {form for form in vars(s).values() if dataclasses.is_dataclass(form) and "kind" in vars(form)}
    assert forms == set(typing.get_args(s.Statement))


def test_texts_are_kept_exactly_as_written() -> None:
    statement = parse_statement("PREPARE p FROM /* x */ SELECT  'a' ,\n b -- c\n FROM t /* end */")
    assert isinstance(statement, s.Prepare)
    assert statement.text == "SELECT  'a' ,\n b -- c\n FROM t"
