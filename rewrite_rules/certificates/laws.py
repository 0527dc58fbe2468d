"""The laws by which nested queries are one: each is stated where it is used, and none guesses. What no law takes apart
stays as it is, and is then compared as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from rewrite_rules.certificates import choosing
from rewrite_rules.certificates.aggregates import compose, settled
from rewrite_rules.certificates.conditions import compare
from rewrite_rules.certificates.functions import number
from rewrite_rules.certificates.merging import merged
from rewrite_rules.certificates.rebuilding import map_term, substitute
from rewrite_rules.certificates.relations import Occ, Rel, Relation, Union, conjuncts, mapped
from rewrite_rules.certificates.settling import INEXACT
from rewrite_rules.certificates.terms import (
    FALSE,
    TRUE,
    Term,
    Unclear,
    columns_of,
    has_aggregate,
    has_window,
    is_volatile,
    type_of,
    walk,
)


def apply(rel: Rel) -> Relation:
    """Return a relation with all laws applied that can be."""
    rel = _with_rows(rel)
    while True:
        changed = _once(rel)
        if not isinstance(changed, Rel):
            return changed
        if changed is rel:
            return _tidy(rel)
        rel = changed


def _once(rel: Rel) -> Relation:
    for position, occ in enumerate(rel.occs):
        source = occ.source
        if isinstance(source, Rel) and not source.volatile:
            for law in (_select_over_groups, _groups_over_groups, _columns_of_a_query):
                changed = law(rel, position, occ, source)
                if changed is not None:
                    return changed
    if len(rel.occs) == 1 and isinstance(rel.occs[0].source, Union):
        return _over_a_union(rel, rel.occs[0], rel.occs[0].source)
    return rel


def shown(occ: Occ, source: Relation) -> dict[Term, Term]:
    """Return what each column of an occurrence stands for."""
    if isinstance(source, Union):
        return {}
    return {column(occ.id, name, value): value for name, value in zip(source.names, source.outputs, strict=True)}


def column(occurrence: int, name: str, value: Term | None = None) -> Term:
    """Return the column that an occurrence of a query shows; its type is the value's."""
    return ("col", occurrence, name, None if value is None else type_of(value), False)


def _select_over_groups(rel: Rel, position: int, occ: Occ, source: Rel) -> Rel | None:
    """A selection of groups is HAVING; what is computed of them is computed of the aggregates."""
    if not source.grouped or rel.keys is not None or rel.odd or len(rel.occs) > 1:
        return None
    if any(map(is_volatile, rel.terms())) or any(map(has_window, rel.conds)):
        return None
    values = shown(occ, source)
    changed = mapped(rel, lambda term: substitute(term, values))
    return replace(
        changed,
        occs=source.occs,
        conds=source.conds,
        keys=source.keys,
        keyed=source.keyed,
        having=source.having | _parts(changed.conds),
    )


def _groups_over_groups(rel: Rel, position: int, occ: Occ, source: Rel) -> Rel | None:
    """Groups of groups are groups of rows, where other tables are joined by keys only and each aggregate allows it.

    Every row of an inner group has the group's keys: it passes the same conditions, meets the same rows of other tables
    and falls into the same outer group.
    """
    if not source.grouped or source.having or rel.keys is None or rel.odd or occ.join != "inner":
        return None
    if any(each.join == "full" for each in rel.occs) or any(map(is_volatile, rel.terms())):
        return None
    if not source.keyed and (rel.keyed or len(rel.occs) > 1 or rel.conds - {FALSE}):
        return None  # the one row that is there without rows is left out by what is never true alone
    values = shown(occ, source)
    measures = {name for name, value in values.items() if has_aggregate(value)}
    some = choosing.chosen(rel.conds, values) if source.keyed else None
    if some is not None:
        rel = replace(rel, conds=rel.conds - {some[0]})
    rows = [*rel.conds, *(rel.keys or ()), *(term for each in rel.occs for term in each.on)]
    if columns_of(rows) & measures or _bare(rel) & measures:
        return None

    def change(term: Term) -> Term | None:
        if term[:2] == ("x", "Query"):
            return substitute(term, values)  # its aggregates are of its own groups
        if term[0] != "agg":
            return values.get(term)
        made = _composed(term, values, filled=source.keyed)
        return choosing.among(made, some[1]) if some is not None and columns_of([term]) & measures else made

    try:
        changed = mapped(rel, lambda term: map_term(term, change))
    except Unclear:
        return None
    others = tuple(each for each in changed.occs if each.id != occ.id)
    before, after = others[:position], others[position:]
    conds = source.conds | _parts(changed.conds) | (choosing.rows_of(some[1]) if some is not None else frozenset())
    return replace(changed, occs=(*before, *source.occs, *after), conds=conds)


def _composed(term: Term, values: dict[Term, Term], *, filled: bool) -> Term:
    return compose(term, lambda each: substitute(each, values), filled=filled)


def _bare(rel: Rel) -> set[Term]:
    """Return the columns that stand outside of aggregates in outputs, HAVING and ORDER BY."""
    hidden: Term = ("const", None, None)
    terms = [*rel.outputs, *rel.having, *(value for value, _, _ in rel.top.order)]
    return columns_of(map_term(term, lambda each: hidden if each[0] == "agg" else None) for term in terms)


def _columns_of_a_query(rel: Rel, position: int, occ: Occ, source: Rel) -> Rel | None:
    """A query that only picks columns of another is that other with fewer columns; it may sort as that one does."""
    if source.plain or source.grouped or rel.keys is not None or rel.conds or rel.odd or len(rel.occs) > 1:
        return None
    values = shown(occ, source)
    order = tuple((substitute(value, values), down, first) for value, down, first in rel.top.order)
    if rel.top and replace(source.top, limit=None, offset=None) != replace(rel.top, order=order):
        return None
    if any(each not in values for each in rel.outputs):
        return None
    return replace(source, names=rel.names, outputs=tuple(values[each] for each in rel.outputs))


def _over_a_union(rel: Rel, occ: Occ, union: Union) -> Relation:
    """What is asked of a union of disjoint parts is asked of each; `merging` puts the parts together again."""
    if union.top or rel.odd or any(map(is_volatile, rel.terms())):
        return rel
    if union.op != "UNION ALL":
        return _picked(rel, occ, union)
    parts = []
    for part in union.parts:
        own = apply(splice(rel, occ, replace(part, names=union.names)))
        if not isinstance(own, Rel) or any(isinstance(each.source, Rel | Union) for each in own.occs):
            return rel
        parts.append(own)
    whole = merged(tuple(parts))
    return _picked(rel, occ, union) if whole is None else whole


def _picked(rel: Rel, occ: Occ, union: Union) -> Relation:
    """All columns of a union, in some order, are the union of its parts with their columns in that order."""
    columns = {column(occ.id, name): position for position, name in enumerate(union.names)}
    order = [columns.get(each) for each in rel.outputs]
    if (
        rel.keys is not None
        or rel.conds
        or sorted(each for each in order if each is not None) != list(columns.values())
    ):
        return rel
    if any(not isinstance(part, Rel) for part in union.parts):
        return rel
    parts = tuple(
        replace(part, outputs=tuple(part.outputs[cast(int, each)] for each in order))
        for part in union.parts
        if isinstance(part, Rel)
    )
    places: dict[Term, Term] = {each: ("x", "output", at) for at, each in enumerate(rel.outputs)}
    ordered = tuple((substitute(value, places), down, first) for value, down, first in rel.top.order)
    return replace(union, names=rel.names, parts=parts, top=replace(rel.top, order=ordered))


def splice(rel: Rel, occ: Occ, source: Relation) -> Rel:
    """Return a relation over `source` in an occurrence's place; written out, where it is plain."""
    names = source.names
    if isinstance(source, Rel) and source.plain:
        values = {column(occ.id, name): value for name, value in zip(names, source.outputs, strict=True)}
        changed = mapped(rel, lambda term: substitute(term, values))
        return replace(changed, occs=source.occs, conds=_parts(changed.conds) | source.conds)
    if isinstance(source, Rel):
        typed = {
            column(occ.id, name): column(occ.id, name, value) for name, value in zip(names, source.outputs, strict=True)
        }
        rel = mapped(rel, lambda term: substitute(term, typed))
    return replace(rel, occs=tuple(replace(each, source=source) if each.id == occ.id else each for each in rel.occs))


def _parts(conditions: frozenset[Term]) -> frozenset[Term]:
    return frozenset(part for each in conditions for part in conjuncts(each)) - {TRUE}


def _tidy(rel: Rel) -> Rel:
    """Leave one form of what groups: conditions on keys are WHERE, HAVING count(*) > 0 is a group that has rows.

    A key that is computed from other keys, or from none, tells no rows apart.
    """
    rel = replace(rel, conds=_parts(rel.conds), having=_parts(rel.having))
    if rel.keys is None or rel.odd:
        return rel
    rel = _with_rows(replace(rel, keys=_telling(rel.keys)))
    if rel.keyed:
        rel = mapped(rel, lambda term: map_term(term, _settle))
        early = frozenset(each for each in rel.having if not has_aggregate(each))
        rel = replace(rel, conds=rel.conds | _parts(early), having=_parts(rel.having - early))
    return rel


def _telling(keys: frozenset[Term]) -> frozenset[Term]:
    plain = {each for each in keys if each[0] == "col"}
    return frozenset(each for each in keys if each in plain or not _is_computed(each, plain))


def _is_computed(key: Term, columns: set[Term]) -> bool:
    """Tell whether a key is the same wherever some columns are."""
    if is_volatile(key) or any(each[0] == "x" for each in walk(key)):
        return False
    used = columns_of([key])
    return used <= columns and all((kind := type_of(each)) is not None and kind.base not in INEXACT for each in used)


def _with_rows(rel: Rel) -> Rel:
    """HAVING count(*) > 0 asks that there be rows, of whatever the groups are made."""
    if rel.keys is None or not rel.having & _HAS_ROWS:
        return rel
    return replace(rel, keyed=True, having=rel.having - _HAS_ROWS)


def _settle(term: Term) -> Term | None:
    if term[:2] == ("x", "Query"):
        return term
    changed = settled(term)
    return None if changed is term else changed


_ALL: tuple[Term, ...] = (("agg", "countif", TRUE), ("agg", "count?", TRUE, TRUE))
_HAS_ROWS = frozenset(
    each for all_ in _ALL for each in (compare("<", number("0"), all_), compare("<=", number("1"), all_))
)
