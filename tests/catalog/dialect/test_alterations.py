"""ALTER, COMMENT and MERGE as forms: what is read, and what is refused with its place or its name."""

from __future__ import annotations

import pytest

from catalog.dialect import statements as s
from catalog.dialect.parse import parse_statement
from catalog.errors import Location, Refusal


def read(sql: str) -> s.Statement:
    return parse_statement(sql)


def test_tables_and_views_are_renamed() -> None:
    found = read('ALTER TABLE IF EXISTS a.t RENAME TO b."T"')
    assert isinstance(found, s.Rename)
    assert (found.object_kind, found.name.parts, found.target.parts) == ("TABLE", ("a", "t"), ("b", "T"))
    assert found.if_exists
    view = read("ALTER VIEW v RENAME TO w")
    assert isinstance(view, s.Rename)
    assert (view.object_kind, view.if_exists) == ("VIEW", False)


def test_columns_are_added() -> None:
    found = read("ALTER TABLE t ADD COLUMN IF NOT EXISTS c row(a int) NOT NULL COMMENT 'x'")
    assert isinstance(found, s.AddColumn)
    assert (found.column.name, found.column.type, found.column.nullable) == ("c", 'ROW("a" INTEGER)', False)
    assert (found.column.comment, found.if_exists, found.if_not_exists) == ("x", False, True)


@pytest.mark.parametrize(
    ("sql", "kind", "parts", "text"),
    [
        ("COMMENT ON TABLE a.t IS 'it''s'", "TABLE", ("a", "t"), "it's"),
        ("COMMENT ON VIEW v IS NULL", "VIEW", ("v",), None),
        ("COMMENT ON COLUMN t.\"C\" IS ''", "COLUMN", ("t", "C"), ""),
    ],
)
def test_comments_are_read(sql: str, kind: str, parts: tuple[str, ...], text: str | None) -> None:
    assert read(sql) == s.Comment(kind, s.QualifiedName(parts, Location(1, len(f"COMMENT ON {kind} ") + 1)), text)  # type: ignore[arg-type]  # the words of a test


def test_a_merge_is_read_case_by_case() -> None:
    found = read(
        "MERGE INTO t AS a USING (SELECT 1 AS x, (2) AS y) AS b (p, q) ON a.k = b.p "
        "WHEN MATCHED AND b.q IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET v = b.q, w = CASE WHEN true THEN 1 END "
        "WHEN NOT MATCHED THEN INSERT (k, v) VALUES (b.p, (b.q))"
    )
    assert isinstance(found, s.Merge)
    assert (found.table.parts, found.alias) == (("t",), "a")
    assert [(c.action, c.condition is not None, c.columns, len(c.values)) for c in found.cases] == [
        ("delete", True, (), 0),
        ("update", False, ("v", "w"), 2),
        ("insert", False, ("k", "v"), 2),
    ]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("MERGE INTO t USING u ON true", "line 1:29: mismatched input '<EOF>'"),
        ("MERGE INTO t USING u ON true WHEN NOT MATCHED THEN DELETE", "line 1:52: mismatched input 'DELETE'"),
        ("MERGE INTO t USING u ON true WHEN MATCHED THEN INSERT VALUES (1)", "line 1:48: mismatched input 'INSERT'"),
        ("MERGE INTO t USING (SELECT 1 ON true WHEN MATCHED THEN DELETE", "mismatched input '<EOF>'"),
        ("MERGE INTO t USING TABLE(f()) ON true WHEN MATCHED THEN DELETE", "MERGE from a source that is neither"),
        ("MERGE INTO t USING u, v ON true WHEN MATCHED THEN DELETE", "mismatched input ','"),
        ("ALTER TABLE t ADD COLUMN c int FIRST LAST", "line 1:38: mismatched input 'LAST'"),
        ("ALTER TABLE IF EXISTS t EXECUTE optimize", "line 1:25: mismatched input 'EXECUTE'"),
        ("ALTER TABLE t DROP c", "line 1:15: mismatched input 'DROP'"),
        ("ALTER TABLE t ALTER COLUMN c TYPE bigint", "line 1:30: mismatched input 'TYPE'. Expecting: 'SET'"),
        ("ALTER TABLE t ALTER COLUMN c SET DATA TYPE nosuch", "line 1:44: Unknown type 'nosuch' for column 'c'"),
        ("ALTER VIEW v REFRESH", "line 1:14: mismatched input 'REFRESH'. Expecting: 'RENAME', 'SET'"),
        ("ALTER SCHEMA s RENAME TO a.b", "line 1:27: mismatched input '.'"),
        ("ALTER TABLE t RENAME TO u v", "line 1:27: mismatched input 'v'"),
        ("COMMENT ON COLUMN c IS 'x'", "line 1:21: mismatched input 'IS'"),
        ("COMMENT ON SCHEMA s IS 'x'", "line 1:12: mismatched input 'SCHEMA'"),
    ],
)
def test_other_forms_are_refused(sql: str, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(sql)
    assert text in refused.value.text


def test_a_column_is_added_at_its_place_and_within_a_row() -> None:
    first = read("ALTER TABLE t ADD COLUMN c int FIRST")
    assert isinstance(first, s.AddColumn)
    assert (first.first, first.after, first.within) == (True, None, ())
    after = read('ALTER TABLE t ADD COLUMN r."S".c int AFTER "B"')
    assert isinstance(after, s.AddColumn)
    assert (after.first, after.after, after.within, after.column.name) == (False, "B", ("r", "S"), "c")
    last = read("ALTER TABLE t ADD COLUMN c int LAST")
    assert isinstance(last, s.AddColumn)
    assert (last.first, last.after) == (False, None)


def named(text: str, column: int) -> s.QualifiedName:
    return s.QualifiedName(tuple(text.split(".")), Location(1, column))


FORMS = [
    (
        "ALTER TABLE IF EXISTS t DROP COLUMN IF EXISTS c.f",
        s.DropColumn(named("t", 23), named("c.f", 47), if_exists=True, column_if_exists=True),
    ),
    (
        "ALTER TABLE t RENAME COLUMN a TO b",
        s.RenameColumn(named("t", 13), named("a", 29), "b", if_exists=False, column_if_exists=False),
    ),
    (
        "ALTER TABLE t ALTER COLUMN a SET DATA TYPE decimal(3, 1)",
        s.SetColumnType(named("t", 13), named("a", 28), "DECIMAL(3, 1)", if_exists=False),
    ),
    (
        "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
        s.DropNotNull(named("t", 13), named("a", 28), if_exists=False),
    ),
    ("ALTER TABLE t SET PROPERTIES x = DEFAULT", s.SetProperties("TABLE", named("t", 13), (("x", None),))),
    (
        "ALTER VIEW v SET AUTHORIZATION ROLE bob",
        s.SetAuthorization("VIEW", named("v", 12), "bob", Location(1, 1)),
    ),
    (
        "ALTER SCHEMA a.s SET AUTHORIZATION user",
        s.SetAuthorization("SCHEMA", named("a.s", 14), None, Location(1, 1)),
    ),
    ("ALTER SCHEMA a.s RENAME TO t", s.RenameSchema(named("a.s", 14), "t")),
    (
        "ALTER MATERIALIZED VIEW IF EXISTS v RENAME TO w",
        s.Rename("MATERIALIZED VIEW", named("v", 35), named("w", 47), if_exists=True),
    ),
    ("TRUNCATE TABLE a.t", s.Truncate(named("a.t", 16))),
    ("ANALYZE t", s.Analyze(named("t", 9), ())),
    ("REFRESH MATERIALIZED VIEW v", s.RefreshMaterializedView(named("v", 27), Location(1, 1))),
    ("DROP MATERIALIZED VIEW IF EXISTS v", s.DropMaterializedView(named("v", 34), if_exists=True)),
]


@pytest.mark.parametrize(("sql", "form"), FORMS, ids=[sql for sql, _ in FORMS])
def test_each_change_carries_its_parts(sql: str, form: s.Statement) -> None:
    assert read(sql) == form


def test_a_procedure_carries_its_arguments_and_its_condition() -> None:
    found = read("ALTER TABLE t EXECUTE optimize(file_size_threshold => '1MB') WHERE a = 1")
    assert isinstance(found, s.ExecuteProcedure)
    assert (found.table.parts, found.procedure) == (("t",), "optimize")
    assert [(name, value.this) for name, value in found.arguments] == [("file_size_threshold", "1MB")]
    assert found.where is not None


def test_a_schema_carries_its_owner() -> None:
    found = read("CREATE SCHEMA s AUTHORIZATION USER bob")
    assert isinstance(found, s.CreateSchema)
    assert found.owner == "bob"
    with pytest.raises(Refusal, match="AUTHORIZATION of a role"):
        read("CREATE SCHEMA s AUTHORIZATION ROLE bob")
