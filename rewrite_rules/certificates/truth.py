"""What truth values a condition may still have, where the places of some of what it speaks of are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewrite_rules.certificates.functions import matches
from rewrite_rules.certificates.places import (
    BEFORE,
    NAN,
    NULL,
    SAME,
    Place,
    prefix_ends,
    sorting,
    strict_parts,
    subject_of,
)
from rewrite_rules.certificates.terms import Term, not_null

TRUE_BIT = _T = 1
_F, _N = 2, 4
_ANY = _T | _F | _N


def truth(condition: Term, chosen: Mapping[Term, Place]) -> int:
    """Return the truth values that a condition may still have, as a set of bits."""
    kind = condition[0]
    if kind == "const":
        return {True: _T, False: _F, None: _N}[condition[2]]
    if kind in ("and", "or"):
        return _joined([truth(part, chosen) for part in condition[1]], kind == "and")
    if kind == "not":
        inner = truth(condition[1], chosen)
        return (_T if inner & _F else 0) | (_F if inner & _T else 0) | inner & _N
    if kind == "istrue":
        inner = truth(condition[1], chosen)
        return inner & _T | (_F if inner & (_F | _N) else 0)
    if kind == "case":
        return _chosen(condition, chosen)
    subject = subject_of(condition)
    key = condition if subject is None else subject
    if subject is not None and any(chosen.get(part) == NULL for part in strict_parts(subject)):
        return _T if kind == "null?" else _N
    place = chosen.get(key)
    if place is None:
        if subject is None and kind == "cmp" and any(chosen.get(each) == NULL for each in condition[2:]):
            return _N
        return _T | _F if kind == "null?" or (subject is None and not_null(condition)) else _ANY
    if subject is None:
        if kind == "cmp" and any(chosen.get(each) == NULL for each in condition[2:]):
            return _N
        return {True: _T, False: _F, NULL: _N}.get(place, _ANY)  # of what is no boolean nothing is known
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
        held = truth(when, chosen)
        if held & _T:
            result |= truth(value, chosen)
        if not held & (_F | _N):
            return result
    return result | truth(condition[2], chosen)


def _at(condition: Term, place: Place) -> int:
    """Return a condition's truth where its subject is in a place."""
    if condition[0] == "null?":
        return _T if place == NULL else _F
    if place == NULL:
        return _N
    if condition[0] == "cmp" and all(each[0] != "const" for each in condition[2:]):
        return _T if _of_pair(condition, place) else _F
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
    value = sorting(left[2] if turned else right[2])
    if place == NAN:
        return _T if op == "<>" else _F
    if place[0] == "at":
        at = sorting(place[1])
        return _T if (_holds(op, value, at) and turned) or (not turned and _holds(op, at, value)) else _F
    below = place[2] is not None and sorting(place[2]) <= value  # the whole place lies below the constant
    if op in ("=", "<>"):
        return _T if op == "<>" else _F
    return _T if below != turned else _F


def _of_pair(condition: Term, place: Place) -> bool:
    """Tell whether a comparison of two values holds, by how the first in order lies to the second."""
    op, left, right = condition[1:]
    if op in ("=", "<>"):
        return bool((place == SAME) == (op == "="))
    if place in (SAME, NAN):
        return bool(op == "<=") and place == SAME
    return bool((place == BEFORE) == ([left, right] == sorted((left, right), key=repr)))


def _liked(pattern: str, place: Place) -> int:
    """Return whether the texts of a place match a pattern."""
    if place[0] == "at":
        return _T if matches(place[1], pattern) else _F
    ends = prefix_ends(pattern)
    if ends is None:
        return _T | _F
    first, after = map(sorting, ends)
    low, high = (None if end is None else sorting(end) for end in place[1:])
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
