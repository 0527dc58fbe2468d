"""MATCH_RECOGNIZE: the columns it gives, and no name in it that is not a column of its input."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.analysis import Analysis
from tests.rewrite_rules.analysis.conftest import T, analyzed

SPEC = "PARTITION BY a ORDER BY c MEASURES X.b AS m, CLASSIFIER(X) AS k {rows} PATTERN (X Y+) DEFINE Y AS Y.b > PREV(b)"


def over(spec: str, items: str = "*", **options: bool) -> Analysis:
    return analyzed(f"select {items} from t match_recognize ({spec})", **options)[1]


@pytest.mark.parametrize(
    ("rows", "names"),
    [("", ["a", "m", "k"]), ("ONE ROW PER MATCH", ["a", "m", "k"]), ("ALL ROWS PER MATCH", ["a", "c", "m", "k", "b"])],
)
def test_the_columns_are_those_of_the_kind_of_match(rows: str, names: list[str]) -> None:
    found = [column.name for column in over(SPEC.format(rows=rows), strict=False).columns]
    assert found[: len(names)] == names
    assert (len(found) > len(names)) == rows.startswith("ALL")


def test_what_a_pattern_looks_at_is_read() -> None:
    assert over(SPEC.format(rows=""), "m", strict=False).columns_read == {T.name: ("a", "b", "c")}


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("ORDER BY nosuch PATTERN (X) DEFINE X AS true", ErrorCode.COLUMN_NOT_FOUND),
        ("MEASURES nosuch AS m PATTERN (X) DEFINE X AS true", ErrorCode.COLUMN_NOT_FOUND),
        ("MEASURES X.nosuch AS m PATTERN (X) DEFINE X AS true", ErrorCode.COLUMN_NOT_FOUND),
        ("MEASURES Z.b AS m PATTERN (X) DEFINE X AS true", ErrorCode.COLUMN_NOT_FOUND),
        ("PATTERN (X) DEFINE X AS t.b > 1", ErrorCode.COLUMN_NOT_FOUND),
        ("PATTERN (X) DEFINE X AS abs(nosuch) > 1", ErrorCode.COLUMN_NOT_FOUND),
        ("PATTERN (X) DEFINE Y AS true", ErrorCode.INVALID_LABEL),
        ("MEASURES nosuch(X.b) AS m PATTERN (X) DEFINE X AS true", ErrorCode.FUNCTION_NOT_FOUND),
        ("PATTERN (X) DEFINE X AS nosuch(prev(X.b)) > 1", ErrorCode.FUNCTION_NOT_FOUND),
    ],
)
def test_a_name_that_is_no_column_of_the_input_is_refused(spec: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as refused:
        over(spec, "1", strict=False)
    assert refused.value.code is code


def test_engines_that_need_types_do_not_get_it() -> None:
    with pytest.raises(Refusal, match="MATCH_RECOGNIZE is not supported by this engine"):
        over(SPEC.format(rows=""), strict=True)


FRAME = "rows between current row and 1 following"
WINDOW = f"over (partition by a order by c measures X.b as m {FRAME} pattern (X Y+) define Y as Y.b > prev(b))"


@pytest.mark.parametrize("call", ["m", "count(*)"])
def test_what_a_pattern_in_a_window_looks_at_is_read(call: str) -> None:
    assert analyzed(f"select {call} {WINDOW} from t", strict=False)[1].columns_read == {T.name: ("a", "b", "c")}


def test_a_measure_is_found_in_the_window_that_the_named_one_is_built_on() -> None:
    sql = f"select m over w2 from t window w as (order by c measures b as m {FRAME} pattern (X)), w2 as (w)"
    assert len(analyzed(sql, strict=False)[1].columns) == 1


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ("m over ()", ErrorCode.INVALID_WINDOW_MEASURE),
        (f"nosuch over (measures 1 as m {FRAME} pattern (X))", ErrorCode.INVALID_WINDOW_MEASURE),
        (f"m over (measures 1 as m, 2 as m {FRAME} pattern (X))", ErrorCode.AMBIGUOUS_NAME),
        (f"m over (measures X.nosuch as m {FRAME} pattern (X))", ErrorCode.COLUMN_NOT_FOUND),
        (f"count(*) over ({FRAME} pattern (X) define X as nosuch > 1)", ErrorCode.COLUMN_NOT_FOUND),
        (f"count(*) over (order by nosuch {FRAME} pattern (X))", ErrorCode.COLUMN_NOT_FOUND),
        (f"count(*) over (nosuch {FRAME} pattern (X))", ErrorCode.INVALID_WINDOW_REFERENCE),
        (f"count(*) over ({FRAME} pattern (X) define Y as true)", ErrorCode.INVALID_LABEL),
        (f"m over (measures X.b as m {FRAME})", ErrorCode.MISSING_ROW_PATTERN),
        (f"m over (measures a as m {FRAME} pattern (X)), count(*)", None),
        (f"sum(m over (measures 1 as m {FRAME} pattern (X)))", ErrorCode.NESTED_WINDOW),
    ],
)
def test_names_in_a_pattern_of_a_window_are_those_of_the_query(items: str, code: ErrorCode | None) -> None:
    grouped = " group by b" if code is None else ""
    with pytest.raises(Refusal) as refused:
        analyzed(f"select {items} from t{grouped}", strict=False)
    assert refused.value.code is (code or ErrorCode.EXPRESSION_NOT_AGGREGATE)


@pytest.mark.parametrize("query", ["select X.b", "select b", "select secret from u", "select 1 from nosuch"])
def test_queries_in_patterns_see_nothing_of_the_pattern(query: str) -> None:
    with pytest.raises(Refusal) as refused:
        over(f"MEASURES ({query}) AS m PATTERN (X) DEFINE X AS true", "1", strict=False)
    assert refused.value.code in (ErrorCode.COLUMN_NOT_FOUND, ErrorCode.TABLE_NOT_FOUND)


def test_engines_that_need_types_do_not_get_patterns_in_windows() -> None:
    with pytest.raises(Refusal, match="Row pattern recognition in a window is not supported by this engine"):
        analyzed(f"select count(*) {WINDOW} from t")


def test_a_relation_without_a_name_may_be_matched() -> None:
    sql = "select m.c from (values 1) match_recognize (measures 1 as c pattern (X) define X as true) m"
    assert [column.name for column in analyzed(sql, strict=False)[1].columns] == ["c"]


def test_functions_of_patterns_and_of_trino_are_known_in_them() -> None:
    measures = "abs(FIRST(X.b)) + MATCH_NUMBER() AS m, CLASSIFIER() AS k, count(*) AS n, NEXT(X.b, 2) AS x"
    assert not over(f"MEASURES {measures} PATTERN (X) DEFINE X AS true", "1", strict=False).volatile
    assert over("MEASURES random() AS m PATTERN (X) DEFINE X AS true", "1", strict=False).volatile
