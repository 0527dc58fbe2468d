"""Every attack on the embedded lake ends as its file says, and leaves one row of usage and no trace elsewhere."""

from __future__ import annotations

import pytest

from tests.attacks.cases import (
    ANSWERED,
    CASES,
    ELSEWHERE,
    EMPTY,
    NOT_OFFERED,
    ORACLES,
    REFERENCE,
    UNKNOWN_SENDER,
    Case,
    in_ci,
    statements,
)
from tests.attacks.judge import (
    Arena,
    assert_left_alone,
    assert_no_canary,
    assert_recorded,
    assert_told_nothing_later,
    judge,
)


def test_the_reference_cases_are_there() -> None:
    if not REFERENCE.exists() and not in_ci():
        pytest.skip("the reference cases are not on this machine")
    assert REFERENCE.exists()
    assert len({case.id for case in CASES}) == len(CASES) > 200


def test_no_case_is_left_out_and_every_exception_is_of_a_case_that_exists() -> None:
    run = {case.id for case in statements(None, "clickhouse")} | {case.id for case in CASES if case.letter == "N"}
    assert {case.id for case in CASES} - run - set(ELSEWHERE) == set()
    noted = {
        *ELSEWHERE,
        *ANSWERED,
        *EMPTY,
        *ORACLES,
        *UNKNOWN_SENDER,
        *(i for ids in NOT_OFFERED.values() for i in ids),
    }
    if REFERENCE.exists():
        assert noted - {case.id for case in CASES} == set()


@pytest.mark.parametrize("case", statements(None), ids=lambda case: case.id)
def test_the_attack_ends_as_its_file_says(lake: Arena, case: Case) -> None:
    judge(lake, case)


def test_the_attacks_changed_nothing(lake: Arena) -> None:
    assert_left_alone(lake)


def test_every_attack_left_exactly_one_row(lake: Arena) -> None:
    assert_recorded(lake)


def test_no_canary_reached_the_log_or_the_metrics(lake: Arena) -> None:
    assert_no_canary("the log", lake.gateway.log())
    assert_no_canary("the metrics", lake.gateway.metrics())


def test_no_canary_is_in_what_the_attacker_can_read_of_his_queries_later(lake: Arena) -> None:
    assert_told_nothing_later(lake)
