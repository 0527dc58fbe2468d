"""Conditions: what becomes of each one of a query's, and of each filter of a view, when the view answers the query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from rewrite_rules.substitution.blocks import Condition
from rewrite_rules.substitution.express import Reader
from rewrite_rules.substitution.implication import Premises, implies
from rewrite_rules.substitution.nested import Nested, holds_query


@dataclass(slots=True)
class Sorted:
    """A query's conditions by what becomes of them."""

    implied: list[tuple[Condition, str]] = field(default_factory=list)
    """By the view's own filter; with the proof."""
    compensated: list[tuple[Condition, exp.Expr]] = field(default_factory=list)
    """By a condition over the view's columns."""
    above: list[Condition] = field(default_factory=list)
    """They speak of relations that are joined to the view, or ask them in subqueries."""
    open: list[Condition] = field(default_factory=list)
    """They cannot be told from what the view shows."""


def sort(
    conditions: Sequence[Condition], view: Premises, reader: Reader, nested: Nested, others: frozenset[str]
) -> Sorted:
    """Say what becomes of a query's conditions.

    `view` is what all rows of the view meet, `reader` writes over its columns (and relies on nothing that the query
    alone demands), `nested` subqueries as well; `others` are the aliases of relations beside it.
    """
    found = Sorted()
    for condition in conditions:
        proof = implies(view, condition.value)
        if proof is not None:
            found.implied.append((condition, proof))
        elif others & aliases_of([condition.value]):
            found.above.append(condition)
        else:
            written = reader.write(condition.value)
            if written is not None:
                found.compensated.append((condition, written))
            elif not condition.policed and holds_query(condition.value) and nested.write(condition.value) is not None:
                found.above.append(condition)
            else:
                found.open.append(condition)
    return found


def unproved(filters: Iterable[exp.Expr], query: Premises) -> tuple[list[exp.Expr], list[str]]:
    """Return the filters of a view that a query's conditions do not imply, and the proofs for those they do."""
    gaps, proofs = [], []
    for each in filters:
        proof = implies(query, each)
        if proof is None:
            gaps.append(each)
        else:
            proofs.append(proof)
    return gaps, proofs


def aliases_of(values: Iterable[exp.Expr]) -> frozenset[str]:
    """Return the occurrences that values speak of."""
    return frozenset(column.table for value in values for column in value.find_all(exp.Column))
