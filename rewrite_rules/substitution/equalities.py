"""Equalities among columns: which columns have the same value in all rows that pass some conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp

from rewrite_rules.substitution.keys import Key, column_key
from rewrite_rules.substitution.preimages import type_of

_SAME_VALUE = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "decimal", "varchar", "boolean", "date", "timestamp"}
)
"""Types of which equal values cannot be told apart: no -0.0 beside 0.0, no instant shown in two zones, no padding."""


def representatives(conditions: Iterable[exp.Expr]) -> Callable[[exp.Column], Key]:
    """Return what names columns so that those which `a = b` among the conditions makes equal have one name."""
    parents: dict[Key, Key] = {}

    def find(name: Key) -> Key:
        while name in parents:
            name = parents[name]
        return name

    for condition in conditions:
        for left, right in _equalities(condition):
            first, second = find(column_key(left)), find(column_key(right))
            if first != second:
                low, high = sorted((first, second), key=repr)
                parents[high] = low
    return (lambda column: find(column_key(column))) if parents else column_key


def _equalities(condition: exp.Expr) -> Iterable[tuple[exp.Column, exp.Column]]:
    node = condition.unnest()
    if isinstance(node, exp.And):
        for part in node.flatten():
            yield from _equalities(part)
    elif isinstance(node, exp.EQ):
        left, right = node.this.unnest(), node.expression.unnest()
        if isinstance(left, exp.Column) and isinstance(right, exp.Column) and _are_alike(left, right):
            yield left, right


def _are_alike(left: exp.Column, right: exp.Column) -> bool:
    first, second = type_of(left), type_of(right)
    if first is None or second is None or first.base not in _SAME_VALUE:
        return False
    return first == second or first.base == second.base == "varchar"
