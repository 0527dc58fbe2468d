"""Constants that may turn out to be NULL: `NULL` itself, `TRY_CAST('x' AS bigint)`, `nullif(1, 1)`.

They matter where a value is compared with several constants. Of `k IN (1, 2, NULL)`, as of
`k = 1 OR k = 2 OR k = NULL`, Trino 476 makes `k IS NULL OR k BETWEEN 1 AND 2`, for types whose values can be counted,
if the others have no gap: it finds rows without a value, and never answers NULL.
"""

from __future__ import annotations

from sqlglot import exp

_CERTAIN = (exp.Literal, exp.Boolean, exp.Interval, exp.CurrentDate, exp.CurrentTimestamp, exp.Array, exp.Tuple)
_PASSING = (exp.Paren, exp.Neg, exp.Cast, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe)
"""What is NULL only where an operand is."""
_CALLS = frozenset({"currentuser", "attr", "lower", "upper", "trim", "concat", "date", "date_trunc"})
"""Functions that are NULL only where an argument is; a policy's `attr('x')` is a literal, or its policy fails."""


def may_be_null(node: exp.Expr) -> bool:
    """Tell whether an expression reads no row and could be NULL; what is no constant at all could not."""
    return not _certain(node) and node.find(exp.Column, exp.Identifier) is None


def _certain(node: exp.Expr) -> bool:
    kind = node.__class__
    if kind in _CERTAIN:
        return True
    if kind is exp.Anonymous:
        name = node.name.lower()
        return name == "row" or (name in _CALLS and all(map(_certain, node.expressions)))
    if kind not in _PASSING:
        return False
    other = node.args.get("expression")
    return _certain(node.this) and (other is None or _certain(other))
