"""Find nodes by their class: what passes over a whole tree do most, and so in the quickest way there is."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.node_kinds import Kinds

_FLAT: Kinds = frozenset({exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Var})
"""Nodes without children; a half of most trees."""


def find_nodes(tree: exp.Expr, kinds: Kinds) -> list[exp.Expr]:
    """Return all nodes of a tree that are of these very classes; whoever holds others stands before them."""
    found: list[exp.Expr] = []
    stack = [tree]
    take, push, pop = found.append, stack.append, stack.pop
    flat = _FLAT - kinds
    while stack:
        node = pop()
        if node.__class__ in kinds:
            take(node)
        for value in reversed(node.args.values()):
            if value.__class__ is list:
                for child in reversed(value):
                    if child.__class__ not in flat and isinstance(child, exp.Expr):
                        push(child)
            elif value.__class__ not in flat and isinstance(value, exp.Expr):
                push(value)
    return found
