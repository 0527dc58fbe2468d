"""Groups of which some rows count: those are left that have such rows, and each aggregate asks for these alone.

Then the others may as well be left out before: it is the same query over the rows that meet the condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rewrite_rules.certificates.aggregates import SKIP_NULLS, aggregate
from rewrite_rules.certificates.conditions import case, conjunction, is_true
from rewrite_rules.certificates.functions import call
from rewrite_rules.certificates.logic import entails
from rewrite_rules.certificates.relations import conjuncts
from rewrite_rules.certificates.terms import TRUE, ZERO, Term, Unclear, has_aggregate

_ONE = 1


def chosen(conditions: Iterable[Term], shown: Mapping[Term, Term]) -> tuple[Term, Term] | None:
    """Return the one condition that asks for groups with rows that meet another, and that other; None for none."""
    found = [(each, rows) for each in conditions if (rows := _counted(each, shown)) is not None]
    return found[0] if len(found) == 1 else None


def _counted(condition: Term, shown: Mapping[Term, Term]) -> Term | None:
    """Return which rows a count is of that must be greater than 0, or 1 at least."""
    if condition[0] != "cmp" or condition[1] not in ("<", "<=") or condition[2][0] != "const":
        return None
    least = ZERO if condition[1] == "<" else ZERO + _ONE
    number = shown.get(condition[3])
    if condition[2][2] != least or number is None or number[:2] != ("agg", "countif"):
        return None
    return number[2]  # type: ignore[no-any-return]  # a term is a nested tuple


def rows_of(condition: Term) -> frozenset[Term]:
    """Return a condition as those that WHERE lets the same rows through by."""
    return frozenset(each[1] if each[0] == "istrue" else each for each in conjuncts(condition))


def among(made: Term, condition: Term) -> Term:
    """Return an aggregate that asks only for rows that meet a condition, over those rows. Raises Unclear."""
    if made[0] == "f":
        return call(made[1], tuple(among(each, condition) if has_aggregate(each) else each for each in made[2:]))
    if made[0] != "agg":
        raise Unclear("what is computed of aggregates over some rows")
    name = made[1]
    if name == "countif" and entails((made[2],), condition):
        return aggregate(name, (_left(made[2], condition),))
    if name == "count?" and entails((made[3],), condition) and (made[2] == TRUE or entails((made[2],), condition)):
        return aggregate(name, tuple(_left(each, condition) for each in made[2:]))
    if name not in SKIP_NULLS:
        raise Unclear(f"{name} over other rows as well")
    return aggregate(name, (_shown(made[2], condition), *made[3:]))


def _shown(value: Term, condition: Term) -> Term:
    """Return CASE that is NULL wherever a condition is not met, as it is where that is. Raises Unclear."""
    if value[0] == "const" and value[2] is None:
        return value
    if value[0] != "case":
        raise Unclear("a value of other rows as well")
    branches = []
    for when, inner in value[1]:
        held = is_true(when)
        sure = entails((held,), condition)
        branches.append((_left(held, condition), inner) if sure else (when, _shown(inner, condition)))
    return case(branches, _shown(value[2], condition))


def _left(condition: Term, known: Term) -> Term:
    """Return what a condition asks besides what is known to be true."""
    return conjunction(each for each in conjuncts(condition) if not entails((known,), each))
