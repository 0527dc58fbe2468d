"""Every attack on ClickHouse ends as its file says, or is refused by name."""

from __future__ import annotations

import pytest

from tests.attacks.cases import CASES, ELSEWHERE, Case
from tests.attacks.judge import Arena, judge

STATEMENTS = [case for case in CASES if case.engine in (None, "clickhouse") and case.letter != "N" and case.id not in ELSEWHERE]


@pytest.mark.parametrize("case", STATEMENTS, ids=lambda case: case.id)
def test_the_attack_ends_as_its_file_says(clickhouse: Arena, case: Case) -> None:
    judge(clickhouse, case)
