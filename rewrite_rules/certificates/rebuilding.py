"""Replace parts of terms; what results is simplified again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rewrite_rules.certificates.aggregates import aggregate
from rewrite_rules.certificates.conditions import (
    case,
    compare,
    conjunction,
    disjunction,
    is_null,
    is_true,
    negation,
    within,
)
from rewrite_rules.certificates.functions import call
from rewrite_rules.certificates.terms import KINDS, Term


def map_term(term: Term, change: Callable[[Term], Term | None]) -> Term:
    """Return a term with what `change` answers in the place of its parts, from the outside inwards; None: go on."""
    changed = change(term)
    if changed is not None:
        return changed
    return rebuilt(term, lambda each: map_term(each, change))


def rebuilt(term: Term, change: Callable[[Term], Term]) -> Term:
    """Return a term of the same kind over changed parts, simplified again."""
    kind = term[0]
    if kind in ("col", "const"):
        return term
    if kind == "cmp":
        return compare(term[1], change(term[2]), change(term[3]))
    if kind in ("and", "or"):
        return (conjunction if kind == "and" else disjunction)(change(each) for each in term[1])
    if kind == "not":
        return negation(change(term[1]))
    if kind == "null?":
        return is_null(change(term[1]))
    if kind == "istrue":
        return is_true(change(term[1]))
    if kind == "in":
        return within(change(term[1]), term[2])
    if kind == "case":
        return case([(change(c), change(v)) for c, v in term[1]], change(term[2]))
    if kind == "f":
        return call(term[1], tuple(change(each) for each in term[2:]))
    if kind == "agg":
        return aggregate(term[1], tuple(_deep(each, change) for each in term[2:]))
    return tuple(_deep(each, change) for each in term)


def _deep(value: Any, change: Callable[[Term], Term]) -> Any:
    if isinstance(value, tuple):
        if value and isinstance(value[0], str) and value[0] in KINDS:
            return change(value)
        return tuple(_deep(each, change) for each in value)
    if isinstance(value, frozenset):
        return frozenset(_deep(each, change) for each in value)
    return value


def substitute(term: Term, values: Mapping[Term, Term]) -> Term:
    """Return a term with columns replaced."""
    return map_term(term, lambda each: values.get(each) if each[0] == "col" else None) if values else term
