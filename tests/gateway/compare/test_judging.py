"""What counts as the same answer: the rule that docs/compare.md writes down."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.compare.client import Answer, Number
from gateway.compare.judge import judge
from gateway.compare.order import sort_columns
from gateway.compare.rows import same_bag, same_value


def answer(*rows: list[Any], types: str = "bigint varchar", **members: Any) -> Answer:
    columns = [
        {"name": name, "type": kind, "typeSignature": {}} for name, kind in zip("abc", types.split(), strict=False)
    ]
    return Answer(columns=columns, rows=list(rows), **members)


def failure(name: str) -> Answer:
    return Answer(error={"errorName": name, "errorCode": 1, "errorType": "USER_ERROR"})


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (Number("1.1"), Number("1.1"), True),
        (Number("0.30000000000000004"), Number("0.3"), True),
        (Number("1.0001"), Number("1.0"), False),
        (Number("0.0"), Number("-0.0"), False),
        (Number("1.0"), 1, False),
        (1, True, False),
        ("1.1", "1.10", False),
        ("NaN", "NaN", True),
        ([1, [Number("0.1")]], [1, [Number("0.10000000000000001")]], True),
        ({"x": 1, "y": None}, {"y": None, "x": 1}, True),
        ({"x": 1}, {"x": 2}, False),
        (None, "", False),
    ],
)
def test_only_fractions_of_doubles_may_differ(left: Any, right: Any, same: bool) -> None:
    assert same_value(left, right, 1e-10) is same


def test_rows_are_a_bag_in_which_sums_of_doubles_meet_their_like() -> None:
    left = [[Number("2.0000000000001"), "a"], [Number("1.0"), "b"], [Number("1.0"), "b"]]
    right = [[Number("1.0"), "b"], [Number("2.0"), "a"], [Number("1.0000000000001"), "b"]]
    assert same_bag(left, right, [1e-10, 1e-10])
    assert not same_bag(left, right[:2], [1e-10, 1e-10])
    assert not same_bag(left, [right[0], right[1], right[1]], [1e-10, 1e-10])


def test_a_number_is_not_taken_for_the_null_of_another_row() -> None:
    one, other = [Number("1.5"), None], [None, Number("1.5")]
    assert same_bag([one, other], [other, one], [1e-10, 1e-10])
    assert not same_bag([one, one], [one, other], [1e-10, 1e-10])


def test_zeros_of_either_sign_meet_their_like() -> None:
    rows = [[Number("0.0"), None], [Number("-0.0"), None], [Number("0.0"), None]]
    assert same_bag(rows, [rows[0], rows[2], rows[1]], [1e-10, 1e-10])
    assert not same_bag(rows, [rows[0], rows[1], rows[1]], [1e-10, 1e-10])


@pytest.mark.parametrize(
    ("sql", "keys"),
    [
        ("SELECT b, a FROM t ORDER BY a DESC NULLS FIRST, 2", [0, 1]),
        ('SELECT a, b FROM t ORDER BY "B", a LIMIT 5', [1, 0]),
        ("SELECT a, b FROM (SELECT 1 ORDER BY a)", []),
        ("SELECT a, b FROM t ORDER BY a, a + 1, b", [0]),
        ("SELECT rank() OVER (ORDER BY a) FROM t", []),
        ("WITH x AS (SELECT 1) SELECT a FROM t ORDER BY a OFFSET 2 ROWS", [0]),
        ("SELECT `", []),
    ],
)
def test_sort_keys_are_found_where_they_are_columns_of_the_result(sql: str, keys: list[int]) -> None:
    assert sort_columns(sql, ["a", "b"]) == keys


def test_rows_with_equal_sort_keys_may_change_places_and_others_may_not() -> None:
    sql = "SELECT a, b FROM t ORDER BY a"
    direct = answer([1, "x"], [1, "y"], [2, "z"])
    assert judge(sql, direct, answer([1, "y"], [1, "x"], [2, "z"])).kind == "same"
    assert judge(sql, direct, answer([2, "z"], [1, "x"], [1, "y"])).what == "order of rows"
    assert judge("SELECT a, b FROM t", direct, answer([2, "z"], [1, "x"], [1, "y"])).kind == "same"


@pytest.mark.parametrize(
    ("direct", "gateway", "kind"),
    [
        (answer([1, "x"]), answer([2, "x"]), "wrong answer"),
        (answer([1, "x"]), answer([1, "x"], [1, "x"]), "wrong answer"),
        (answer(types="bigint varchar"), answer(types="integer varchar"), "wrong answer"),
        (answer(update_type="INSERT", update_count=1), answer(update_type="INSERT", update_count=2), "wrong answer"),
        (answer(effects=[("Set-Schema", "a")]), answer(), "wrong answer"),
        (answer(effects=[("Added-Prepare", "p=a")]), answer(effects=[("Added-Prepare", "p=b")]), "same"),
        (answer(effects=[("Added-Prepare", "p=a")]), answer(effects=[("Added-Prepare", "q=a")]), "wrong answer"),
        (answer(), failure("NOT_SUPPORTED"), "refused"),
        (failure("SYNTAX_ERROR"), answer(), "accepted"),
        (failure("SYNTAX_ERROR"), failure("NOT_SUPPORTED"), "other error"),
        (failure("SYNTAX_ERROR"), failure("SYNTAX_ERROR"), "same"),
    ],
)
def test_every_kind_of_difference_has_its_name(direct: Answer, gateway: Answer, kind: str) -> None:
    assert judge("SELECT 1", direct, gateway).kind == kind


def test_what_trino_does_not_answer_twice_alike_is_compared_by_its_shape() -> None:
    first, second, other = answer([1, "x"]), answer([2, "x"]), answer([3, "x"])
    assert judge("SELECT random()", first, other).kind == "wrong answer"
    assert judge("SELECT random()", first, other, [second, first]).kind == "same"
    assert judge("SELECT random()", first, other, [first, first]).kind == "wrong answer"
    assert judge("SELECT random()", first, answer([3, "x"], [4, "x"]), [second, first]).what == "number of rows"
