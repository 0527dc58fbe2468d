"""Comparisons of a value with itself that Trino's optimizer decides without looking at the value.

Of `CASE a WHEN b THEN ...` and `a IN (b, ...)` where `a` and `b` turn out to be one expression, Trino takes the first
for met, also of NULL and NaN, and the second of NaN (measured on 476). Whether two columns are one expression depends
on how queries are laid into one another, so that where both sides read columns the answer is not known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

_FLOATING = frozenset({"double", "real"})


def case_may_meet_itself(node: exp.Case) -> bool:
    """Tell whether a CASE with an operand may compare a value with itself."""
    operand = node.args.get("this")
    return operand is not None and _reads(operand) and any(_reads(branch.this) for branch in node.args["ifs"])


def list_may_hold_itself(value: exp.Expr, items: Sequence[exp.Expr], base: str) -> bool:
    """Tell whether a list may hold the very value that is looked for, where that makes a difference: NaN."""
    return base in _FLOATING and _reads(value) and any(map(_reads, items))


def _reads(node: exp.Expr) -> bool:
    return node.find(exp.Column, exp.Identifier, exp.Query) is not None
