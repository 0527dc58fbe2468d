"""Comparisons with constants that may be NULL, written so that every engine takes them as SQL does.

In `desk_id IN (1, 2, TRY_CAST(attr('desk') AS bigint))` Trino 476 takes NULL for one of the values, and would show
whoever has no number for a desk the rows without one; see `catalog.null_constants`.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.null_constants import may_be_null


def without_null_members(tree: exp.Expr) -> exp.Expr:
    """Return a policy's expression with each comparison with such a constant apart: NULL where the constant is.

    `a IN (1, b)` becomes `(a IN (1) OR CASE WHEN b IS NULL THEN NULL ELSE a = b END)`, which means the same.
    """
    return tree.transform(_apart)


def _apart(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.EQ):
        odd = next(filter(may_be_null, (node.this, node.expression)), None)
        return node if odd is None else _unless_null(odd, node.this, node.expression)
    if not isinstance(node, exp.In):
        return node
    odds = [item for item in node.expressions if may_be_null(item)]
    if not odds:
        return node
    sure = [item.copy() for item in node.expressions if not may_be_null(item)]
    parts: list[exp.Expr] = [exp.In(this=without_null_members(node.this), expressions=sure)] if sure else []
    parts += [_unless_null(odd, node.this, odd) for odd in odds]
    whole = parts[0]
    for part in parts[1:]:
        whole = exp.Or(this=whole, expression=part)
    return exp.Paren(this=whole)


def _unless_null(odd: exp.Expr, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    asked = exp.Is(this=exp.Paren(this=odd.copy()), expression=exp.Null())
    equal = exp.EQ(this=without_null_members(left), expression=without_null_members(right))
    return exp.Case(ifs=[exp.If(this=asked, true=exp.Null())], default=equal)
