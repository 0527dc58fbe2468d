"""JSON_TABLE: the columns it gives, and no name in it that is not in sight."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.analysis import OutputName
from tests.rewrite_rules.analysis.conftest import T, analyzed

COLUMNS = "columns (n for ordinality, x integer path 'lax $', nested path 'lax $[*]' columns (\"y\" varchar(3)))"


def test_columns_have_the_types_that_are_named_and_what_it_reads_is_read() -> None:
    _, analysis = analyzed(f"select j.* from t, json_table(t.c, 'lax $' passing a as p {COLUMNS}) j", strict=False)
    assert [(column.name, str(column.type)) for column in analysis.columns] == [
        ("N", "bigint"),
        ("X", "integer"),
        ("y", "varchar(3)"),
    ]
    assert analysis.columns_read == {T.name: ("a", "c")}
    assert all(isinstance(column, OutputName) for column in analysis.columns)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (f"t, json_table(nosuch, 'lax $' {COLUMNS})", ErrorCode.COLUMN_NOT_FOUND),
        (f"t, json_table(t.nosuch, 'lax $' {COLUMNS})", ErrorCode.COLUMN_NOT_FOUND),
        (f"t, json_table(c, 'lax $' passing nosuch as p {COLUMNS})", ErrorCode.COLUMN_NOT_FOUND),
        ("t, json_table(c, 'lax $' columns (x integer default nosuch on empty))", ErrorCode.COLUMN_NOT_FOUND),
        ("json_table('x', 'lax $' columns (x integer, x bigint))", ErrorCode.DUPLICATE_COLUMN_OR_PATH_NAME),
        ("json_table('x', 'lax $' columns (x nosuch))", ErrorCode.TYPE_MISMATCH),
        (f"t join json_table(c, 'lax $' {COLUMNS}) j on j.x = 1", ErrorCode.NOT_SUPPORTED),
    ],
)
def test_what_trino_refuses_is_refused(source: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as refused:
        analyzed(f"select 1 from {source}", strict=False)
    assert refused.value.code is code


def test_engines_that_need_types_do_not_get_it() -> None:
    with pytest.raises(Refusal, match="JSON_TABLE is not supported by this engine"):
        analyzed(f"select 1 from json_table('x', 'lax $' {COLUMNS})")
