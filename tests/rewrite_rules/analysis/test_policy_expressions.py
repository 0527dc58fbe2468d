"""Row filters and masks: typed over one table's raw columns, each fault with its own error."""

from __future__ import annotations

import pytest

from catalog.dialect.parse import parse_expression
from catalog.errors import ErrorCode, Refusal
from rewrite_rules.analysis import analyze_expression
from rewrite_rules.resolve import resolve
from tests.rewrite_rules.analysis.conftest import TABLES, T


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a > 1 and c = 'x'", "boolean"),
        ("c in ('x', 'y') or r.f is null", "boolean"),
        ("case when c = 'y' then a end", "integer"),
        ("coalesce(c, 'abc')", "varchar(3)"),
        ("cast(null as varchar(5))", "varchar(5)"),
        ("transform(array[a], x -> x + b)", "array(integer)"),
        ("null", "unknown"),
    ],
)
def test_an_expression_over_the_table_has_its_type(text: str, kind: str) -> None:
    assert str(analyze_expression(parse_expression(text), T)) == kind


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("zz > 1", ErrorCode.COLUMN_NOT_FOUND),
        ("u.a > 1", ErrorCode.COLUMN_NOT_FOUND),
        ("\"$path\" = 'x'", ErrorCode.COLUMN_NOT_FOUND),
        ("a = 'x'", ErrorCode.TYPE_MISMATCH),
        ("c + 1 > 2", ErrorCode.TYPE_MISMATCH),
        ("frobnicate(a)", ErrorCode.FUNCTION_NOT_FOUND),
        ("sum(a) > 1", ErrorCode.EXPRESSION_NOT_SCALAR),
        ("row_number() over () > 1", ErrorCode.EXPRESSION_NOT_SCALAR),
        ("grouping(a) = 1", ErrorCode.EXPRESSION_NOT_SCALAR),
        ("exists (select 1)", ErrorCode.NOT_SUPPORTED),
        ("a in (select 1)", ErrorCode.NOT_SUPPORTED),
        ("a = (select 1)", ErrorCode.NOT_SUPPORTED),
        ("a = any (select 1)", ErrorCode.NOT_SUPPORTED),
        ("a = ?", ErrorCode.NOT_SUPPORTED),
    ],
)
def test_each_fault_has_its_own_error(text: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as caught:
        analyze_expression(parse_expression(text), T)
    assert caught.value.code is code


def test_subqueries_are_typed_where_they_are_allowed() -> None:
    tree = resolve(parse_expression("exists (select 1 from u where u.d = a)"), "memory", "default").tree
    assert str(analyze_expression(tree, T, tables=TABLES, subqueries=True)) == "boolean"
