"""Settle a relation: what its conditions say of columns is written into everything above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from catalog.types import VARCHAR, TrinoType
from rewrite_rules.certificates.conditions import compare, conjunction, rejects
from rewrite_rules.certificates.logic import entails
from rewrite_rules.certificates.rebuilding import map_term, substitute
from rewrite_rules.certificates.relations import Occ, Rel, conjuncts, mapped
from rewrite_rules.certificates.terms import TRUE, Term, columns_of

INEXACT = frozenset({"double", "real", "char", "timestamp with time zone", "time with time zone"})
"""Equal values of these are not the same to every function: NaN, negative zero, blanks at the end, another zone."""


def settle(rel: Rel) -> Rel:
    """Return a relation with outer joins that lose their extended rows as inner ones, equal columns under one name, and
    columns that are fixed to a constant as that, and counts of what all its rows have as counts of its rows.
    """
    rel = _inner(rel)
    rel = _equated(rel)
    return _counted(_fixed(rel))


# --- Outer joins -------------------------------------------------------------------------------------------------


def _inner(rel: Rel) -> Rel:
    """A row of an outer join that found no partner has only NULLs there: conditions that NULL fails drop it."""
    if any(occ.join == "full" for occ in rel.occs):
        return rel
    needed = {column[1] for condition in rel.conds for column in rejects(condition)}
    found = [occ for occ in rel.occs if occ.join == "left" and occ.id in needed]
    if not found:
        return rel
    strict = {occ.id: occ.strict for occ in found}
    turned = frozenset(condition for occ in found for condition in occ.on)
    occs = tuple(replace(occ, join="inner", on=frozenset()) if occ.id in strict else occ for occ in rel.occs)

    def restore(term: Term) -> Term:
        return map_term(term, lambda each: _flagged(each, strict) if each[0] == "col" else None)

    changed = mapped(replace(rel, occs=occs, conds=rel.conds | turned), restore)
    return _inner(replace(changed, conds=_flat(changed.conds)))


def _flagged(column: Term, strict: dict[int, frozenset[str]]) -> Term:
    return (*column[:4], column[2] in strict[column[1]]) if column[1] in strict else column


# --- Equal columns -----------------------------------------------------------------------------------------------


def _equated(rel: Rel) -> Rel:
    found = list(classes(rel.conds))
    if not found:
        return rel
    names = {member: min(members, key=repr) for members in found for member in members}
    kept = frozenset(each for each in rel.conds if not is_equality(each))
    changed = mapped(replace(rel, conds=kept), lambda term: substitute(term, names))
    stated = {compare("=", names[member], member) for members in found for member in members if names[member] != member}
    return replace(changed, conds=_flat(changed.conds) | stated)


def classes(conditions: Iterable[Term]) -> Iterator[frozenset[Term]]:
    """Yield the sets of columns that conditions make equal."""
    joined: dict[Term, set[Term]] = {}
    for condition in conditions:
        if is_equality(condition):
            left, right = condition[2], condition[3]
            both = joined.get(left, {left}) | joined.get(right, {right})
            joined.update(dict.fromkeys(both, both))
    seen: set[int] = set()
    for members in joined.values():
        if id(members) not in seen:
            seen.add(id(members))
            yield frozenset(members)


def is_equality(condition: Term) -> bool:
    """Tell whether a condition makes two columns equal, of types whose equal values are the same value."""
    if condition[:2] != ("cmp", "=") or condition[2][0] != "col" or condition[3][0] != "col":
        return False
    kind, other = condition[2][3], condition[3][3]
    return isinstance(kind, TrinoType) and kind == other and kind.base not in INEXACT


# --- Constants ---------------------------------------------------------------------------------------------------


def _fixed(rel: Rel) -> Rel:
    values: dict[Term, Term] = {}
    for column, value in (said for condition in rel.conds for said in _says(condition)):
        # Of values that contradict one another it takes the same one in every relation: none of these has rows.
        values[column] = min(values.get(column, value), value, key=repr)
    if not values or rel.odd:
        return rel
    conds = rel.conds
    changed = mapped(replace(rel, conds=frozenset()), lambda term: substitute(term, values))
    keys = changed.keys
    if keys is not None:
        keys = frozenset(each for each in keys if each[0] != "const")
    others = frozenset(each if any(True for _ in _says(each)) else substitute(each, values) for each in conds)
    return replace(changed, conds=_flat(others), keys=keys)


def _says(condition: Term) -> Iterator[tuple[Term, Term]]:
    """Yield a column and the value that a condition fixes it to."""
    if condition[:2] == ("cmp", "=") and condition[2][0] == "col" and condition[3][0] == "const":
        column, constant = condition[2], condition[3]
        kind = column[3]
        if isinstance(kind, TrinoType) and kind.base not in INEXACT and constant[2] is not None:
            yield column, ("const", VARCHAR if kind.base == "varchar" else kind, constant[2])
    elif condition[0] == "null?" and condition[1][0] == "col":
        kind = condition[1][3]
        if isinstance(kind, TrinoType):
            yield condition[1], ("const", VARCHAR if kind.base == "varchar" else kind, None)


def _flat(conditions: Iterable[Term]) -> frozenset[Term]:
    return frozenset(part for each in conditions for part in conjuncts(each)) - {TRUE}


# --- Counts ------------------------------------------------------------------------------------------------------


def _counted(rel: Rel) -> Rel:
    """A count asks only what the conditions on the rows do not say already."""
    if rel.keys is None or rel.odd or not rel.conds:
        return rel

    def change(term: Term) -> Term | None:
        if term[:2] == ("x", "Query"):
            return term
        if term[:2] not in (("agg", "countif"), ("agg", "count?")):
            return None
        return (*term[:2], *(_unsaid(each, rel.conds) for each in term[2:]))

    return mapped(rel, lambda term: map_term(term, change))


def _unsaid(condition: Term, said: frozenset[Term]) -> Term:
    return conjunction(each for each in conjuncts(condition) if not entails(said, each))


# --- Joins that change nothing -----------------------------------------------------------------------------------


def uses(rel: Rel, occ: Occ) -> list[Term]:
    """Return the terms of a relation, other than an occurrence's own join condition, that speak of its columns."""
    return [
        term for term in rel.terms() if term not in occ.on and any(column[1] == occ.id for column in columns_of([term]))
    ]
