"""Unary plus, which leaves no node in the tree: it stands before numbers only, and no decimals, as on Trino 476."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from tests.rewrite_rules.analysis.conftest import analyzed


@pytest.mark.parametrize(
    "operand", ["'a'", "c", "1.5", "DATE '2020-01-01'", "X'00'", "ARRAY[1]", "true", "NULL", "INTERVAL '1' DAY", "r"]
)
@pytest.mark.parametrize("place", ["+{}", "1 = 1 AND +{} IS NULL", "coalesce(+{}, NULL)"])
def test_a_plus_before_what_is_no_number_is_a_mismatch(operand: str, place: str) -> None:
    with pytest.raises(Refusal, match="Unary '\\+' operator") as refused:
        analyzed(f"select {place.format(operand)} from t")
    assert refused.value.code is ErrorCode.TYPE_MISMATCH


def test_a_plus_before_a_number_changes_neither_its_value_nor_its_type() -> None:
    _, analysis = analyzed("select +a, +1, +1e0, +(a), - +a, +abs(a), 1 + +TINYINT '1' from t")
    assert [str(c.type) for c in analysis.columns] == [*["integer"] * 2, "double", *["integer"] * 4]
    assert [c.name for c in analysis.columns] == [f"_col{place}" for place in range(7)]
