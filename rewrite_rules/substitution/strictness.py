"""Strict expressions: which columns must have a value where an expression has one, and which suffice for it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from catalog.dialect.words import words
from catalog.null_constants import STRICT
from catalog.types import TrinoType

_NODES = (
    exp.Paren,
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.Cast,
    exp.TryCast,
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.Not,
    exp.Like,
    exp.Escape,
    exp.Extract,
    exp.AtTimeZone,
)
_FUNCTIONS = STRICT | {"regexp_extract"}
"""Functions whose result is NULL where one of their arguments is."""
_PLAIN = words(
    """
    tinyint smallint integer bigint decimal real double varchar char boolean date timestamp varbinary
    """
) | {"timestamp with time zone"}
"""Types whose casts give NULL for NULL only."""


def needed(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield columns that are not NULL wherever an expression is not."""
    if isinstance(node, exp.Column):
        yield node
    elif isinstance(node, _NODES) or _is_strict(node):
        for part in node.iter_expressions():
            yield from needed(part)


def _is_strict(node: exp.Expr) -> bool:
    """Tell whether a call gives NULL for NULL; `||` of texts does, while an array takes NULL as an element."""
    if isinstance(node, exp.DPipe):
        kind = node.meta.get("type")
        return isinstance(kind, TrinoType) and kind.base == "varchar"
    return isinstance(node, exp.Anonymous) and node.name.lower() in _FUNCTIONS


def sufficient(node: exp.Expr) -> list[exp.Column] | None:
    """Return columns such that an expression is not NULL wherever none of them is; None where that is not known."""
    if isinstance(node, exp.Column):
        return [node]
    if isinstance(node, exp.Literal | exp.Boolean):
        return []
    if not _is_sure(node):
        return None
    found: list[exp.Column] = []
    for part in node.iter_expressions():
        if isinstance(part, exp.DataType | exp.Var | exp.Interval):
            continue
        inner = sufficient(part)
        if inner is None:
            return None
        found.extend(inner)
    return found


def _is_sure(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in STRICT
    if isinstance(node, exp.TryCast):
        return False
    if isinstance(node, exp.Cast):
        return _base(node) in _PLAIN and _base(node.this) in _PLAIN
    if isinstance(node, exp.Predicate):
        return all(_base(part) in _PLAIN for part in node.iter_expressions())
    return isinstance(node, _NODES) or _is_strict(node)


def _base(node: exp.Expr) -> str:
    kind = node.unnest().meta.get("type")
    return kind.base if isinstance(kind, TrinoType) else ""
