"""Join conditions that ClickHouse evaluates as Trino does."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.type_coercions import common_super_type
from catalog.types import TrinoType
from rewrite_rules.connectives import flattened
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.comparisons import comparable
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import NESTED
from rewrite_rules.translate_clickhouse.scope import Field, Scope
from rewrite_rules.translate_clickhouse.text import call, operator


def join_condition(node: exp.Expr, left: Sequence[Field], right: Sequence[Field], side: str, sight: Scope) -> str:
    """Translate ON. An outer join needs an equality between its sides, and no other condition over both.

    Raises Refusal NOT_SUPPORTED.
    """
    if any(True for _ in node.find_all(exp.Query)):
        raise unsupported("A subquery in a join condition", node)
    parts = flattened(node, exp.And)
    keys = [_sides(part, left, right, sight) for part in parts]
    written = [_part(part, across, sight) for part, across in zip(parts, keys, strict=True)]
    equal = [is_key(part) and across == "both" for part, across in zip(parts, keys, strict=True)]
    if side and not any(equal):
        raise unsupported("An outer join without an equality between its sides", node)
    if side and any(across == "both" and not key for across, key in zip(keys, equal, strict=True)):
        raise unsupported("An outer join with a condition over both sides that is no equality", node)
    return operator("AND", written) if len(written) > 1 else written[0]


def is_key(node: exp.Expr) -> bool:
    """Tell whether a condition is an equality by which rows can be matched."""
    return isinstance(node, exp.EQ | exp.NullSafeEQ)


def _part(node: exp.Expr, across: str, sight: Scope) -> str:
    if not is_key(node) or across != "both":
        return sight.truth(node)
    kind = common_super_type(sight.type_of(node.this), sight.type_of(node.expression))
    if kind is None:
        raise unsupported("A join of these types", node)
    first, second = (_key(coerced(side, kind, sight), kind, node) for side in (node.this, node.expression))
    return operator("=", (first, second)) if isinstance(node, exp.EQ) else call("isNotDistinctFrom", first, second)


def using_condition(first: str, second: str, kind: TrinoType, node: exp.Expr) -> str:
    """Write the equality of two join columns."""
    return operator("=", (_key(first, kind, node), _key(second, kind, node)))


def _key(value: str, kind: TrinoType, node: exp.Expr) -> str:
    """Write a join key. Doubles are refused: their zeros and NaNs are matched by bits."""
    if kind.base in (*NESTED, "double", "real", "unknown", "json"):
        raise unsupported(f"A join by {kind}", node)
    return comparable(value, kind, ordered=False)


def _sides(node: exp.Expr, left: Sequence[Field], right: Sequence[Field], sight: Scope) -> str:
    """Say which side's columns a condition reads: left, right, both or neither."""
    mine, others = {field.sql for field in right}, {field.sql for field in left}
    read = {sight.column(column).sql for column in node.find_all(exp.Column)}
    on_right, on_left = bool(read & mine), bool(read & others)
    if on_left and on_right:
        return "both"
    return "left" if on_left else "right" if on_right else "neither"
