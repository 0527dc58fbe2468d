"""What grows by a power with each name of WITH is refused before it fills the memory: columns, and types."""

from __future__ import annotations

import pytest

from catalog.dialect.parse import parse_statement
from catalog.dialect.statements import Query
from catalog.errors import ErrorCode, Refusal
from rewrite_rules.analysis import AnalysisContext, analyze


def chained(step: str, count: int, last: str) -> str:
    names = [f"c{n} AS ({step.format(before=f'c{n - 1}')})" for n in range(1, count + 1)]
    return f"WITH c0 AS (SELECT 1 AS x), {', '.join(names)} {last.format(last=f'c{count}')}"


def columns_of(sql: str) -> int:
    statement = parse_statement(sql)
    assert isinstance(statement, Query)
    return len(analyze(statement.tree, AnalysisContext(None, None, {}, True)).columns)


@pytest.mark.parametrize(
    ("step", "last"),
    [
        ("SELECT *, * FROM {before}", "SELECT 1 FROM {last}"),
        ("SELECT *, *, * FROM {before}", "SELECT * FROM {last}"),
        ("SELECT a.*, b.* FROM {before} a, {before} b", "SELECT count(*) FROM {last}"),
        ("SELECT ROW(x, x) AS x FROM {before}", "SELECT x FROM {last}"),
        ("SELECT map(ARRAY[x], ARRAY[x]) AS x FROM {before}", "SELECT x FROM {last}"),
        ("SELECT ARRAY[ROW(x, x, x)] AS x FROM {before}", "SELECT x FROM {last}"),
    ],
)
def test_what_doubles_with_each_name_is_refused(step: str, last: str) -> None:
    with pytest.raises(Refusal) as refused:
        columns_of(chained(step, 30, last))
    assert refused.value.code is ErrorCode.NOT_SUPPORTED
    assert "More than 10000 columns" in refused.value.text or "more than 16384 parts" in refused.value.text


def test_what_people_write_is_far_below_the_bounds() -> None:
    assert columns_of(chained("SELECT *, * FROM {before}", 10, "SELECT * FROM {last}")) == 1_024
    assert columns_of(chained("SELECT ROW(x, x) AS x FROM {before}", 10, "SELECT x FROM {last}")) == 1
    assert columns_of(chained("SELECT ARRAY[x] AS x FROM {before}", 60, "SELECT x FROM {last}")) == 1
