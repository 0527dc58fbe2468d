"""A small decision procedure: may a set of conditions all be TRUE at once, for some values of what they speak of?

Each term that is compared with constants has finitely many places to be: at one of them, between two, NaN, NULL.
All other conditions are TRUE, FALSE or NULL as they like, which admits more than can be: an answer "never" is sure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from rewrite_rules.certificates.clauses import Refuter
from rewrite_rules.certificates.conditions import is_true, negation
from rewrite_rules.certificates.places import Place, gather, places_of, subjects_of
from rewrite_rules.certificates.terms import FALSE, Term
from rewrite_rules.certificates.truth import TRUE_BIT, truth

_MOST_STEPS, _FEW_STEPS = 4_000, 300


def entails(premises: Iterable[Term], conclusion: Term) -> bool:
    """Tell whether every row that makes the premises TRUE makes the conclusion TRUE, for sure."""
    known = frozenset(premises)
    if conclusion in known or FALSE in known:
        return True
    if conclusion[0] == "and":
        return all(entails(known, part) for part in conclusion[1])
    return never([*_about(known, conclusion), opposite(conclusion)])


def never(conditions: Iterable[Term]) -> bool:
    """Tell whether no row makes all conditions TRUE, for sure; not being sure is False."""
    parts = tuple(dict.fromkeys(conditions))
    search = _Search(parts, _MOST_STEPS)
    if search.size > _MOST_STEPS // 2 and Refuter(_contradict).refuted(parts):
        return True
    return search.contradictory()


def _contradict(conditions: Sequence[Term]) -> bool:
    return _Search(tuple(conditions), _FEW_STEPS).contradictory()


class _TooMuch(Exception):  # noqa: N818  (an answer, not a crash)
    pass


def _about(premises: frozenset[Term], conclusion: Term) -> list[Term]:
    """Return the premises that have something to do with a conclusion, directly or by others."""
    wanted = set(subjects_of(conclusion))
    left = {premise: set(subjects_of(premise)) for premise in premises}
    kept: list[Term] = []
    while True:
        near = [premise for premise, own in left.items() if own & wanted]
        if not near:
            return sorted(kept, key=lambda each: len(repr(each)))
        for premise in near:
            wanted |= left.pop(premise)
            kept.append(premise)


class _Search:
    """Tries the places of one subject after another, and turns back where a condition cannot be TRUE any more."""

    def __init__(self, conditions: tuple[Term, ...], most: int) -> None:
        self.conditions = conditions
        self.left = most
        points: dict[Term, set[Any]] = {}
        for condition in conditions:
            gather(condition, points)
        self.places = {subject: places_of(subject, found) for subject, found in points.items()}
        self.order = sorted(self.places, key=lambda each: len(self.places[each]))

    @property
    def size(self) -> int:
        """Return how many ways there are to choose places."""
        return math.prod(map(len, self.places.values()))

    def contradictory(self) -> bool:
        """Tell whether no places make all conditions TRUE; what takes too many steps to find out is not sure."""
        try:
            return not self._try({}, 0)
        except _TooMuch:
            return False

    def _try(self, chosen: dict[Term, Place], depth: int) -> bool:
        self.left -= 1
        if self.left < 0:
            raise _TooMuch
        if not all(truth(condition, chosen) & TRUE_BIT for condition in self.conditions):
            return False
        if depth == len(self.order):
            return True
        subject = self.order[depth]
        for place in self.places[subject]:
            chosen[subject] = place
            if self._try(chosen, depth + 1):
                return True
        del chosen[subject]
        return False


def opposite(condition: Term) -> Term:
    """Return the condition that a condition is not TRUE: FALSE or NULL."""
    return negation(is_true(condition))


def same_conditions(first: frozenset[Term], second: frozenset[Term]) -> bool:
    """Tell whether two sets of conditions let the same rows pass, for sure."""
    return all(entails(first, each) for each in second - first) and all(entails(second, e) for e in first - second)


def disjoint(first: frozenset[Term], second: frozenset[Term]) -> bool:
    """Tell whether no row passes both sets of conditions, for sure."""
    if any(opposite(each) in second for each in first) or any(opposite(each) in first for each in second):
        return True
    return never([*first, *second])
