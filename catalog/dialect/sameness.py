"""Compare two trees node by node: what a reader must find is what a writer meant."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

_LEAVES = frozenset({exp.Identifier, exp.Literal})
_TO_THE_LETTER = (exp.Identifier, exp.Literal, exp.HexString)


def same(one: exp.Expr, other: exp.Expr) -> bool:
    """Tell whether two trees have the same nodes with the same arguments; what is None, False or empty is not there.

    Names and literals are compared to the letter, other texts (keywords that sqlglot keeps as text) in any case.
    sqlglot's own `==` compares two 64-bit sums instead.
    """
    stack: list[tuple[Any, Any]] = [(one, other)]
    while stack:
        left, right = stack.pop()
        kind = left.__class__
        if kind is not right.__class__:
            return False
        ours, theirs = left.args, right.args
        if kind in _LEAVES and ours == theirs:
            continue
        for key, value in ours.items():
            found = theirs.get(key)
            if value.__class__ is list:
                if not _pair(value, found, stack):
                    return False
            elif isinstance(value, exp.Expr):
                stack.append((value, found))
            elif value != found and not _alike(value, found, kind):
                return False
        if ours.keys() != theirs.keys() and any(theirs[key] for key in theirs.keys() - ours.keys()):
            return False
    return True


def _pair(ours: list[Any], theirs: Any, stack: list[tuple[Any, Any]]) -> bool:
    """Push the nodes of two lists in pairs; compare at once what is no node."""
    if theirs.__class__ is not list or len(ours) != len(theirs):
        return not ours and not theirs
    for left, right in zip(ours, theirs, strict=True):
        if isinstance(left, exp.Expr):
            stack.append((left, right))
        elif left != right:
            return False
    return True


def _alike(left: Any, right: Any, kind: type[exp.Expr]) -> bool:
    """Compare two unequal values: absent ones are the same, and texts that differ in case where case says nothing."""
    if isinstance(right, exp.Expr):
        return False
    if not left and not right:
        return True
    if left.__class__ is not str or right.__class__ is not str or issubclass(kind, _TO_THE_LETTER):
        return False
    return bool(left.lower() == right.lower())
