"""Conditions of scans, carried out on rows: what an engine that prunes by them would keep."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from catalog.statistics import AllOf, Comparison, Condition, Opaque

_SIGNS: Mapping[str, Callable[[object, object], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def keeps(condition: Condition, row: Mapping[str, object]) -> bool:
    """Tell whether a row may be among those that a condition selects."""
    if isinstance(condition, Comparison):
        return _compared(condition, row[condition.column])
    if isinstance(condition, Opaque):
        return True
    parts = (keeps(part, row) for part in condition.parts)
    return all(parts) if isinstance(condition, AllOf) else any(parts)


def _compared(condition: Comparison, value: object) -> bool:
    sign, values = condition.operator, condition.values
    if sign in ("is null", "is not null"):
        return (value is None) is (sign == "is null")
    if value is None:
        return False
    if sign == "between":
        return bool(values[0] <= value <= values[1])  # type: ignore[operator]  # values of one type
    if sign in ("in", "not in"):
        return (value in values) is (sign == "in")
    if sign == "starts with":
        return str(value).startswith(str(values[0]))
    return _SIGNS[sign](value, values[0])


def is_exact(condition: Condition) -> bool:
    """Tell whether nothing in a condition is left to the engine."""
    if isinstance(condition, Comparison | Opaque):
        return isinstance(condition, Comparison)
    return all(is_exact(part) for part in condition.parts)
