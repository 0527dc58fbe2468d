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
    ],
)
def test_a_name_that_is_no_column_of_the_input_is_refused(spec: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as refused:
        over(spec, "1", strict=False)
    assert refused.value.code is code


def test_engines_that_need_types_do_not_get_it() -> None:
    with pytest.raises(Refusal, match="MATCH_RECOGNIZE is not supported by this engine"):
        over(SPEC.format(rows=""), strict=True)
