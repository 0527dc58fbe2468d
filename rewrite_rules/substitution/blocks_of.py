"""The blocks of a tree: every query in it that could be answered by itself, from the outside in."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from rewrite_rules.substitution.spelling import copied

MOST_BLOCKS = 24
"""A statement of more queries than this is looked at no further."""


def outermost(tree: exp.Expr) -> exp.Expr:
    """Return the query inside of brackets that add nothing."""
    while isinstance(tree, exp.Subquery) and not any(value for name, value in tree.args.items() if name != "this"):
        tree = tree.this
    return tree


def queries_in(query: exp.Expr) -> Iterator[exp.Query]:
    """Yield the queries that stand directly inside of one: in its relations, its WITH, its branches, its values."""
    stack = [child for child in query.iter_expressions() if isinstance(child, exp.Expr)]
    while stack:
        node = stack.pop(0)
        if isinstance(node, exp.Select | exp.SetOperation):
            yield node
        else:
            stack.extend(node.iter_expressions())


def is_barrier(query: exp.Expr) -> bool:
    """Tell whether a query is what policy lets through of one table; no caller wrote it."""
    source = query.args.get("from_")
    return source is not None and isinstance(source.this, exp.Table) and "table" in source.this.meta


def place_of(tree: exp.Expr, query: exp.Expr) -> int:
    """Return where a query stands in the order of a tree's nodes: the same place in every copy of the tree."""
    return next(place for place, node in enumerate(tree.walk()) if node is query)


def with_replaced(tree: exp.Expr, places: dict[int, exp.Expr]) -> exp.Expr:
    """Copy a tree with other queries in some places."""
    twin = copied(tree)
    found = {place: node for place, node in enumerate(twin.walk()) if place in places}
    for place, node in found.items():
        if node is twin:
            return places[place]
        node.replace(places[place])
    return twin
