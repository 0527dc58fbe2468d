"""A small decision procedure: may a set of conditions all be TRUE at once, for some values of what they speak of?

Each term that is compared with constants has finitely many places to be: at one of them, between two, NaN, NULL.
All other conditions are TRUE, FALSE or NULL as they like, which admits more than can be: an answer "never" is sure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from catalog.types import INTEGRAL, VARCHAR
from rewrite_rules.certificates.conditions import is_true, negation
from rewrite_rules.certificates.functions import matches
from rewrite_rules.certificates.terms import FALSE, KEEPS_NULLS, Term, not_null, type_of

_T, _F, _N = 1, 2, 4
_ANY = _T | _F | _N
_MOST_STEPS = 6_000
NAN, NULL = "nan", "null"
Place = Any
"""("at", value), ("in", low, high) with None for no end, NAN, NULL, or a truth value of a condition of its own."""


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
    try:
        return not _Search(parts).possible()
    except _TooMuch:
        return False


class _TooMuch(Exception):  # noqa: N818  (an answer, not a crash)
    pass


def _about(premises: frozenset[Term], conclusion: Term) -> list[Term]:
    """Return the premises that have something to do with a conclusion, directly or by others."""
    wanted = set(_subjects(conclusion))
    left = {premise: set(_subjects(premise)) for premise in premises}
    kept: list[Term] = []
    while True:
        near = [premise for premise, own in left.items() if own & wanted]
        if not near:
            return sorted(kept, key=lambda each: len(repr(each)))
        for premise in near:
            wanted |= left.pop(premise)
            kept.append(premise)


def _subjects(condition: Term) -> Iterable[Term]:
    """Yield what a condition speaks of: terms compared with constants, and conditions of their own."""
    kind = condition[0]
    if kind in ("and", "or"):
        for part in condition[1]:
            yield from _subjects(part)
    elif kind in ("not", "istrue"):
        yield from _subjects(condition[1])
    elif kind == "case":
        for one, two in condition[1]:
            yield from _subjects(one)
            yield from _subjects(two)
        yield from _subjects(condition[2])
    elif kind == "const":
        return
    else:
        subject = _subject(condition)
        yield condition if subject is None else subject
        if subject is None and kind == "cmp":
            yield from (each for each in condition[2:] if each[0] != "const")
        if subject is not None:
            yield from _strict_parts(subject)


def _strict_parts(term: Term) -> Iterable[Term]:
    """Yield the values without which a value is NULL."""
    if term[0] != "f" or term[1] not in KEEPS_NULLS or (term[1] == "||" and type_of(term) != VARCHAR):
        return
    for part in term[2:]:
        if part[0] in ("col", "f"):
            yield part
            yield from _strict_parts(part)


def _subject(condition: Term) -> Term | None:
    """Return the term that a condition compares with constants; None for a condition of its own."""
    kind = condition[0]
    if kind in ("null?", "in"):
        return condition[1]  # type: ignore[no-any-return]  # a term is a nested tuple
    if condition[:2] == ("f", "like") and len(condition) == 4:
        plain = condition[3][0] == "const" and type_of(condition[2]) is not None
        return condition[2] if plain and type_of(condition[2]).base == "varchar" else None  # type: ignore[union-attr]  # a plain column has a type
    if kind == "cmp":
        left, right = condition[2], condition[3]
        if right[0] == "const" and _is_point(right):
            return left  # type: ignore[no-any-return]  # a term is a nested tuple
        if left[0] == "const" and _is_point(left):
            return right  # type: ignore[no-any-return]  # a term is a nested tuple
    return None


def _is_point(constant: Term) -> bool:
    kind = constant[1]
    if isinstance(constant[2], str):
        return bool(kind.base == "varchar")
    return isinstance(constant[2], Fraction | bool)


class _Search:
    """Tries the places of one subject after another, and turns back where a condition cannot be TRUE any more."""

    def __init__(self, conditions: tuple[Term, ...]) -> None:
        self.conditions = conditions
        self.steps = 0
        points: dict[Term, set[Any]] = {}
        for condition in conditions:
            _gather(condition, points)
        self.places = {subject: _places(subject, found) for subject, found in points.items()}
        self.order = sorted(self.places, key=lambda each: len(self.places[each]))

    def possible(self) -> bool:
        return self._try({}, 0)

    def _try(self, chosen: dict[Term, Place], depth: int) -> bool:
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise _TooMuch
        if not all(_truth(condition, chosen) & _T for condition in self.conditions):
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


def _gather(condition: Term, points: dict[Term, set[Any]]) -> None:
    kind = condition[0]
    if kind in ("and", "or"):
        for part in condition[1]:
            _gather(part, points)
    elif kind in ("not", "istrue"):
        _gather(condition[1], points)
    elif kind == "case":
        for one, two in condition[1]:
            _gather(one, points)
            _gather(two, points)
        _gather(condition[2], points)
    elif kind != "const":
        subject = _subject(condition)
        found = points.setdefault(condition if subject is None else subject, set())
        if subject is not None:
            found |= _constants(condition)


def _constants(condition: Term) -> set[Any]:
    if condition[0] == "in":
        return {each[2] for each in condition[2]}
    if condition[:2] == ("f", "like"):
        return set(_prefixed(condition[3][2]) or ())
    return {each[2] for each in condition[2:] if each[0] == "const"} if condition[0] == "cmp" else set()


def _prefixed(pattern: str) -> tuple[str, str] | None:
    """Return the first text that begins as a pattern does, and the first after all of them; None for no beginning."""
    prefix = re.split("[%_]", pattern, maxsplit=1)[0]
    if not prefix or ord(prefix[-1]) + 1 in range(0xD800, 0xE000) or prefix[-1] == chr(0x10FFFF):
        return None
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _places(subject: Term, found: set[Any]) -> list[Place]:
    """Return where a subject may be."""
    if (not found and type_of(subject) is None) or subject[0] in ("cmp", "x") or _is_boolean(subject):
        return [True, False, NULL] if not not_null(subject) else [True, False]
    values = sorted(found, key=_sorting)
    places: list[Place] = []
    ends = [None, *values, None]
    for low, high in itertools.pairwise(ends):
        if _between(low, high, _step(subject)):
            places.append(("in", low, high))
        if high is not None:
            places.append(("at", high))
    kind = type_of(subject)
    if kind is None or kind.base in ("double", "real"):
        places.append(NAN)
    return places if not_null(subject) else [*places, NULL]


def _is_boolean(subject: Term) -> bool:
    kind = type_of(subject)
    return kind is not None and kind.base == "boolean"


def _sorting(value: Any) -> Any:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _step(subject: Term) -> Fraction | None:
    """Return the distance of neighbouring values of a subject's type; None where there is always one between."""
    kind = type_of(subject)
    if kind is None:
        return None
    if kind.base in INTEGRAL:
        return Fraction(1)
    if kind.base == "decimal":
        return Fraction(1, 10 ** kind.numbers[1])
    if kind.base == "date":
        return Fraction(86_400_000_000)
    if kind.base in ("timestamp", "timestamp with time zone") and kind.parameters:
        return Fraction(10) ** (6 - kind.numbers[0])
    return None


def _between(low: Any, high: Any, step: Fraction | None) -> bool:
    if low is None or high is None or step is None or not isinstance(low, Fraction):
        return True
    return bool((low // step + 1) * step < high)


def _truth(condition: Term, chosen: Mapping[Term, Place]) -> int:
    """Return the truth values that a condition may still have, as a set of bits."""
    kind = condition[0]
    if kind == "const":
        return {True: _T, False: _F, None: _N}[condition[2]]
    if kind in ("and", "or"):
        return _joined([_truth(part, chosen) for part in condition[1]], kind == "and")
    if kind == "not":
        inner = _truth(condition[1], chosen)
        return (_T if inner & _F else 0) | (_F if inner & _T else 0) | inner & _N
    if kind == "istrue":
        inner = _truth(condition[1], chosen)
        return inner & _T | (_F if inner & (_F | _N) else 0)
    if kind == "case":
        return _chosen(condition, chosen)
    subject = _subject(condition)
    key = condition if subject is None else subject
    if subject is not None and any(chosen.get(part) == NULL for part in _strict_parts(subject)):
        return _T if kind == "null?" else _N
    place = chosen.get(key)
    if place is None:
        if subject is None and kind == "cmp" and any(chosen.get(each) == NULL for each in condition[2:]):
            return _N
        return _T | _F if kind == "null?" or (subject is None and not_null(condition)) else _ANY
    if subject is None:
        if kind == "cmp" and any(chosen.get(each) == NULL for each in condition[2:]):
            return _N
        return {True: _T, False: _F, NULL: _N}[place]
    return _at(condition, place)


def _joined(parts: list[int], is_and: bool) -> int:
    """Return what a conjunction or disjunction of such sets may be, by Kleene's tables."""
    strong, weak = (_F, _T) if is_and else (_T, _F)
    result = 0
    if any(part & strong for part in parts):
        result |= strong
    if all(part & weak for part in parts):
        result |= weak
    if all(part & (weak | _N) for part in parts) and any(part & _N for part in parts):
        result |= _N
    return result


def _chosen(condition: Term, chosen: Mapping[Term, Place]) -> int:
    result = 0
    for when, value in condition[1]:
        held = _truth(when, chosen)
        if held & _T:
            result |= _truth(value, chosen)
        if not held & (_F | _N):
            return result
    return result | _truth(condition[2], chosen)


def _at(condition: Term, place: Place) -> int:
    """Return a condition's truth where its subject is in a place."""
    if condition[0] == "null?":
        return _T if place == NULL else _F
    if place == NULL:
        return _N
    if isinstance(place, bool):
        return _of_boolean(condition, place)
    if condition[0] == "f":
        return _liked(condition[3][2], place)
    if condition[0] == "in":
        if place == NAN:
            return _F
        return _T if place[0] == "at" and any(each[2] == place[1] for each in condition[2]) else _F
    op, left, right = condition[1:]
    turned = left[0] == "const"
    value = _sorting(left[2] if turned else right[2])
    if place == NAN:
        return _T if op == "<>" else _F
    if place[0] == "at":
        at = _sorting(place[1])
        return _T if (_holds(op, value, at) and turned) or (not turned and _holds(op, at, value)) else _F
    below = place[2] is not None and _sorting(place[2]) <= value  # the whole place lies below the constant
    if op in ("=", "<>"):
        return _T if op == "<>" else _F
    return _T if below != turned else _F


def _liked(pattern: str, place: Place) -> int:
    """Return whether the texts of a place match a pattern."""
    if place[0] == "at":
        return _T if matches(place[1], pattern) else _F
    ends = _prefixed(pattern)
    if ends is None:
        return _T | _F
    first, after = map(_sorting, ends)
    low, high = (None if end is None else _sorting(end) for end in place[1:])
    if low is None or high is None or low < first or high > after:
        return _F  # each end of the pattern's texts is a place of its own
    return _T if set(pattern[len(ends[0]) :]) == {"%"} else _T | _F


def _of_boolean(condition: Term, place: bool) -> int:
    if condition[0] == "cmp" and condition[1] in ("=", "<>"):
        value = condition[3][2] if condition[3][0] == "const" else condition[2][2]
        return _T if (value is place) == (condition[1] == "=") else _F
    return _ANY


def _holds(op: str, left: Any, right: Any) -> bool:
    if op == "<":
        return bool(left < right)
    if op == "<=":
        return bool(left <= right)
    return bool(left == right) == (op == "=")


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
