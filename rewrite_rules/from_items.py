"""What FROM is made of: items between commas, each a chain of joins, and brackets around relations.

A comma binds less than JOIN: `a, b RIGHT JOIN c ON ...` is `a CROSS JOIN (b RIGHT JOIN c ON ...)`, and neither ON nor
UNNEST within an item sees the items before it (Trino's grammar, `querySpecification`: `FROM relation (',' relation)*`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlglot import exp

_RELATIONS = exp.Table | exp.Unnest | exp.Lateral | exp.TableFromRows


class Item(NamedTuple):
    """One item of FROM: a relation, and what is joined to it."""

    first: exp.Expr
    joins: Sequence[exp.Expr]
    comma: exp.Expr | None = None
    """The join without a kind by which the parser adds it to the items before; none for the first."""


def items_of(first: exp.Expr, joins: Sequence[exp.Expr]) -> list[Item]:
    """Return the items of a FROM clause, which the parser keeps as one list of joins."""
    chain: list[exp.Expr] = []
    items = [Item(first, chain)]
    for join in joins:
        if is_comma(join):
            chain = []
            items.append(Item(join.this, chain, join))
        else:
            chain.append(join)
    return items


def is_comma(join: exp.Expr) -> bool:
    """Tell whether the parser made a join of a comma."""
    args = join.args
    return not any(args.get(key) for key in ("kind", "side", "method", "on", "using"))


def holds_relation(inner: exp.Expr) -> bool:
    """Tell whether what stands in brackets is a relation or joins of relations, and not a query."""
    if isinstance(inner, exp.Subquery):
        return any(inner.args.get(key) for key in ("alias", "joins", "match")) or holds_relation(inner.this)
    return isinstance(inner, _RELATIONS)
