"""Cases of two difficulties at a time, end to end, held to the answers that the real Trino gave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from loadtests.mv_cases.cases import Case, read_cases
from tests.substitution_cases.judging import judge
from tests.substitution_cases.test_cases import ask, check, chosen, differing, document, lake

HARBOUR = Path(__file__).parents[1] / "fixtures" / "substitution" / "cases" / "harbour.yaml"
CHOSEN = (
    ("rollup-h01", "time-h05", "predicate-h36", "time-h33"),
    ("policy-h02",),
    ("freshness-h19",),
)
"""Those of every run; each line is a setting of its own."""


def held(cases: Sequence[Case], folder: Path, prefix: str) -> int:
    """Ask cases with views and without, hold both to what Trino said, and return how many were asked."""
    raw = document(HARBOUR)
    with lake(folder, prefix) as ground:
        told = [each for each in ask(read_cases(HARBOUR), cases, ground) if not each.beyond]
    check(judge(raw, told))
    answers = json.loads(HARBOUR.with_suffix(".answers.json").read_text("utf-8"))
    assert differing(raw, told, answers) == []
    return len(told)


def test_two_difficulties_at_a_time_change_no_answer(tmp_path: Path) -> None:
    cases = chosen(read_cases(HARBOUR), [each for line in CHOSEN for each in line])
    assert held(cases, tmp_path, "harbour") == len(cases)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_the_whole_harbour_is_answered_as_trino_answered_it(tmp_path: Path) -> None:
    assert held(read_cases(HARBOUR).cases, tmp_path, "harbours") > 250
