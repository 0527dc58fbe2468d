"""Values that other engines do not tell apart, or order, as Trino 476 does: none but Trino is asked to.

Maps are equal whatever the order of their keys. To partition a window, and to sort, Trino compares rows, arrays and
their like element by element, and fails where it meets NULL. In a set of reals, as IN makes one of a subquery, -0.0
is not 0.0.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.analysis.env import Walk
from rewrite_rules.analysis.failures import unsupported

_NESTED = ("array", "map", "row", "json")


def check_told_apart(kind: TrinoType | None, node: exp.Expr, walk: Walk) -> None:
    """Note a Refusal NOT_SUPPORTED where maps are grouped by or made distinct."""
    if kind is not None and _holds_map(kind):
        _refuse(f"Telling values of {kind} apart", node, walk, "Use values of the map.")


def check_partitioned(kind: TrinoType | None, node: exp.Expr, walk: Walk) -> None:
    """Note a Refusal NOT_SUPPORTED where a window is partitioned by nested values or JSON."""
    if kind is not None and kind.base in _NESTED:
        _refuse(f"A window partitioned by {kind}", node, walk, "Partition by its parts.")


def check_among(kind: TrinoType | None, node: exp.Expr, walk: Walk) -> None:
    """Note a Refusal NOT_SUPPORTED where reals are looked for among the rows of a subquery."""
    if kind is not None and kind.base == "real":
        _refuse("IN over a subquery of reals", node, walk, "Cast both sides to double.")


def _refuse(what: str, node: exp.Expr, walk: Walk, hint: str) -> None:
    if walk.context.strict and walk.elsewhere is None:
        walk.elsewhere = unsupported(f"{what} is not supported on ClickHouse or the embedded lake", node, hint=hint)


def _holds_map(kind: TrinoType) -> bool:
    return kind.base == "map" or any(map(_holds_map, kind.arguments))
