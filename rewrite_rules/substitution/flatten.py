"""Flatten: one SELECT of a typed tree in the canonical form, see `blocks`.

The tree is resolved and analyzed over raw base tables; each query gives one block. What a derived table, a barrier or
a common table expression adds to the rows of a table is written out; what groups or cuts rows stays closed: one
occurrence without a table.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.dialect.node_kinds import kinds_of
from rewrite_rules.finding import find_nodes
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.forms import form, form_of
from rewrite_rules.substitution.keys import Key, column_key, never
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.selects import named_queries, names_below, spelled
from rewrite_rules.substitution.sight import Aliases, Named, OddError, Place, Steps
from rewrite_rules.substitution.subqueries import embedded
from rewrite_rules.substitution.texts import text_key

_STEPS = Steps(spelled, embedded)
_DEEP = "it is nested too deeply"
_JUNCTIONS = kinds_of(exp.And, exp.Or)
_MOST_JUNCTIONS = 300
"""Each of a query's conditions is held against each view and against the others, which takes the square of them."""
_LONG = f"more than {_MOST_JUNCTIONS} conditions"


def flatten(query: exp.Expr, ground: Ground) -> Block:
    """Return the canonical form of a query; `odd` says why it has none. The tree stays as it is.

    `query` may stand within a larger tree: common table expressions around it are seen. Where it names columns of a
    query around it, it is odd.
    """
    try:
        return spelled(query, _place(query, ground), Aliases()).block
    except OddError as odd:
        return _odd(query, str(odd))
    except RecursionError:
        return _odd(query, _DEEP)


def fingerprint(query: exp.Expr, ground: Ground) -> Key:
    """Return what a query has in common with exactly those that give the same rows, column by column, by their text.

    Spelling does not matter, nor the names of relations and result columns, nor ORDER BY without LIMIT at the top (the
    rows are a bag); literals do. What is not understood, or gives another answer each time, equals nothing.
    """
    try:
        return form(query, _place(query, ground), column_key)
    except OddError:
        return _text(query)
    except RecursionError:
        return never()


def read(query: exp.Expr, ground: Ground) -> tuple[Block, Key]:
    """Return the canonical form and the fingerprint of a query, for less than each alone."""
    if not isinstance(query, exp.Select):
        return flatten(query, ground), fingerprint(query, ground)
    try:
        flat = spelled(query, _place(query, ground), Aliases())
    except OddError as odd:
        return _odd(query, str(odd)), _text(query)
    except RecursionError:
        return _odd(query, _DEEP), never()
    block = _odd(query, _LONG) if len(find_nodes(query, _JUNCTIONS)) > _MOST_JUNCTIONS else flat.block
    try:
        return block, form_of(flat, column_key)
    except OddError:
        return block, _text(query)
    except RecursionError:
        return block, never()


def _odd(query: exp.Expr, why: str) -> Block:
    return Block((), (), (), select=query if isinstance(query, exp.Select) else None, odd=why)


def _text(query: exp.Expr) -> Key:
    """Return the text of a whole statement; a part of one may name what stands around it."""
    try:
        return text_key(query) if query.parent is None else never()
    except RecursionError:
        return never()


def _place(query: exp.Expr, ground: Ground) -> Place:
    return Place(ground, _STEPS, _names_around(query))


def _names_around(query: exp.Expr) -> Mapping[str, Named]:
    """Return the common table expressions that a query sees from the queries around it."""
    path: list[exp.Expr] = []
    node: exp.Expr | None = query
    while node is not None:
        path.append(node)
        node = node.parent
    names: Mapping[str, Named] = {}
    for outer, inner in zip(reversed(path[1:]), reversed(path[:-1]), strict=True):
        if isinstance(outer, exp.With):
            if isinstance(inner, exp.CTE):  # it sees those before it
                own = named_queries(outer, names)[inner.alias.lower()]
                names = {**own.names, inner.alias.lower(): own} if own.recursive else own.names
        elif not isinstance(inner, exp.With):
            names = names_below(outer, names)
    return names
