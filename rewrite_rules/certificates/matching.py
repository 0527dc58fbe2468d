"""Compare relations: the same tables under other names, the same rows let through, the same groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace

from catalog.objects import TableName
from rewrite_rules.certificates.facts import Reliable, without_joins
from rewrite_rules.certificates.logic import same_conditions
from rewrite_rules.certificates.rebuilding import map_term
from rewrite_rules.certificates.relations import Occ, Rel, Relation, Union, mapped
from rewrite_rules.certificates.settling import settle
from rewrite_rules.certificates.terms import Term, type_of

_MOST_WAYS = 120
_MOST_PAIRS = 40


@dataclass(frozen=True, slots=True)
class Alike:
    """Two relations that differ in their outputs at most, both settled; the second speaks of the first's tables."""

    first: tuple[Term, ...]
    second: tuple[Term, ...]
    order: bool
    """ORDER BY, LIMIT and OFFSET are the same, too."""


def alike(first: Rel, second: Rel) -> Iterator[Alike]:
    """Yield the ways in which two relations are alike."""
    if (first.keyed, first.odd, first.keys is None) != (second.keyed, second.odd, second.keys is None):
        return
    for left, right in _of_one_size(first, second):
        one = settle(left)
        for other in itertools.islice(renamings(left, right), _MOST_WAYS):
            two = settle(other)
            if _same_body(one, two):
                yield Alike(one.outputs, two.outputs, one.top == two.top)


def _of_one_size(first: Rel, second: Rel) -> Iterator[tuple[Rel, Rel]]:
    """Yield the two with as many joins: those that change nothing may go, from the larger and then from both."""
    pairs = (
        (left, right)
        for size in range(min(len(first.occs), len(second.occs)), 0, -1)
        for left in of_size(first, size)
        for right in of_size(second, size)
    )
    yield from itertools.islice(pairs, _MOST_PAIRS)


def of_size(rel: Rel, size: int) -> Iterator[Rel]:
    """Yield a relation with so many joins, without some of those that change nothing."""
    if len(rel.occs) == size:
        yield rel
    elif len(rel.occs) > size:
        for each in without_joins(rel, reliable.get()):
            yield from of_size(each, size)


reliable: ContextVar[Reliable] = ContextVar("reliable", default=Reliable())  # noqa: B039  (frozen)
"""What may be relied on while a certificate is looked at."""


def _same_body(one: Rel, two: Rel) -> bool:
    if one.keys != two.keys or _joins(one) != _joins(two):
        return False
    return same_conditions(one.conds, two.conds) and same_conditions(one.having, two.having)


def _joins(rel: Rel) -> dict[int, tuple[str, frozenset[Term]]]:
    return {occ.id: (occ.join, occ.on) for occ in rel.occs}


def renamings(first: Rel, second: Rel) -> Iterator[Rel]:
    """Yield the second relation with its occurrences called as those of the first, in each way that there is."""
    if len(first.occs) != len(second.occs):
        return
    for pairs in _pairings(first.occs, second.occs):
        names = dict(pairs)
        yield renamed(second, names)


Names = Mapping[int, tuple[int, Mapping[str, Term]]]
"""For an occurrence: the one that it is, and what its columns are there, where they are not called the same."""


def renamed(rel: Rel, names: Names) -> Rel:
    """Return a relation with other occurrences' names."""

    def change(term: Term) -> Term | None:
        if term[0] != "col" or term[1] not in names:
            return None
        number, columns = names[term[1]]
        return columns.get(term[2]) or (term[0], number, *term[2:])

    changed = mapped(rel, lambda term: map_term(term, change))
    return replace(changed, occs=tuple(replace(occ, id=names[occ.id][0]) for occ in changed.occs))


def _pairings(
    first: tuple[Occ, ...], second: tuple[Occ, ...]
) -> Iterator[list[tuple[int, tuple[int, Mapping[str, Term]]]]]:
    """Yield each way to pair the occurrences of two relations that are of the same table or query."""
    if not second:
        yield []
        return
    occ, rest = second[0], second[1:]
    for other in first:
        columns = _columns(other, occ)
        if columns is not None:
            left = tuple(each for each in first if each is not other)
            for pairs in _pairings(left, rest):
                yield [(occ.id, (other.id, columns)), *pairs]


def _columns(first: Occ, second: Occ) -> Mapping[str, Term] | None:
    """Return what the columns of one occurrence are in another; None where they are not of the same thing."""
    if first.version != second.version:
        return None
    a, b = first.source, second.source
    if isinstance(a, Rel | Union) and isinstance(b, Rel | Union):
        pairs = same_columns(a, b)
        if pairs is None:
            return None
        unlike = {name: ("col", first.id, f" unlike {name}", None, False) for name in b.names}
        return {**unlike, **{b.names[there]: _column(first.id, a, here) for there, here in pairs.items()}}
    if isinstance(a, TableName) or isinstance(b, TableName):
        return {} if a == b else None
    return {} if a == b else None  # VALUES and UNNEST, as they stand


def _column(number: int, relation: Relation, position: int) -> Term:
    kind = type_of(relation.outputs[position]) if isinstance(relation, Rel) else None
    return ("col", number, relation.names[position], kind, False)


def same_columns(first: Relation, second: Relation) -> Mapping[int, int] | None:
    """Return, for columns of the second relation, which of the first they are; None where the rows are not the same."""
    if isinstance(first, Union) or isinstance(second, Union):
        if not isinstance(first, Union) or not isinstance(second, Union) or not same(first, second):
            return None
        return {position: position for position in range(len(first.names))}
    for found in alike(first, second):
        if found.order:
            places = {there: _place(value, there, found.first) for there, value in enumerate(found.second)}
            return {there: here for there, here in places.items() if here is not None}
    return None


def _place(value: Term, there: int, values: tuple[Term, ...]) -> int | None:
    """Return where a value is among others: of several places the very same one, if that is one of them."""
    if there < len(values) and values[there] == value:
        return there
    return values.index(value) if value in values else None


def same(first: Relation, second: Relation) -> bool:
    """Tell whether two relations give the same rows, in the same order where one is asked for."""
    if isinstance(first, Union) and isinstance(second, Union):
        return (
            (first.op, first.top) == (second.op, second.top)
            and len(first.parts) == len(second.parts)
            and all(same(a, b) for a, b in zip(first.parts, second.parts, strict=True))
        )
    if isinstance(first, Rel) and isinstance(second, Rel):
        return any(found.order and found.first == found.second for found in alike(first, second))
    return False
