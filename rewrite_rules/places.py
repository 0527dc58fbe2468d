"""Where a query compares and where it shows: found in one walk, for the passes that look at constants and failures."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.node_kinds import kinds_of
from rewrite_rules.finding import find_nodes

_QUERIES = kinds_of(exp.Select, exp.Values)
_PLACES = _QUERIES | kinds_of(exp.Where, exp.Having, exp.Join)


@dataclass(frozen=True, slots=True)
class Places:
    """The conditions of a query and of those in it, what joins compare by USING, and all that show columns."""

    conditions: tuple[exp.Expr, ...]
    names: frozenset[str]
    """Folded names of USING."""
    queries: tuple[exp.Expr, ...]
    """SELECT and VALUES."""


def places_of(tree: exp.Expr) -> Places:
    """Find the places of a query; they hold until the tree is changed."""
    conditions: list[exp.Expr] = []
    names: set[str] = set()
    queries: list[exp.Expr] = []
    for node in find_nodes(tree, _PLACES):
        if node.__class__ in _QUERIES:
            queries.append(node)
            continue
        condition = node.args.get("on") if isinstance(node, exp.Join) else node.this
        if condition is not None:
            conditions.append(condition)
        if isinstance(node, exp.Join):
            names.update(column.name.casefold() for column in node.args.get("using") or ())
    return Places(tuple(conditions), frozenset(names), tuple(queries))
