"""What a condition can come to: decided by trying every order in which its values can stand to each other.

SQL has three truth values, and a condition that is never NULL where its author thought so is a common mistake. So
each column, attribute and call that is not understood is a variable; for those that are compared with each other,
all that matters is how they lie among the constants they are compared with. Each such place is tried once. What is
not understood may be anything, so that "always" and "never" are certain and anything else is not.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

from sqlglot import exp

from policies.lint.conditions import Answer, Condition
from policies.lint.places import Unclear

_MOST = 4096
"""Combinations that are tried; a condition with more is left alone."""


def outcomes(tree: exp.Expr, required: frozenset[str] = frozenset()) -> frozenset[Answer] | None:
    """Return what a condition may come to, or None where that is not certain.

    `required` are columns that are never NULL. Attributes and the caller's name never are: who lacks one is refused.
    """
    return _outcomes(tree.sql(), _Kept(tree), required, whole=True)


def always(tree: exp.Expr, answer: Answer, required: frozenset[str] = frozenset()) -> bool:
    """Tell whether a condition surely comes to one answer on every row."""
    return _outcomes(tree.sql(), _Kept(tree), required, whole=False) == frozenset({answer})


def never(tree: exp.Expr, answer: Answer, required: frozenset[str] = frozenset()) -> bool:
    """Tell whether a condition surely comes to an answer on no row."""
    found = _outcomes(tree.sql(), _Kept(tree), required, whole=answer is not True)
    return found is not None and answer not in found


class _Kept:
    """A tree beside its text, which alone is what results are remembered by."""

    def __init__(self, tree: exp.Expr) -> None:
        self.tree = tree

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=20_000)
def _outcomes(text: str, kept: _Kept, required: frozenset[str], *, whole: bool) -> frozenset[Answer] | None:
    """Try every combination; unless the `whole` is asked for, only until it is neither always nor never true."""
    try:
        reader = Condition(required)
        test = reader.test(kept.tree)
        domains = reader.domains()
    except (Unclear, RecursionError):
        return None
    size = 1
    for domain in domains:
        size *= len(domain)
        if size > _MOST:
            return None
    try:
        found: set[Answer] = set()
        for values in itertools.product(*domains):
            found.add(test(values))
            if not whole and len(found) > 1 and True in found:
                break
        return frozenset(found)
    except TypeError:  # values of two kinds met: the condition has a fault of its own, which types tell
        return None
