"""Implication, pair by pair: what is promised is proved, and the tempting wrong one is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlglot import exp

from catalog.dialect.generate import generate
from rewrite_rules.substitution.implication import Premises, assume, fixed, implies, present, same, unsatisfiable
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.spelling import copied
from tests.rewrite_rules.substitution.random_predicates import REQUIRED, read

PAIRS = Path(__file__).parents[2] / "fixtures" / "rewrite_rules" / "implications.txt"


def _pairs() -> Iterator[tuple[str, str, bool]]:
    for line in PAIRS.read_text().splitlines():
        if line and not line.startswith("#"):
            premises, sign, conclusion = line.partition(" => ") if " => " in line else line.partition(" =/> ")
            yield premises, conclusion, sign == " => "


def given(*texts: str) -> Premises:
    return assume([read(text) for text in texts], not_null=lambda column: column.name == REQUIRED)


@pytest.mark.parametrize(("premises", "conclusion", "follows"), list(_pairs()))
def test_a_condition_follows_where_it_does_and_nowhere_else(premises: str, conclusion: str, follows: bool) -> None:
    proof = implies(given(*premises.split(" ; ")), read(conclusion))
    assert (proof is not None) == follows


def test_the_proof_names_the_premises_it_rests_on() -> None:
    proof = implies(given("d > 20", "s = 'x'", "a = 1"), read("d > 10"))
    assert proof == '"d" > 20 implies "d" > 10'


def test_conditions_that_no_row_passes_are_known() -> None:
    assert unsatisfiable(given("a > 5", "a < 3")) is not None
    assert unsatisfiable(given("s = 'A' OR s = 'B'", "s LIKE 'C%'")) is not None
    assert unsatisfiable(given("a < b", "b < a")) is not None
    assert unsatisfiable(given("c IS NULL")) is not None
    assert unsatisfiable(given("a = NULL")) is not None
    assert unsatisfiable(given("x > 5e0", "NOT (x > 2e0)")) is not None
    assert unsatisfiable(given("NOT (x > 5e0)", "NOT (x <= 5e0)")) is None  # NaN
    assert unsatisfiable(given("a > 5")) is None
    assert unsatisfiable(given()) is None


def test_a_value_that_conditions_fix_is_told_with_its_type() -> None:
    known = given(
        "s = 'SP15'", "d = 2", "dt = DATE '2024-03-09'", "b IS NULL", "x = 0e0", "a IN (1, 1)", "u IN ('A', 'B')"
    )
    found = {name: fixed(known, read(name)) for name in ("s", "d", "dt", "b", "x", "a", "u", "c")}
    texts = {name: generate(value) for name, value in found.items() if value is not None}
    assert texts == {
        "s": "CAST('SP15' AS VARCHAR)",
        "d": "CAST('2.0' AS DECIMAL(4, 1))",
        "dt": "CAST('2024-03-09' AS DATE)",
        "b": "NULL",
        "a": "CAST('1' AS INTEGER)",
    }
    assert found["x"] is None  # 0.0 and -0.0 are equal, and are not the same


def test_columns_that_are_equal_stand_for_each_other() -> None:
    known = given("a = c", "s = u")
    assert same(known, read("a + 1"), read("c + 1"))
    assert same(known, read("lower(s)"), read("lower(u)"))
    assert not same(known, read("a"), read("b"))
    assert not same(given("x = y"), read("1 / x"), read("1 / y"))
    assert present(known, read("a"))
    assert not present(known, read("b"))


def test_what_is_asked_at_another_moment_is_no_premise() -> None:
    clock = [
        exp.GT(this=read("tz"), expression=exp.CurrentTimestamp()),
        exp.GT(this=read("tz"), expression=exp.CurrentTimestamp()),
    ]
    assert implies(assume(clock[:1]), clock[1]) is None
    assert unsatisfiable(assume([clock[0], exp.Not(this=clock[1])])) is None


def test_a_comparison_with_any_of_a_query_is_not_denied_by_its_opposite() -> None:
    equal, other = (exp.Paren(this=read("a")), exp.Paren(this=read("a")))
    values = exp.Values(expressions=[read("1"), read("2")])
    values.meta["canonical"] = (0, "one and two")  # as flattening notes what a subquery is
    denied = exp.Not(this=exp.EQ(this=equal, expression=exp.Any(this=values)))
    differs = exp.NEQ(this=other, expression=exp.Any(this=copied(values)))
    assert key(denied) != key(differs)
    assert implies(assume([denied]), differs) is None
    assert implies(assume([differs]), denied) is None
    assert implies(assume([differs]), copied(differs)) is not None


def test_many_alternatives_take_no_longer_than_few() -> None:
    wide = [f"(a = {n} OR s = '{n}' OR f) AND (b = {n} OR u = '{n}' OR x > {n}e0)" for n in range(40)]
    known = given(*wide, "d > 2")
    assert len(known.branches) <= 64
    assert implies(known, read("d > 1")) is not None
