"""What is never NULL, by the catalog's NOT NULL columns and the joins of a block."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from catalog.null_constants import STRICT
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.key_parts import type_of
from rewrite_rules.substitution.model import Ground

_KEEPING = STRICT | {"concat"}
"""Functions that give NULL for NULL only."""
_PARTS = (
    exp.And,
    exp.Or,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.DPipe,
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
)
_NEVER = (exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Exists, exp.Literal, exp.Boolean, exp.Interval)


def not_null(node: exp.Expr, block: Block, ground: Ground) -> bool:
    """Tell whether an expression over a block's occurrences has a value on every row that the joins give."""
    return knows_not_null(block, ground)(node)


def knows_not_null(block: Block, ground: Ground) -> Callable[[exp.Expr], bool]:
    """Return what tells of expressions whether they are never NULL; it looks a block over once."""
    required = _required(block, ground)

    def holds(node: exp.Expr) -> bool:
        if isinstance(node, exp.Column):
            return (node.table, node.name) in required
        if isinstance(node, _NEVER):
            return True
        if isinstance(node, exp.Paren | exp.Neg | exp.Not):
            return holds(node.this)
        if isinstance(node, exp.Cast):
            return not isinstance(node, exp.TryCast) and not _is_json(node.this) and holds(node.this)
        if isinstance(node, _PARTS):
            return holds(node.this) and holds(node.expression)
        if isinstance(node, exp.Extract):
            return holds(node.expression)
        return _branches(node, holds) if isinstance(node, exp.Case | exp.If) else _called(node, holds)

    return holds


def _is_json(node: exp.Expr) -> bool:
    """Tell whether a value is JSON, whose `null` becomes NULL when it is cast."""
    kind = type_of(node)
    return kind is None or kind.base == "json"


def _required(block: Block, ground: Ground) -> frozenset[tuple[str, str]]:
    """Return the columns without NULL, those that an outer join may extend left out."""
    found: set[tuple[str, str]] = set()
    for occurrence in block.occurrences:
        if occurrence.join == "full":
            found.clear()
        elif occurrence.join == "inner" and occurrence.table in ground.tables and occurrence.table is not None:
            columns = ground.tables[occurrence.table].columns
            found |= {(occurrence.alias, column.name) for column in columns if not column.nullable}
    return frozenset(found)


def _branches(node: exp.Expr, holds: Callable[[exp.Expr], bool]) -> bool:
    if isinstance(node, exp.If):
        values = [node.args.get("true"), node.args.get("false")]
    else:
        values = [*(branch.args.get("true") for branch in node.args["ifs"]), node.args.get("default")]
    return all(value is not None and holds(value) for value in values)


def _called(node: exp.Expr, holds: Callable[[exp.Expr], bool]) -> bool:
    if not isinstance(node, exp.Anonymous):
        return False
    name, arguments = node.name.lower(), node.expressions
    if name == "coalesce":
        return any(holds(each) for each in arguments)
    if name in ("count", "count_if", "approx_distinct"):
        return True
    return name in _KEEPING and bool(arguments) and all(holds(each) for each in arguments)
