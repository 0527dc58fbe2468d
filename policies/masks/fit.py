"""Whether a custom mask's type turns into its column's."""

from __future__ import annotations

from catalog.types import INTEGRAL, TrinoType


def fits(found: TrinoType, wanted: TrinoType) -> bool:
    """Tell whether a custom mask's type turns into the column's without loss or failure."""
    if found == wanted or found.base == "unknown":
        return True
    if found.base in INTEGRAL and wanted.base in INTEGRAL:
        return INTEGRAL.index(found.base) <= INTEGRAL.index(wanted.base)
    if found.base == "varchar" == wanted.base:
        return not wanted.numbers or bool(found.numbers and found.numbers[0] <= wanted.numbers[0])
    if found.base == "decimal" == wanted.base:
        (p, s), (wp, ws) = found.numbers, wanted.numbers
        return s <= ws and p - s <= wp - ws
    return found.base in INTEGRAL and wanted.base == "double" and found.base != "bigint"
