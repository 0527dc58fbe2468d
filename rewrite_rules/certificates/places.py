"""Where the values that conditions speak of can be: at a constant, between two, NaN, NULL, or a truth value."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from catalog.types import INTEGRAL, VARCHAR
from rewrite_rules.certificates.terms import KEEPS_NULLS, Term, Unclear, not_null, type_of

NAN, NULL = "nan", "null"
BEFORE, SAME, AFTER = "before", "same", "after"
"""How the first of two values lies to the second; NAN where one of them is none that others lie to."""
PAIR = "Pair"
_FLOATS = frozenset({"double", "real"})
_LINES = frozenset({*INTEGRAL, *_FLOATS, "decimal", "varchar", "date", "timestamp", "timestamp with time zone"})
"""Types of which two values that are no NaN are the same or one lies before the other."""
Place = Any
"""("at", value), ("in", low, high) with None for no end, NAN, NULL, or a truth value of a condition of its own."""


def subjects_of(condition: Term) -> Iterable[Term]:
    """Yield what a condition speaks of: terms compared with constants, and conditions of their own."""
    kind = condition[0]
    if kind in ("and", "or"):
        for part in condition[1]:
            yield from subjects_of(part)
    elif kind in ("not", "istrue"):
        yield from subjects_of(condition[1])
    elif kind == "case":
        for one, two in condition[1]:
            yield from subjects_of(one)
            yield from subjects_of(two)
        yield from subjects_of(condition[2])
    elif kind == "const":
        return
    else:
        subject = subject_of(condition)
        yield condition if subject is None else subject
        if subject is None and kind == "cmp":
            yield from (each for each in condition[2:] if each[0] != "const")
        if subject is not None:
            yield from strict_parts(subject)


def strict_parts(term: Term) -> Iterable[Term]:
    """Yield the values without which a value is NULL."""
    if term[:2] == ("x", PAIR):
        for part in term[2:]:
            yield part
            yield from strict_parts(part)
        return
    if term[0] != "f" or term[1] not in KEEPS_NULLS or (term[1] == "||" and type_of(term) != VARCHAR):
        return
    for part in term[2:]:
        if part[0] in ("col", "f"):
            yield part
            yield from strict_parts(part)


def subject_of(condition: Term) -> Term | None:
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
        return _pair(left, right)
    return None


def _pair(left: Term, right: Term) -> Term | None:
    """Return what stands for how two values lie to each other; None where that is not one of before, same and after."""
    kinds = [type_of(each) for each in (left, right)]
    if any(each[0] == "const" for each in (left, right)) or any(k is None or k.base not in _LINES for k in kinds):
        return None
    return ("x", PAIR, *sorted((left, right), key=repr))


def _is_point(constant: Term) -> bool:
    kind = constant[1]
    if isinstance(constant[2], str):
        return bool(kind.base == "varchar")
    return isinstance(constant[2], Fraction | bool)


def gather(condition: Term, points: dict[Term, set[Any]]) -> None:
    """Note what a condition speaks of, and with which constants each is compared."""
    kind = condition[0]
    if kind in ("and", "or"):
        for part in condition[1]:
            gather(part, points)
    elif kind in ("not", "istrue"):
        gather(condition[1], points)
    elif kind == "case":
        for one, two in condition[1]:
            gather(one, points)
            gather(two, points)
        gather(condition[2], points)
    elif kind != "const":
        subject = subject_of(condition)
        found = points.setdefault(condition if subject is None else subject, set())
        if subject is not None:
            found |= _constants(condition)


def _constants(condition: Term) -> set[Any]:
    if condition[0] == "in":
        return {each[2] for each in condition[2]}
    if condition[:2] == ("f", "like"):
        return set(prefix_ends(condition[3][2]) or ())
    return {each[2] for each in condition[2:] if each[0] == "const"} if condition[0] == "cmp" else set()


def prefix_ends(pattern: str) -> tuple[str, str] | None:
    """Return the first text that begins as a pattern does, and the first after all of them; None for no beginning."""
    prefix = re.split("[%_]", pattern, maxsplit=1)[0]
    if not prefix or ord(prefix[-1]) + 1 in range(0xD800, 0xE000) or prefix[-1] == chr(0x10FFFF):
        return None
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def places_of(subject: Term, found: set[Any]) -> list[Place]:
    """Return where a subject may be. Raises Unclear."""
    if subject[:2] == ("x", PAIR):
        floating = any(kind is not None and kind.base in _FLOATS for kind in map(type_of, subject[2:]))
        return [BEFORE, SAME, AFTER, *([NAN] if floating else []), *([] if all(map(not_null, subject[2:])) else [NULL])]
    if (not found and type_of(subject) is None) or subject[0] in ("cmp", "x") or _is_boolean(subject):
        return [True, False, NULL] if not not_null(subject) else [True, False]
    if len({sorting(each).__class__ for each in found}) > 1:
        raise Unclear("a value that is compared with constants of several types")
    values = sorted(found, key=sorting)
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


def sorting(value: Any) -> Any:
    """Return a value as values of its kind are ordered: texts by the bytes of UTF-8."""
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
