"""Joins that neither drop nor repeat a row, by facts that are known of the tables: such a join may go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from catalog.materialized_views import Facts, ForeignKey, Key
from catalog.objects import TableName
from rewrite_rules.certificates.conditions import is_null, negation
from rewrite_rules.certificates.rebuilding import map_term, substitute
from rewrite_rules.certificates.relations import Occ, Rel, mapped
from rewrite_rules.certificates.settling import classes, is_equality, uses
from rewrite_rules.certificates.terms import TRUE, Term


@dataclass(frozen=True, slots=True)
class Reliable:
    """The facts that may be relied on, at the versions and on the terms of one certificate."""

    keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    @staticmethod
    def of(facts: Facts, versions: Mapping[TableName, str], integrity: str) -> Reliable:
        """Leave out what is only declared, unless that is trusted, and what was found for other versions."""

        def holds(fact: Key | ForeignKey, *tables: TableName) -> bool:
            if integrity != "enforced" and fact.status == "declared":
                return True
            return fact.status == "verified" and all(
                name not in versions or facts.versions.get(name) == versions[name] for name in tables
            )

        return Reliable(
            tuple(key for key in facts.keys if holds(key, key.table)),
            tuple(key for key in facts.foreign_keys if holds(key, key.table, key.references)),
        )


def without_joins(rel: Rel, facts: Reliable) -> Iterator[Rel]:
    """Yield a relation without one of the joins that change nothing, for each of them."""
    for occ in rel.occs:
        if not isinstance(occ.source, TableName) or len(rel.occs) == 1 or occ.version is not None:
            continue
        ways = (_without_left,) if occ.join == "left" else (_without_twin, _without_inner)
        yield from (smaller for way in ways if (smaller := way(rel, occ, facts)) is not None)


def _without_left(rel: Rel, occ: Occ, facts: Reliable) -> Rel | None:
    """A left join by a unique key, or by none, keeps each row once; nothing above may look at what it adds."""
    if uses(rel, occ):
        return None
    if any(each[0] == "const" and each != TRUE for each in occ.on):
        return replace(rel, occs=tuple(each for each in rel.occs if each is not occ))  # no row ever finds a partner
    joined = {own[2] for own, _ in _equalities(occ.on, occ)}
    if not any(key.table == occ.source and set(key.columns) <= joined for key in facts.keys):
        return None
    return replace(rel, occs=tuple(each for each in rel.occs if each is not occ))


def _without_twin(rel: Rel, occ: Occ, facts: Reliable) -> Rel | None:
    """A table that is joined to itself by all columns of a key finds the very row: one mention of it is enough."""
    if any(each.join == "full" for each in rel.occs):
        return None
    equal = list(classes(rel.conds))
    for other in rel.occs:
        alike = (other.source, other.join, other.version) == (occ.source, "inner", None)
        if other is occ or not alike or occ.join != "inner":
            continue
        shared = {
            one[2]
            for members in equal
            for one in members
            if one[1] == occ.id and (*one[:1], other.id, *one[2:]) in members
        }
        if any(key.table == occ.source and set(key.columns) <= shared for key in facts.keys):
            return _as_one(rel, occ, other)
    return None


def _as_one(rel: Rel, occ: Occ, other: Occ) -> Rel:
    """Speak of one occurrence by the name of another that has the very row; what equals itself is not NULL."""

    def change(term: Term) -> Term | None:
        return (*term[:1], other.id, *term[2:]) if term[0] == "col" and term[1] == occ.id else None

    changed = mapped(
        replace(rel, occs=tuple(each for each in rel.occs if each is not occ)), lambda term: map_term(term, change)
    )
    itself = frozenset(each for each in changed.conds if is_equality(each) and each[2] == each[3])
    present = frozenset(negation(is_null(each[2])) for each in itself) - {TRUE}
    return replace(changed, conds=(changed.conds - itself) | present)


def _without_inner(rel: Rel, occ: Occ, facts: Reliable) -> Rel | None:
    """A foreign key finds exactly one row by the key that it refers to, where it is not NULL: that is what remains."""
    if occ.join != "inner" or any(each.join == "full" for each in rel.occs):
        return None
    equal = dict(_equalities(rel.conds, occ))
    for foreign in facts.foreign_keys:
        if foreign.references != occ.source or not _is_key(foreign, facts):
            continue
        smaller = _by(rel, occ, foreign, {own[2]: (own, other) for own, other in equal.items()})
        if smaller is not None:
            return smaller
    return None


def _by(rel: Rel, occ: Occ, foreign: ForeignKey, equal: Mapping[str, tuple[Term, Term]]) -> Rel | None:
    if any(name not in equal for name in foreign.referenced):
        return None
    others = [equal[name][1] for name in foreign.referenced]
    holder = next((each for each in rel.occs if each.id == others[0][1]), None)
    if holder is None or holder.source != foreign.table or holder.join == "full" or holder.version is not None:
        return None
    if [other[1:3] for other in others] != [(holder.id, name) for name in foreign.columns]:
        return None
    used = {equal[name][0] for name in foreign.referenced}
    changed = mapped(
        replace(rel, occs=tuple(each for each in rel.occs if each is not occ), conds=rel.conds - _stated(rel, used)),
        lambda term: substitute(term, {equal[name][0]: equal[name][1] for name in foreign.referenced}),
    )
    given = frozenset(negation(is_null(other)) for other in others) - {TRUE}
    return None if uses(changed, occ) else replace(changed, conds=changed.conds | given)


def _stated(rel: Rel, used: set[Term]) -> frozenset[Term]:
    return frozenset(each for each in rel.conds if each[:2] == ("cmp", "=") and set(each[2:]) & used)


def _is_key(foreign: ForeignKey, facts: Reliable) -> bool:
    return any(key.table == foreign.references and set(key.columns) <= set(foreign.referenced) for key in facts.keys)


def _equalities(conditions: frozenset[Term], occ: Occ) -> Iterator[tuple[Term, Term]]:
    """Yield (a column of the occurrence, a column of another) that conditions make equal."""
    for condition in conditions:
        if condition[:2] != ("cmp", "=") or condition[2][0] != "col" or condition[3][0] != "col":
            continue
        for own, other in ((condition[2], condition[3]), (condition[3], condition[2])):
            if own[1] == occ.id and other[1] != occ.id:
                yield own, other
