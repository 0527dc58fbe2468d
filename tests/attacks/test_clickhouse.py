"""Every attack on ClickHouse ends as its file says, or is refused by name."""

from __future__ import annotations

import pytest

from tests.attacks.cases import CASES, ELSEWHERE, Case
from tests.attacks.judge import Arena, assert_left_alone, assert_no_canary, assert_recorded, judge

STATEMENTS = [
    case for case in CASES if case.engine in (None, "clickhouse") and case.letter != "N" and case.id not in ELSEWHERE
]


@pytest.mark.parametrize("case", STATEMENTS, ids=lambda case: case.id)
def test_the_attack_ends_as_its_file_says(clickhouse: Arena, case: Case) -> None:
    judge(clickhouse, case)


def test_the_attacks_changed_nothing(clickhouse: Arena) -> None:
    assert_left_alone(clickhouse)


def test_every_attack_left_exactly_one_row(clickhouse: Arena) -> None:
    assert_recorded(clickhouse)


def test_no_canary_reached_the_log_or_the_metrics(clickhouse: Arena) -> None:
    assert_no_canary("the log", clickhouse.gateway.log())
    assert_no_canary("the metrics", clickhouse.gateway.metrics())
