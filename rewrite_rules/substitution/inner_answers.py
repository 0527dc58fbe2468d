"""Answers within answers: a subquery that stands above a scan may be answered from views itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from rewrite_rules.substitution.blocks_of import is_barrier, queries_in, with_replaced
from rewrite_rules.substitution.frames import Answer
from rewrite_rules.substitution.spelling import copied


@dataclass(frozen=True, slots=True)
class Inside:
    """Where a query stands that an answer to the query around it still holds."""

    around: int
    """The place of the query that is answered."""
    number: int
    """The query's own, by which its copies are known."""


def still_there(query: exp.Expr, answers: Sequence[Answer]) -> Iterator[exp.Expr]:
    """Yield the queries within a query that stand in some answer to it, other than the barriers of tables."""
    numbers = {number for each in answers for node in each.select.find_all(exp.Select) if (number := number_of(node))}
    yield from _numbered(query, numbers) if numbers else ()


def _numbered(query: exp.Expr, numbers: set[int]) -> Iterator[exp.Expr]:
    for inner in queries_in(query):
        if number_of(inner) not in numbers:
            yield from _numbered(inner, numbers)
        elif not is_barrier(inner):
            yield inner


def number_of(node: exp.Expr) -> int | None:
    """Return the number by which copies of a SELECT are known."""
    found = node.meta.get("relation_id")
    return int(found) if isinstance(node, exp.Select) and found is not None else None


def put_together(
    tree: exp.Expr, choice: Mapping[int, Answer], inside: Mapping[int, Inside]
) -> tuple[exp.Expr, dict[int, Answer]]:
    """Return a tree with answers in the place of its queries, and the answers of the choice that stand in it."""
    made: dict[int, exp.Expr] = {}
    for place in sorted(choice):  # what is around comes first
        answer, within = copied(choice[place].select), inside.get(place)
        if within is None or within.around not in choice:
            made[place] = answer
            continue
        found = next(
            (node for each in made.values() for node in _selects(each) if number_of(node) == within.number), None
        )
        if found is not None:
            found.replace(answer)
            made[place] = answer
    outermost = {place: node for place, node in made.items() if node.parent is None}
    return with_replaced(tree, outermost), {place: choice[place] for place in made}


def _selects(tree: exp.Expr) -> list[exp.Select]:
    return list(tree.find_all(exp.Select))
