"""Whatever views and queries are drawn, the matcher ends with an answer, and the checker believes what it made."""

from __future__ import annotations

from collections import Counter

import pytest

from loadtests.mv_cases.cases import read_cases
from tests.substitution_cases.drawn.offline import Offline
from tests.substitution_cases.drawn.settings import drawn_cases
from tests.substitution_cases.test_cases import RIVERS

LEAST_BELIEVED = 0.97


def compare(seeds: range) -> Counter[str]:
    """Match the cases of some seeds; count rewritings, and why the others are not believed."""
    fixtures = read_cases(RIVERS).fixtures
    offline = Offline(next(iter(fixtures.values())))
    found: Counter[str] = Counter()
    for seed in seeds:
        for case in drawn_cases(seed, fixtures, settings=8, queries=12):
            for matched in offline.match(case) or ():
                found["doubted" if matched.doubts else "believed"] += 1
    return found


def test_what_the_matcher_makes_of_drawn_queries_is_believed() -> None:
    found = compare(range(6))
    assert found["believed"] > 250, found
    assert found["believed"] > LEAST_BELIEVED * found.total(), found


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_what_the_matcher_makes_of_thousands_of_drawn_queries_is_believed() -> None:
    found = compare(range(100, 180))
    assert found["believed"] > LEAST_BELIEVED * found.total(), found
