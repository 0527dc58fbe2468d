"""Whatever views and queries are drawn, the matcher ends with an answer, and the checker believes what it made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.rewriting.certificates.replay import NotReplayable, replay
from loadtests.mv_cases.cases import read_cases
from rewrite_rules.certificates import Dossier, check_dossier
from tests.certificates.mutations import BENDS, bent_texts
from tests.substitution_cases.drawn.offline import Offline
from tests.substitution_cases.drawn.settings import drawn_cases
from tests.substitution_cases.test_cases import RIVERS

LEAST_BELIEVED = 0.95


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


def dossiers(seeds: range, settings: int, queries: int) -> Iterator[Dossier]:
    """Yield what the checker believes of drawn cases in which nothing changed."""
    fixtures = read_cases(RIVERS).fixtures
    offline = Offline(next(iter(fixtures.values())))
    for seed in seeds:
        for case in drawn_cases(seed, fixtures, settings, queries):
            still = replace(case, setting=replace(case.setting, changes=()))
            yield from (offline.dossier(each) for each in offline.match(still) or () if not each.doubts)


def told_apart(bent: Dossier, databases: int) -> bool:
    """Tell whether replay shows that a bent rewriting gives other rows."""
    try:
        return replay(bent, count=databases).counterexample is not None
    except NotReplayable:
        return False


def believed_and_wrong(found: Iterator[Dossier], databases: int) -> list[tuple[str, str, str]]:
    """Return the bent rewritings that the checker believes although replay tells them from the right ones."""
    return [
        (kind, bent.certificate.query, bent.certificate.rewritten)
        for dossier in found
        for kind, bend in BENDS.items()
        for bent in bent_texts(dossier, bend)
        if not _is_emulated(dossier, bent) and not check_dossier(bent) and told_apart(bent, databases)
    ]


def _is_emulated(dossier: Dossier, bent: Dossier) -> bool:
    """Tell whether a definition was bent that has states: what these hold is said beside its text, not in it."""
    before, after = ([use.definition for use in each.certificate.uses] for each in (dossier, bent))
    return before != after and any(each.states for each in after)


def test_what_the_matcher_makes_of_drawn_queries_is_believed() -> None:
    found = compare(range(6))
    assert found["believed"] > 250, found
    assert found["believed"] > LEAST_BELIEVED * found.total(), found


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_what_the_matcher_makes_of_thousands_of_drawn_queries_is_believed() -> None:
    found = compare(range(100, 180))
    assert found["believed"] > LEAST_BELIEVED * found.total(), found


def test_no_bent_rewriting_of_a_drawn_query_is_believed_that_replay_tells_from_the_right_one() -> None:
    assert believed_and_wrong(dossiers(range(302, 303), settings=1, queries=6), databases=4) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_bent_rewriting_of_many_drawn_queries_is_believed_that_replay_tells_from_the_right_one() -> None:
    assert believed_and_wrong(dossiers(range(400, 408), settings=4, queries=4), databases=12) == []
