"""Files of statements, the placeholder for a side's own schema, and the command's errors."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.compare import corpus
from gateway.compare.corpus import Statement, read_file, with_schema


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM scratch_schema.t", "SELECT * FROM mine.t"),
        ('DROP SCHEMA memory."SCRATCH_SCHEMA"', 'DROP SCHEMA memory."mine"'),
        ("SELECT 'scratch_schema', 'in scratch_schema'", "SELECT 'mine', 'in scratch_schema'"),
        ("SELECT scratch_schemas -- scratch_schema", "SELECT scratch_schemas -- scratch_schema"),
        ("SELECT ` scratch_schema", "SELECT ` scratch_schema"),
    ],
)
def test_only_the_whole_name_stands_for_a_sides_schema(sql: str, expected: str) -> None:
    assert with_schema(sql, "mine") == expected


def test_statements_carry_their_place(tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text("-- first\nSELECT 1;\nSELECT 'ä;'\n;")
    assert read_file(file) == [Statement(str(file), 2, "SELECT 1"), Statement(str(file), 3, "SELECT 'ä;'")]


def test_benchmark_queries_are_read_over_the_smallest_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "q.jar", "w") as jar:
        jar.writestr(
            "sql/presto/tpch/q02.sql", 'SELECT * FROM "${database}"."${schema}"."${prefix}nation" -- ${scale}\n;'
        )
        jar.writestr("sql/presto/tpch/q01.sql", "SELECT ${scale}")
        jar.writestr("sql/presto/tpcds/q01.sql", "SELECT 3")
    monkeypatch.setattr(corpus, "fetch", lambda artifact, report: tmp_path / "q.jar")
    assert corpus.benchmark("tpch", print) == [
        Statement("tpch/q01.sql", 1, "SELECT 0.01"),
        Statement("tpch/q02.sql", 1, 'SELECT * FROM "tpch"."tiny"."nation"'),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch.sql"], "nosuch.sql: No such file"),
        (["empty.sql"], "empty.sql: there is no statement in it"),
        (["some.sql", "--direct", "http://127.0.0.1:1"], "give both --direct and --gateway"),
        (["some.sql", "--direct", "http://127.0.0.1:1", "--gateway", "http://127.0.0.1:1"], "cannot be made"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_why(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.sql").write_text("-- nothing;")
    Path("some.sql").write_text("SELECT 1;")
    result = CliRunner().invoke(app, ["compare", *arguments])
    assert result.exit_code == 2
    assert said in result.output
