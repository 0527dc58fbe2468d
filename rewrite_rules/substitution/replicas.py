"""Replicas: a query of any shape whose tables all have a view that holds them whole is read from those views alone.

Nothing of the query is laid over anything: only what policy lets through of each table is, so ROLLUP, windows and
correlated subqueries stay as they are. It is worth that only where no table is left: the engine of the views then runs
the whole.
"""

from __future__ import annotations

from functools import partial

from sqlglot import exp

from rewrite_rules.substitution.bases import names_read
from rewrite_rules.substitution.blocks_of import is_barrier
from rewrite_rules.substitution.exact import shown_by
from rewrite_rules.substitution.frames import Answer
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Terms
from rewrite_rules.substitution.scans import scan_name
from rewrite_rules.substitution.trying import answers

MOST_TABLES = 64
"""A query that mentions more tables is looked at no further."""


def over_replicas(tree: exp.Expr, index: ViewIndex, ground: Ground, terms: Terms) -> dict[int, Answer] | None:
    """Return an answer from a replica for each mention of a table, by its place; None where a table has none."""
    if not index.holds_whole(names_read(tree)):
        return None
    places = [(place, node) for place, node in enumerate(tree.walk()) if _is_base(node)]
    if not 0 < len(places) <= MOST_TABLES or len(places) != _mentions(tree):
        return None
    found: dict[int, Answer] = {}
    for number, (place, barrier) in enumerate(places):
        columns, scan = partial(shown_by, barrier), scan_name(number)
        given, _ = answers(barrier, columns, index.replicas, ground, terms, scan, enough=1, tell=False)
        if not given or given[0].rest:
            return None
        found[place] = given[0]
    return found


def _is_base(node: exp.Expr) -> bool:
    return isinstance(node, exp.Select) and is_barrier(node)


def _mentions(tree: exp.Expr) -> int:
    """Return how often base tables are mentioned: each mention must stand behind a barrier of its own."""
    return sum("table" in node.meta for node in tree.find_all(exp.Table))
