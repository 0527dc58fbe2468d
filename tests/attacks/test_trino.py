"""Every attack on the real Trino ends as its file says."""

from __future__ import annotations

import pytest

from tests.attacks import sandbox
from tests.attacks.arena import Arena
from tests.attacks.cases import Case, a_share, statements
from tests.attacks.expected import hold
from tests.attacks.judge import ask_some, assert_no_canary, assert_recorded, judge

pytestmark = [pytest.mark.trino, pytest.mark.postgres]
SHARE = a_share(statements(None), one_in=8)


@pytest.mark.parametrize("case", SHARE)
def test_the_attack_ends_as_its_file_says(trino: Arena, case: Case) -> None:
    hold(trino, case, judge(trino, case))


def test_the_attacks_changed_nothing(trino: Arena) -> None:
    assert sandbox.untouched(trino) == []


def test_every_attack_left_exactly_one_row(trino: Arena) -> None:
    ask_some(trino, SHARE)
    assert_recorded(trino)


def test_no_canary_reached_the_log_or_the_metrics(trino: Arena) -> None:
    assert_no_canary("the log", trino.gateway.log())
    assert_no_canary("the metrics", trino.gateway.metrics())
