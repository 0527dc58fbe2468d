"""Every attack on ClickHouse ends as its file says, or is refused by name."""

from __future__ import annotations

import pytest

from tests.attacks import sandbox
from tests.attacks.arena import Arena
from tests.attacks.cases import Case, a_share, statements
from tests.attacks.expected import hold
from tests.attacks.judge import ask_some, assert_no_canary, assert_recorded, judge

SHARE = a_share(statements(None, "clickhouse"), half=1)


@pytest.mark.parametrize("case", SHARE)
def test_the_attack_ends_as_its_file_says(clickhouse: Arena, case: Case) -> None:
    hold(clickhouse, case, judge(clickhouse, case))


def test_the_attacks_changed_nothing(clickhouse: Arena) -> None:
    assert sandbox.untouched(clickhouse) == []


def test_every_attack_left_exactly_one_row(clickhouse: Arena) -> None:
    ask_some(clickhouse, SHARE)
    assert_recorded(clickhouse)


def test_no_canary_reached_the_log_or_the_metrics(clickhouse: Arena) -> None:
    assert_no_canary("the log", clickhouse.gateway.log())
    assert_no_canary("the metrics", clickhouse.gateway.metrics())
