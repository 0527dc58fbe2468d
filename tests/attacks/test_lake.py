"""Every attack on the embedded lake ends as its file says, and leaves one row of usage and no trace elsewhere."""

from __future__ import annotations

import pytest

from tests.attacks import sandbox
from tests.attacks.arena import Arena
from tests.attacks.cases import CASES, REFERENCE, Case, a_share, in_ci, statements
from tests.attacks.expected import hold
from tests.attacks.judge import ask_some, assert_no_canary, assert_recorded, judge

SHARE = a_share(statements(None), half=0)


def test_the_reference_cases_are_there() -> None:
    if not REFERENCE.exists() and not in_ci():
        pytest.skip("the reference cases are not on this machine")
    assert REFERENCE.exists()
    assert len({case.id for case in CASES}) == len(CASES) > 200


@pytest.mark.parametrize("case", SHARE)
def test_the_attack_ends_as_its_file_says(lake: Arena, case: Case) -> None:
    hold(lake, case, judge(lake, case))


def test_the_attacks_changed_nothing(lake: Arena) -> None:
    assert sandbox.untouched(lake) == []


def test_every_attack_left_exactly_one_row(lake: Arena) -> None:
    ask_some(lake, SHARE)
    assert_recorded(lake)


def test_no_canary_reached_the_log_or_the_metrics(lake: Arena) -> None:
    assert_no_canary("the log", lake.gateway.log())
    assert_no_canary("the metrics", lake.gateway.metrics())
