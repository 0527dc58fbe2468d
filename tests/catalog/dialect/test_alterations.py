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
    assert read(sql) == s.Comment(kind, s.QualifiedName(parts, Location(1, len(f"COMMENT ON {kind} ") + 1)), text)  # type: ignore[arg-type]


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
        ("ALTER TABLE t ADD COLUMN c int FIRST", "ADD COLUMN with FIRST is not supported"),
        ("ALTER TABLE t RENAME TO u v", "line 1:27: mismatched input 'v'"),
        ("COMMENT ON COLUMN c IS 'x'", "line 1:21: mismatched input 'IS'"),
        ("COMMENT ON SCHEMA s IS 'x'", "line 1:12: mismatched input 'SCHEMA'"),
    ],
)
def test_other_forms_are_refused(sql: str, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(sql)
    assert text in refused.value.text


@pytest.mark.parametrize(
    "sql", ["ALTER TABLE t DROP COLUMN c", "ALTER TABLE t SET PROPERTIES x = 1", "ALTER TABLE t RENAME COLUMN a TO b"]
)
def test_other_changes_are_refused_by_name(sql: str) -> None:
    assert read(sql) == s.Unsupported("ALTER TABLE", Location(1, 1))
