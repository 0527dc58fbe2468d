"""Table functions: the columns they give, and that what stands in them is read as any query."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from tests.rewrite_rules.analysis.conftest import T, analyzed


def test_exclude_columns_gives_the_columns_that_are_left() -> None:
    _, analysis = analyzed("select * from table(exclude_columns(table(t), descriptor(A, r)))", strict=False)
    assert [(column.name, str(column.type)) for column in analysis.columns] == [("b", "integer"), ("c", "varchar(1)")]
    assert T.name in analysis.columns_read


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("exclude_columns(table(nosuch), descriptor(a))", ErrorCode.TABLE_NOT_FOUND),
        ("exclude_columns(table(select nosuch from t), descriptor(a))", ErrorCode.COLUMN_NOT_FOUND),
        ("nosuch(table(t), descriptor(a))", ErrorCode.FUNCTION_NOT_FOUND),
        ("system.query(query => 'select 1')", ErrorCode.FUNCTION_NOT_FOUND),
        ("sequence(1, (select max(a) from t))", ErrorCode.NOT_SUPPORTED),
    ],
)
def test_what_is_not_there_is_refused(call: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as refused:
        analyzed(f"select * from table({call})", strict=False)
    assert refused.value.code is code


def test_a_column_that_is_left_out_is_gone() -> None:
    with pytest.raises(Refusal) as refused:
        analyzed("select a from table(exclude_columns(table(t), descriptor(a)))", strict=False)
    assert refused.value.code is ErrorCode.COLUMN_NOT_FOUND


def test_engines_that_need_types_do_not_get_it() -> None:
    with pytest.raises(Refusal, match="exclude_columns is not supported by this engine"):
        analyzed("select * from table(exclude_columns(table(t), descriptor(a)))")
