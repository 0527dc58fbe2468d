"""Which type a value may turn into without a cast, and the common type of two (Trino 476)."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.types import (
    BIGINT,
    DOUBLE,
    INTEGER,
    MAX_DECIMAL_PRECISION,
    REAL,
    SMALLINT,
    UNKNOWN,
    TrinoType,
    char,
    decimal,
    timestamp,
    varchar,
)

MAX_CHAR_LENGTH = 65_536

_WIDER: dict[str, dict[str, TrinoType]] = {
    "tinyint": {
        "smallint": SMALLINT,
        "integer": INTEGER,
        "bigint": BIGINT,
        "real": REAL,
        "double": DOUBLE,
        "decimal": decimal(3),
    },
    "smallint": {"integer": INTEGER, "bigint": BIGINT, "real": REAL, "double": DOUBLE, "decimal": decimal(5)},
    "integer": {"bigint": BIGINT, "real": REAL, "double": DOUBLE, "decimal": decimal(10)},
    "bigint": {"real": REAL, "double": DOUBLE, "decimal": decimal(19)},
    "decimal": {"real": REAL, "double": DOUBLE},
    "real": {"double": DOUBLE},
    "date": {"timestamp": timestamp(0), "timestamp with time zone": timestamp(0, zone=True)},
    "P4HyperLogLog": {"HyperLogLog": TrinoType("HyperLogLog")},
}
_NOT_COMPARABLE = frozenset(
    {
        *("HyperLogLog", "P4HyperLogLog", "SetDigest", "tdigest", "qdigest", "Geometry", "SphericalGeography"),
        *("KdbTree", "color", "Classifier", "Regressor"),
    }
)
_NOT_ORDERABLE = _NOT_COMPARABLE | {"json", "map", "BingTile"}
_PATTERNS = {name: TrinoType(name) for name in ("JoniRegExp", "JsonPath", "CodePoints")}
"""Types that a function takes and text turns into."""
_BY_MAXIMUM = frozenset({"char", "time", "time with time zone", "timestamp", "timestamp with time zone"})


def common_super_type(first: TrinoType, second: TrinoType) -> TrinoType | None:
    """Return the type that both turn into, or None where there is none."""
    if first == second or second == UNKNOWN:
        return first
    if first == UNKNOWN:
        return second
    if first.base == second.base:
        return _same_base(first, second)
    widened = coerce_base(first, second.base)
    if widened is not None:
        return common_super_type(widened, second)
    widened = coerce_base(second, first.base)
    if widened is not None:
        return common_super_type(first, widened)
    return None


def can_coerce(source: TrinoType, target: TrinoType) -> bool:
    """Tell whether a value of `source` may stand where `target` is wanted. Names of row fields do not matter."""
    if source in (target, UNKNOWN):
        return True
    if source.base == target.base:
        if source.base in ("array", "map", "row"):
            return len(source.parameters) == len(target.parameters) and all(
                can_coerce(a, b) for a, b in zip(source.arguments, target.arguments, strict=True)
            )
        return _same_base(source, target) == target
    widened = coerce_base(source, target.base)
    return widened is not None and can_coerce(widened, target)


def common_type_of(types: Iterable[TrinoType]) -> TrinoType | None:
    """Return the type that all turn into, or None; of none, `unknown`."""
    result = UNKNOWN
    for kind in types:
        common = common_super_type(result, kind)
        if common is None:
            return None
        result = common
    return result


def coerce_base(source: TrinoType, base: str) -> TrinoType | None:
    """Return the narrowest type of another base that `source` turns into."""
    found = _WIDER.get(source.base, {}).get(base)
    if found is not None:
        return found
    if source.base in ("time", "timestamp") and base == f"{source.base} with time zone":
        return TrinoType(base, source.parameters)
    if source.base == "varchar" and base == "char":
        return char(min(source.numbers[0], MAX_CHAR_LENGTH) if source.parameters else MAX_CHAR_LENGTH)
    if source.base in ("varchar", "char"):
        return _PATTERNS.get(base)
    return None


def _same_base(first: TrinoType, second: TrinoType) -> TrinoType | None:
    if first.base == "decimal":
        (p1, s1), (p2, s2) = first.numbers, second.numbers
        scale = max(s1, s2)
        return decimal(min(MAX_DECIMAL_PRECISION, max(p1 - s1, p2 - s2) + scale), scale)
    if first.base == "varchar":
        if not first.parameters or not second.parameters:
            return varchar()
        return varchar(max(first.numbers[0], second.numbers[0]))
    if first.base in _BY_MAXIMUM:
        return TrinoType(first.base, (max(first.numbers[0], second.numbers[0]),))
    if first.base in ("array", "map", "row"):
        return _same_structure(first, second)
    return None


def _same_structure(first: TrinoType, second: TrinoType) -> TrinoType | None:
    if len(first.parameters) != len(second.parameters):
        return None
    inner: list[TrinoType] = []
    for a, b in zip(first.arguments, second.arguments, strict=True):
        common = common_super_type(a, b)
        if common is None:
            return None
        inner.append(common)
    names = tuple(a if a == b else None for a, b in zip(first.fields, second.fields, strict=True))
    return TrinoType(first.base, tuple(inner), names)


def comparable(kind: TrinoType) -> bool:
    """Tell whether values of a type can be compared for equality."""
    return kind.base not in _NOT_COMPARABLE and all(comparable(inner) for inner in kind.arguments)


def orderable(kind: TrinoType) -> bool:
    """Tell whether values of a type have an order."""
    return kind.base not in _NOT_ORDERABLE and all(orderable(inner) for inner in kind.arguments)


_ASSIGNED = (
    frozenset({"tinyint", "smallint", "integer", "bigint", "real", "double", "decimal"}),
    frozenset({"varchar", "char"}),
    frozenset({"date", "timestamp", "timestamp with time zone"}),
)
"""Types among which INSERT converts values, which may fail or round; measured on Trino 476."""


def can_assign(source: TrinoType, target: TrinoType) -> bool:
    """Tell whether Trino's INSERT takes values of one type for a column of another."""
    if can_coerce(source, target) or any(source.base in kinds and target.base in kinds for kinds in _ASSIGNED):
        return True
    nested = source.base == target.base and source.base in ("array", "map", "row")
    return (
        nested
        and len(source.arguments) == len(target.arguments)
        and all(can_assign(inner, outer) for inner, outer in zip(source.arguments, target.arguments, strict=True))
    )
