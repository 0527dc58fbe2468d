"""Formulas about a row's values: what a condition says of them, without NULL in between.

A formula is true or false of a row, never unknown: that a condition is TRUE, that it is FALSE and that it is NULL are
three formulas. Comparisons with constants are sets of values; what is not understood stays whole, by its key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from rewrite_rules.substitution.keys import Key
from rewrite_rules.substitution.ranges import Domain, meet, union

Truth: TypeAlias = bool | None


@dataclass(frozen=True, slots=True)
class Inside:
    """The value of a term is in a set."""

    term: Key
    domain: Domain


@dataclass(frozen=True, slots=True)
class Whole:
    """A condition that is not looked into is TRUE, FALSE or NULL."""

    condition: Key
    truth: Truth


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison of two terms is TRUE; with `!` in front of the sign, it is FALSE (floats: NaN is not ordered)."""

    sign: str
    left: Key
    right: Key
    exact: bool
    """Both are of types whose comparison rounds nothing, so that it may be combined with others."""


@dataclass(frozen=True, slots=True)
class All:
    """Each part holds."""

    parts: tuple[Formula, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Formula, ...] = ()


Formula: TypeAlias = Inside | Whole | Compared | All | Some
TRUE, FALSE = All(), Some()


def every(parts: Iterable[Formula]) -> Formula:
    """Return that each part holds; sets of one term's values are put together."""
    flat: list[Formula] = []
    sets: dict[Key, Domain] = {}
    for part in parts:
        if part == FALSE:
            return FALSE
        for each in part.parts if isinstance(part, All) else (part,):
            if isinstance(each, Inside):
                sets[each.term] = meet(sets[each.term], each.domain) if each.term in sets else each.domain
            else:
                flat.append(each)
    flat.extend(Inside(term, domain) for term, domain in sets.items())
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def some(parts: Iterable[Formula]) -> Formula:
    """Return that one part holds; sets of one term's values are put together."""
    flat: list[Formula] = []
    sets: dict[Key, list[Domain]] = {}
    for part in parts:
        if part == TRUE:
            return TRUE
        for each in part.parts if isinstance(part, Some) else (part,):
            if isinstance(each, Inside):
                sets.setdefault(each.term, []).append(each.domain)
            else:
                flat.append(each)
    flat.extend(Inside(term, union(domains)) for term, domains in sets.items())
    return flat[0] if len(flat) == 1 else Some(tuple(flat))
