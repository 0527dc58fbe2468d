"""No claimed implication is ever violated: random conditions, over all combinations of adversarial values."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.errors import Refusal
from rewrite_rules.substitution.implication import assume, fixed, implies, unsatisfiable
from tests.rewrite_rules.substitution.evaluating import compare, evaluate
from tests.rewrite_rules.substitution.random_predicates import REQUIRED, Chooser, read, rows


def not_null(column: exp.Column) -> bool:
    return column.name == REQUIRED


def _counterexample(premises: list[exp.Expr], conclusion: exp.Expr) -> dict[str, object] | None:
    for row in rows([*premises, conclusion]):
        if all(evaluate(premise, row) is True for premise in premises) and evaluate(conclusion, row) is not True:
            return row
    return None


def _run(seeds: range) -> tuple[int, int, int]:
    claimed = true = impossible = 0
    for seed in seeds:
        chooser = Chooser(seed)
        chooser.turn()
        texts = chooser.conjuncts()
        goal = chooser.condition(1) if seed % 3 else chooser.random.choice(texts)
        try:
            premises, conclusion = [read(text) for text in texts], read(goal)
        except Refusal:
            continue
        known = assume(premises, not_null=not_null)
        if unsatisfiable(known) is not None:
            impossible += 1
            row = _counterexample(premises, read("false"))
            assert row is None, (texts, "is satisfied by", row)
        if implies(known, conclusion) is not None:
            claimed += 1
            row = _counterexample(premises, conclusion)
            assert row is None, (texts, goal, row)
        elif seed % 50 == 0:
            true += _counterexample(premises, conclusion) is None
        _check_fixed(known, premises)
    return claimed, true, impossible


def _check_fixed(known: object, premises: list[exp.Expr]) -> None:
    columns = {column.name: column for tree in premises for column in tree.find_all(exp.Column)}
    for name, column in columns.items():
        value = fixed(known, column)  # type: ignore[arg-type]  # the column of a random row
        if value is None:
            continue
        expected = evaluate(value, {})
        for row in rows(premises):
            if all(evaluate(premise, row) is True for premise in premises):
                same = row[name] is None if expected is None else compare("=", row[name], expected)
                assert same is True, ([tree.sql() for tree in premises], name, row, value)


def test_no_claimed_implication_is_violated_by_any_row() -> None:
    claimed, _, impossible = _run(range(250))
    assert claimed >= 120
    assert impossible >= 50


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(4))
def test_no_claimed_implication_is_violated_in_many_more(part: int) -> None:
    _run(range(1_000 + part * 5_000, 1_000 + (part + 1) * 5_000))
