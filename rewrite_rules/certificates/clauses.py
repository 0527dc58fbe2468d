"""Refute many conditions at once by taking their disjunctions apart, where trying all places would take too long.

What changed in a table is known by the bounds of all its columns, so that `NOT (a AND b AND ...)` stands on one side
and `a AND b AND ...` on the other: each alternative of the first contradicts one condition of the second by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rewrite_rules.certificates.places import subjects_of
from rewrite_rules.certificates.terms import Term

Contradicts = Callable[[Sequence[Term]], bool]
"""Tells whether a few conditions cannot all be TRUE, for sure."""
_MOST_LOOKS = 600
_MOST_DEPTH = 8


class Refuter:
    """Looks for a contradiction, alternative by alternative."""

    def __init__(self, contradicts: Contradicts) -> None:
        """Have looked at nothing yet."""
        self.contradicts = contradicts
        self.left = _MOST_LOOKS

    def refuted(self, conditions: Iterable[Term], units: tuple[Term, ...] = (), depth: int = 0) -> bool:
        """Tell whether conditions cannot all be TRUE, for sure; `units` are such as are no disjunctions."""
        clauses: list[tuple[Term, ...]] = []
        new = _taken_apart(conditions, clauses)
        while True:
            units = (*units, *new)
            if any(self._contradicted(each, units) for each in new):
                return True
            found = self._narrowed(clauses, units)
            if found is None:
                return True
            clauses = [each for each in found if len(each) > 1]
            single = [each[0] for each in found if len(each) == 1]
            if not single:
                return self._by_cases(clauses, units, depth)
            new = _taken_apart(single, clauses)

    def _narrowed(self, clauses: list[tuple[Term, ...]], units: tuple[Term, ...]) -> list[tuple[Term, ...]] | None:
        """Leave out alternatives that contradict what is known; None where none of a disjunction is left."""
        narrowed = []
        for clause in clauses:
            left = tuple(each for each in clause if not self._contradicted(each, units))
            if not left:
                return None
            narrowed.append(left)
        return narrowed

    def _contradicted(self, alternative: Term, units: tuple[Term, ...]) -> bool:
        self.left -= 1
        if self.left < 0:
            return False
        parts = _taken_apart([alternative], [])
        about = {subject for part in parts for subject in subjects_of(part)}
        near = [each for each in units if about & set(subjects_of(each))]
        return bool(parts) and self.contradicts(tuple(dict.fromkeys([*near, *parts])))

    def _by_cases(self, clauses: list[tuple[Term, ...]], units: tuple[Term, ...], depth: int) -> bool:
        if not clauses or depth >= _MOST_DEPTH or self.left < 0:
            return False
        first = min(clauses, key=len)
        others = [("or", frozenset(each)) for each in clauses if each is not first]
        return all(self.refuted([each, *others], units, depth + 1) for each in first)


def _taken_apart(conditions: Iterable[Term], clauses: list[tuple[Term, ...]]) -> tuple[Term, ...]:
    """Return what conditions say without alternatives, or of one value only; other disjunctions go to `clauses`."""
    units: list[Term] = []
    left = list(conditions)
    while left:
        each = left.pop()
        if each[0] == "and":
            left.extend(each[1])
        elif each[0] == "or" and len(set(subjects_of(each))) > 1:
            clauses.append(tuple(each[1]))
        else:
            units.append(each)
    return tuple(units)
