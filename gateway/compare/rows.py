"""When two cells, two rows and two results are the same.

The rule, in full. Values are compared as the servers wrote them. A number with a fraction or an exponent is a REAL or a
DOUBLE (decimals travel as strings): two of them are equal when their texts are, or when they differ by no more than
one part in 10^10 (10^5 where the column's type holds a REAL), since Trino adds up in the order in which data happens
to arrive. Rows are compared as a bag; behind an ORDER BY at the top the sequence of its keys has to be the same too,
as far as the keys are columns of the result. Rows with equal keys may change places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gateway.compare.client import Number

_DOUBLE = 1e-10
_REAL = 1e-5


def same_value(left: Any, right: Any, tolerance: float) -> bool:
    """Tell whether two cells hold the same value."""
    if isinstance(left, Number) and isinstance(right, Number):
        return left == right or _close(float(left), float(right), tolerance)
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(same_value(a, b, tolerance) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_value(left[key], right[key], tolerance) for key in left)
    return bool(left == right)


def _close(left: float, right: float, tolerance: float) -> bool:
    if left == right == 0.0:
        return math.copysign(1, left) == math.copysign(1, right)
    return math.isclose(left, right, rel_tol=tolerance)


def tolerances(columns: Sequence[dict[str, Any]]) -> list[float]:
    """Return the tolerance of each column."""
    return [_REAL if "real" in str(column.get("type")) else _DOUBLE for column in columns]


def same_row(left: Sequence[Any], right: Sequence[Any], allowed: Sequence[float]) -> bool:
    """Tell whether two rows hold the same values."""
    return len(left) == len(right) == len(allowed) and all(map(same_value, left, right, allowed))


def same_bag(left: Sequence[list[Any]], right: Sequence[list[Any]], allowed: Sequence[float]) -> bool:
    """Tell whether two results hold the same rows, in any order."""
    if len(left) != len(right):
        return False
    if all(same_row(a, b, allowed) for a, b in zip(left, right, strict=True)):
        return True
    ours, theirs = sorted(left, key=_sort_key), sorted(right, key=_sort_key)
    return all(same_row(a, b, allowed) for a, b in zip(ours, theirs, strict=True))


def _sort_key(row: list[Any]) -> tuple[str, list[float]]:
    """Sort by all that is exact first, so that numbers that differ a little meet their like."""
    numbers: list[float] = []
    return repr(_exact(row, numbers)), numbers


def _exact(value: Any, numbers: list[float]) -> Any:
    if isinstance(value, Number):
        number = float(value)
        numbers += (number, math.copysign(1, number))  # -0.0 is no 0.0, though neither is the smaller
        return ...  # not None, which stands for NULL: (NULL, 1.5) is not to meet (1.5, NULL)
    if isinstance(value, list):
        return [_exact(item, numbers) for item in value]
    if isinstance(value, dict):
        return [(key, _exact(value[key], numbers)) for key in sorted(value)]
    return value


def same_order(
    left: Sequence[list[Any]], right: Sequence[list[Any]], keys: Sequence[int], allowed: Sequence[float]
) -> bool:
    """Tell whether the key columns come in the same sequence."""
    return all(same_value(a[key], b[key], allowed[key]) for a, b in zip(left, right, strict=True) for key in keys)
