"""How alike an answer can be at best, by what its aggregates are over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from catalog.materialized_views import GRADES, Grade
from rewrite_rules.certificates.rebuilding import map_term
from rewrite_rules.certificates.relations import Rel, Relation, Union, mapped
from rewrite_rules.certificates.terms import Term, type_of, walk

_ADDS = frozenset({"sum", "avg", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "corr"})
_ADDS |= {"covar_pop", "covar_samp", "regr_slope", "regr_intercept", "geometric_mean", "skewness", "kurtosis"}
_SKETCHES = frozenset({"approx_distinct", "approx_percentile", "approx_set", "merge", "approx_most_frequent"})
_SKETCHES |= {"numeric_histogram", "qdigest_agg", "tdigest_agg"}


def laxer(first: Grade, second: Grade) -> Grade:
    """Return the laxer of two grades."""
    return max(first, second, key=GRADES.index)


def laxest(grades: Iterable[Grade]) -> Grade:
    """Return the laxest grade; exact where there is none."""
    found: Grade = "exact"
    for grade in grades:
        found = laxer(found, grade)
    return found


def grade_of(term: Term) -> Grade:
    """Return the best grade that a term's aggregates allow, when they are put together from parts."""
    return laxest(_grade(each) for each in walk(term) if each[0] == "agg")


def _grade(aggregate: Term) -> Grade:
    name = aggregate[1].removeprefix("distinct ")
    if name in _SKETCHES:
        return "approximate"
    if name not in _ADDS:
        return "exact"
    kind = type_of(aggregate[2]) if name in ("sum", "avg") else None
    return "exact" if kind is not None and kind.base not in ("double", "real") else "float"


def exactly(relation: Relation) -> Relation:
    """Return a query with exact counts in the place of approximate ones, which those are answers of, too."""
    if isinstance(relation, Union):
        return replace(relation, parts=tuple(map(exactly, relation.parts)))
    occs = tuple(
        replace(occ, source=exactly(occ.source)) if isinstance(occ.source, Rel | Union) else occ
        for occ in relation.occs
    )
    return mapped(replace(relation, occs=occs), lambda term: map_term(term, _exact))


def _exact(term: Term) -> Term | None:
    return ("agg", "distinct", term[2]) if term[:2] == ("agg", "approx_distinct") else None


def grades_of(relation: Relation) -> tuple[Grade, ...]:
    """Return the best grade of each output, through the queries that it comes from."""
    if isinstance(relation, Union):
        columns = [grades_of(part) for part in relation.parts]
        return tuple(laxest(each) for each in zip(*columns, strict=True))
    return tuple(_through(value, relation) for value in relation.outputs)


def _through(term: Term, rel: Rel) -> Grade:
    found = [grade_of(term)]
    inner = {occ.id: occ.source for occ in rel.occs if isinstance(occ.source, Rel | Union)}
    for each in walk(term):
        if each[0] == "col" and each[1] in inner:
            source = inner[each[1]]
            found.append(grades_of(source)[source.names.index(each[2])])
    return laxest(found)
