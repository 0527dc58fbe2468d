"""Casts that change nothing: a column under one is as good as the column."""

from __future__ import annotations

from catalog.types import TrinoType
from rewrite_rules.outline.constants import INTEGRAL, ZONED

_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_MOMENTS = ("timestamp", ZONED)


def keeps(source: TrinoType, target: TrinoType) -> bool:
    """Tell whether a cast changes no value, nor how values compare with constants."""
    base = target.base
    if source.base in INTEGRAL:
        wider = base in INTEGRAL and _DIGITS[base] >= _DIGITS[source.base]
        room = base == "decimal" and target.numbers[0] - target.numbers[1] >= _DIGITS[source.base]
        return wider or room or (base == "double" and source.base != "bigint")
    if source.base != base:
        return source.base == "date" and base == "timestamp"
    if base == "decimal":
        whole = (target.numbers[0] - target.numbers[1]) >= (source.numbers[0] - source.numbers[1])
        return whole and target.numbers[1] >= source.numbers[1]
    if base == "varchar":
        return not target.numbers or (bool(source.numbers) and target.numbers[0] >= source.numbers[0])
    if base in _MOMENTS:
        return (target.numbers or (3,))[0] >= (source.numbers or (3,))[0]
    return source == target
