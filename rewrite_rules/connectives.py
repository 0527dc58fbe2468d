"""Chains of AND and OR, taken apart."""

from __future__ import annotations

from sqlglot import exp


def flattened(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """Return the operands of a chain of one connective, left to right; brackets around each are gone."""
    parts: list[exp.Expr] = []
    stack = [node]
    while stack:
        part = stack.pop().unnest()
        if isinstance(part, kind):
            stack.extend((part.args["expression"], part.this))
        else:
            parts.append(part)
    return parts
