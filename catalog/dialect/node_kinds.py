"""What the checks of nodes share: kinds of nodes, and checks that are made by the dozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sqlglot import exp

Check = Callable[[Any], str | None]
"""Return what is wrong with a node, None for nothing."""
Kinds = frozenset[type[exp.Expr]]


def kinds_of(*bases: type[exp.Expr]) -> Kinds:
    """Return classes with all that derive from them, as `isinstance` would have it."""
    found = set(bases)
    for base in bases:
        found |= kinds_of(*base.__subclasses__())
    return frozenset(found)


CONDITIONS = frozenset(
    {
        exp.And,
        exp.Or,
        exp.Not,
        exp.EQ,
        exp.NEQ,
        exp.LT,
        exp.LTE,
        exp.GT,
        exp.GTE,
        exp.NullSafeEQ,
        exp.NullSafeNEQ,
        exp.Is,
        exp.Like,
        exp.Escape,
        exp.Between,
        exp.In,
    }
)
"""Nodes that are conditions; as operands of an operator they need parentheses."""
Sign = Literal["=", "<>", "<", "<=", ">", ">="]
SIGNS: Mapping[type[exp.Expr], Sign] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
"""Comparisons, as Trino writes them."""
COMPARISONS = tuple(SIGNS)
QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)


def operands_are_values(*keys: str) -> Check:
    """Return the check that operands are values, not bare conditions."""

    def check(node: exp.Expr) -> str | None:
        for key in keys:
            if node.args.get(key).__class__ in CONDITIONS:
                return "mismatched input: a condition needs parentheses to be an operand"
        return None

    return check


def every(*checks: Check) -> Check:
    """Return the check that several checks hold."""

    def check(node: exp.Expr) -> str | None:
        return next((problem for problem in (each(node) for each in checks) if problem), None)

    return check


def has(key: str) -> Check:
    """Return the check that an argument is there."""

    def check(node: exp.Expr) -> str | None:
        return None if node.args.get(key) is not None else "mismatched input: an expression is expected"

    return check


def names(key: str) -> Check:
    """Return the check that an argument is a plain name, or several of them."""

    def check(node: exp.Expr) -> str | None:
        names = node.args.get(key)
        listed = names if isinstance(names, list) else [names]
        plain = all(name is None or isinstance(name, exp.Identifier) for name in listed)
        return None if plain else "mismatched input: a name is expected"

    return check


def under(*holders: type[exp.Expr], what: str) -> Check:
    """Return the check that a node stands under one of some others."""

    def check(node: exp.Expr) -> str | None:
        return None if isinstance(node.parent, holders) else f"mismatched input: {what} cannot stand here"

    return check


def is_constant(node: exp.Expr) -> bool:
    """Tell whether an expression is a literal: plain, typed, negative, NULL, or an ARRAY or ROW of those."""
    if isinstance(node, (exp.Cast, exp.Neg, exp.Paren)):
        return is_constant(node.this)
    if isinstance(node, exp.Interval):
        return True
    if isinstance(node, (exp.Array, exp.Tuple)):
        return all(is_constant(item) for item in node.expressions)
    if isinstance(node, exp.Anonymous):
        known = node.name.lower() in ("row", "map", "json_parse", "from_base64")
        return known and all(is_constant(item) for item in node.expressions)
    return isinstance(node, (exp.Literal, exp.Null, exp.Boolean, exp.HexString))
