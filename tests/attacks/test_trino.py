"""Every attack on the real Trino ends as its file says."""

from __future__ import annotations

import pytest

from tests.attacks.cases import CASES, ELSEWHERE, Case
from tests.attacks.judge import Arena, judge

pytestmark = [pytest.mark.trino, pytest.mark.postgres]
STATEMENTS = [case for case in CASES if case.engine is None and case.letter != "N" and case.id not in ELSEWHERE]


@pytest.mark.parametrize("case", STATEMENTS, ids=lambda case: case.id)
def test_the_attack_ends_as_its_file_says(trino: Arena, case: Case) -> None:
    judge(trino, case)
