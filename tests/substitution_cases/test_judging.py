"""The judge of cases sees what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from loadtests.mv_cases.cases import Case, Session, Setting
from loadtests.mv_cases.running import Told
from tests.substitution_cases.judging import judge, same

BIGINT = [{"name": "n", "type": "bigint"}]


def told(rows: list[list[Any]], *, views: tuple[str, ...] = ("v",), base: tuple[str, ...] = (), **more: Any) -> Told:
    plain = {"columns": BIGINT, "rows": [[1], [2]], "error": None}
    line = {"columns": BIGINT, "rows": rows, "error": None, "rewritten": bool(views), "base_tables": list(base)} | more
    return Told(Case("c", Setting("f", ()), Session(), "SELECT"), line, plain=plain)


def verdict(expect: str, each: Told, **more: Any) -> Any:
    return judge({"cases": [{"id": "c", "expect": expect, **more}]}, [each])


def test_other_rows_are_wrong_whatever_is_expected() -> None:
    for expect in ("must", "may", "never"):
        assert verdict(expect, told([[1], [3]]), kind="stale").wrong == ["c"]
    assert verdict("may", told([[1]])).wrong == ["c"]
    assert verdict("may", told([[2], [1]])).wrong == []
    assert verdict("may", told([[2], [1]]), compare="ordered").wrong == ["c"]


def test_an_error_in_the_place_of_an_answer_is_wrong() -> None:
    assert verdict("may", told([], error={"kind": "engine", "message": ""})).wrong == ["c"]


def test_other_columns_are_a_wrong_schema() -> None:
    other = [{"name": "N", "type": "bigint"}]
    assert verdict("may", told([[1], [2]], columns=other)).schema == ["c"]


@pytest.mark.parametrize(
    ("kind", "base", "forbidden"),
    [
        ("wrong-result", (), True),
        ("wrong-result", ("t",), False),
        ("stale", ("t",), False),
        ("leak", ("t",), True),
        ("contract", ("t",), True),
    ],
)
def test_what_must_never_be_rewritten_may_read_the_base_as_well_unless_it_leaks(
    kind: str, base: tuple[str, ...], forbidden: bool
) -> None:
    assert bool(verdict("never", told([[1], [2]], base=base), kind=kind).forbidden) is forbidden
    assert not verdict("never", told([[1], [2]], views=()), kind=kind).forbidden


def test_a_case_that_must_be_rewritten_counts_only_where_it_was() -> None:
    assert verdict("must", told([[1], [2]])).covered == 1
    assert verdict("must", told([[1], [2]], views=())).missed == ["c"]


def test_doubles_are_alike_but_for_their_last_digits_and_nan_is_itself() -> None:
    kinds = ["varchar", "double"]
    assert same([["a", 0.1 + 0.2], ["b", "NaN"]], [["b", "NaN"], ["a", 0.3]], kinds)
    assert not same([["a", 0.31]], [["a", 0.3]], kinds)
    assert not same([["a", "NaN"]], [["a", None]], kinds)
    assert not same([["a", "Infinity"]], [["a", "-Infinity"]], kinds)


def test_decimals_and_instants_are_compared_by_value() -> None:
    assert same(
        [["1.50", "2024-01-01 00:00:00.000000"]], [["1.5", "2024-01-01 00:00:00"]], ["decimal(10,2)", "timestamp(6)"]
    )
    assert not same([["1.51"]], [["1.5"]], ["decimal(10,2)"])
    assert not same([["2024-01-01 00:00:00.000001"]], [["2024-01-01 00:00:00"]], ["timestamp(6)"])
