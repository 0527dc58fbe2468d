"""Names of outer queries and keys of sorting: what a star brings, and how a key is written for the engine."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from tests.rewrite_rules.analysis.conftest import T, analyzed


def test_a_star_brings_the_columns_of_an_outer_query_and_they_count_as_read() -> None:
    _, analysis = analyzed("select (select t.* from u) from t", strict=False)
    assert str(analysis.columns[0].type) == "row(a integer, b integer, c varchar(1), r row(f integer, G integer))"
    assert analysis.columns_read[T.name] == ("a", "b", "c", "r")


def test_a_star_of_nothing_in_sight_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        analyzed("select (select x.* from u) from t")
    assert refused.value.code is ErrorCode.TABLE_NOT_FOUND


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        ("select distinct a from t order by A", '"a"'),
        ("select distinct a as X from t order by x", '"X"'),
        ("select distinct a as x, b as X from t order by x", None),
        ("select a from t order by A", '"A"'),
    ],
)
def test_keys_of_distinct_rows_are_written_as_the_columns_are(sql: str, key: str | None) -> None:
    if key is None:
        with pytest.raises(Refusal, match="ambiguous"):
            analyzed(sql)
        return
    tree, _ = analyzed(sql)
    assert tree.args["order"].expressions[0].this.sql() == key


@pytest.mark.parametrize(
    "sql",
    [
        "select row(a) in (select d from u) from t",
        "select row(a) = any (select d from u) from t",
        "select null in (select a, d from u)",
        "select substring(x'0102' from 1)",
        "select 1 from t join lateral (select d from u) x on x.d = t.a",
    ],
)
def test_what_other_engines_would_take_otherwise_is_for_trino_only(sql: str) -> None:
    analyzed(sql, strict=False)
    with pytest.raises(Refusal):
        analyzed(sql)
