"""Results are compared as multisets, as closely as their grades promise; the rate of wrong ones is bounded."""

from __future__ import annotations

import random
from math import comb

import pytest

from catalog.materialized_views import Grade
from gateway.rewriting.shadow.comparing import checksum, difference, upper_bound

EXACT: list[Grade] = ["exact", "exact"]


@pytest.mark.parametrize(
    ("base", "views", "grades"),
    [
        ([["a", 1], ["b", None]], [["b", None], ["a", 1]], EXACT),
        ([["a", -0.0]], [["a", 0.0]], EXACT),
        ([["a", "NaN"], ["a", 1.0]], [["a", 1.0], ["a", "NaN"]], ["exact", "float"]),
        ([["a", 0.1 + 0.2], ["a", 7.0]], [["a", 7.0], ["a", 0.3]], ["exact", "float"]),
        ([["a", 1000]], [["a", 1100]], ["exact", "approximate"]),
        ([], [], EXACT),
    ],
)
def test_results_that_a_grade_allows_are_alike(
    base: list[list[object]], views: list[list[object]], grades: list[Grade]
) -> None:
    assert difference(base, views, grades, band=0.15) is None


@pytest.mark.parametrize(
    ("base", "views", "grades"),
    [
        ([["a", 1]], [["a", 1], ["a", 1]], EXACT),
        ([["a", 1]], [["a", 2]], EXACT),
        ([["a", None]], [["a", 0]], EXACT),
        ([[None, 1]], [["", 1]], EXACT),
        ([["a", "1.0"]], [["a", "1.00"]], EXACT),
        ([["a", True]], [["a", 1]], EXACT),
        ([["a", 0.3]], [["a", 0.3001]], ["exact", "float"]),
        ([["a", "NaN"]], [["a", 0.0]], ["exact", "float"]),
        ([["a", 1000]], [["a", 1300]], ["exact", "approximate"]),
        ([["a", None]], [["a", 1300]], ["exact", "approximate"]),
        ([["a", 1.0], ["b", 2.0]], [["a", 2.0], ["b", 1.0]], ["exact", "float"]),
    ],
)
def test_results_that_differ_by_more_are_told(
    base: list[list[object]], views: list[list[object]], grades: list[Grade]
) -> None:
    assert difference(base, views, grades, band=0.15) is not None


def test_many_rows_of_one_group_are_paired_by_their_numbers() -> None:
    chance = random.Random(3)
    rows = [["a", chance.random()] for _ in range(3_000)]
    near = [["a", value * (1 + 1e-12)] for _, value in rows]
    chance.shuffle(near)
    assert difference(rows, near, ["exact", "float"]) is None
    near[0] = ["a", 5.0]
    assert difference(rows, near, ["exact", "float"]) is not None


def test_a_checksum_does_not_depend_on_the_order_of_rows_but_on_how_often_each_comes() -> None:
    assert checksum([["a", 1], ["b", 2]]) == checksum([["b", 2], ["a", 1]])
    assert checksum([["a", 1], ["a", 1]]) != checksum([["a", 1]])


@pytest.mark.parametrize(("wrong", "compared"), [(0, 300), (0, 1), (1, 100), (5, 50), (40, 1000)])
def test_so_few_wrong_answers_would_be_seen_once_in_twenty_times_at_the_bound(wrong: int, compared: int) -> None:
    bound = upper_bound(wrong, compared)
    assert bound is not None
    chances = (comb(compared, k) * bound**k * (1 - bound) ** (compared - k) for k in range(wrong + 1))
    assert sum(chances) == pytest.approx(0.05, rel=1e-6)


def test_nothing_is_said_of_a_rate_where_nothing_was_compared_and_all_may_be_wrong_where_all_were() -> None:
    assert upper_bound(0, 0) is None
    assert upper_bound(3, 3) == 1.0
