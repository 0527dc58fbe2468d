"""Subqueries inside expressions, as terms: their own occurrences get names that depend on their place alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from catalog.objects import TableName
from rewrite_rules.certificates.facts import without_joins
from rewrite_rules.certificates.logic import entails
from rewrite_rules.certificates.matching import reliable
from rewrite_rules.certificates.rebuilding import map_term
from rewrite_rules.certificates.relations import Occ, Rel, Relation, Union
from rewrite_rules.certificates.terms import Term, walk


def as_term(relation: Relation) -> Term:
    """Return a query as a term, in as few words as it takes; columns of the queries around it stay as they are."""
    relation = _plainer(relation)
    written = _written(relation)
    own = _declared(relation)
    level = 1 + max((_level(each) for each in walk(written) if each[:2] == ("x", "Query")), default=0)
    names = {number: f"q{level}.{place}" for place, number in enumerate(own)}

    def rename(term: Term) -> Term | None:
        if term[0] == "col" and term[1] in names:
            return (term[0], names[term[1]], *term[2:])
        return None

    return ("x", "Query", ("level", str(level)), map_term(written, rename))


def _plainer(relation: Relation) -> Relation:
    """Return a query without joins that change nothing, and without conditions that always hold."""
    if isinstance(relation, Union):
        return replace(relation, parts=tuple(map(_plainer, relation.parts)))
    fewer = next(without_joins(relation, reliable.get()), None)
    if fewer is not None:
        return _plainer(fewer)
    return replace(relation, conds=frozenset(each for each in relation.conds if not entails((), each)))


def _level(term: Term) -> int:
    return int(term[2][1]) if isinstance(term[2], tuple) and term[2][0] == "level" else 0


def _declared(relation: Relation) -> list[Any]:
    """Return the occurrences of a query and of those within it, in the order of mention."""
    if isinstance(relation, Union):
        return [number for part in relation.parts for number in _declared(part)]
    found: list[Any] = []
    for occ in relation.occs:
        if isinstance(occ.source, Rel | Union):
            found.extend(_declared(occ.source))
        found.append(occ.id)
    return found


def _written(relation: Relation) -> Term:
    top = (relation.top.order, str(relation.top.limit), str(relation.top.offset))
    if isinstance(relation, Union):
        return ("x", "Query", ("op", relation.op), tuple(_written(part) for part in relation.parts), top)
    shape = (str(relation.keyed), str(relation.odd), "flat" if relation.keys is None else "grouped")
    occs = tuple(_occurrence(occ) for occ in relation.occs)
    return (
        "x",
        "Query",
        ("shape", shape),
        relation.outputs,
        occs,
        relation.conds,
        relation.keys or frozenset(),
        relation.having,
        top,
    )


def _occurrence(occ: Occ) -> Term:
    if isinstance(occ.source, Rel | Union):
        source: Any = _written(occ.source)
    else:
        source = ("text", *occ.source) if isinstance(occ.source, TableName) else occ.source
    return ("x", "Occurrence", source, ("join", occ.join), occ.on, ("version", str(occ.version)))
