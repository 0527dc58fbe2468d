"""Which casts Trino has."""

from __future__ import annotations

from catalog.types import TrinoType

_NUMBERS = frozenset({"boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal"})
_TEXT = frozenset({"varchar"})
_DATETIME = frozenset({"time", "time with time zone", "timestamp", "timestamp with time zone"})
_JSON = frozenset({"json"})
_TARGETS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_NUMBERS, _NUMBERS | _TEXT | _JSON),
    "varchar": _NUMBERS | _TEXT | _DATETIME | _JSON | {"char", "varbinary", "date", "uuid", "ipaddress"},
    "char": frozenset({"char", "varchar"}),
    "varbinary": frozenset(
        {"varbinary", "uuid", "ipaddress", "HyperLogLog", "P4HyperLogLog", "SetDigest", "tdigest", "qdigest"}
    ),
    "json": _NUMBERS | _TEXT | _JSON | {"array", "map", "row"},
    "date": _TEXT | _JSON | {"date", "timestamp", "timestamp with time zone"},
    "time": _TEXT | _DATETIME,
    "time with time zone": _TEXT | _DATETIME,
    "timestamp": _TEXT | _JSON | _DATETIME | {"date"},
    "timestamp with time zone": _TEXT | _DATETIME | {"date"},
    "interval day to second": _TEXT | {"interval day to second"},
    "interval year to month": _TEXT | {"interval year to month"},
    "uuid": _TEXT | {"uuid", "varbinary"},
    "ipaddress": _TEXT | {"ipaddress", "varbinary"},
    "array": frozenset({"array", "json"}),
    "map": frozenset({"map", "json"}),
    "row": frozenset({"row", "json"}),
    "HyperLogLog": frozenset({"HyperLogLog", "P4HyperLogLog", "varbinary"}),
    "tdigest": frozenset({"tdigest", "varbinary"}),
}
"""Base of the source to the bases of its targets; measured on Trino 476. Other types are left to the engine."""
_UNBOUNDED_ONLY = frozenset({"uuid", "ipaddress"})
"""Turn into varchar without a length only."""


def can_cast(source: TrinoType, target: TrinoType) -> bool:
    """Tell whether a cast exists; values may still fail at run time."""
    if source == target or source.base == "unknown":
        return True
    targets = _TARGETS.get(source.base)
    if targets is None:
        return True
    if target.base not in targets:
        return False
    if target.base == "varchar" and source.base in _UNBOUNDED_ONLY:
        return not target.parameters
    return source.base == "varbinary" or _inner_casts(source, target)


def _inner_casts(source: TrinoType, target: TrinoType) -> bool:
    json = TrinoType("json")
    if target.base == "json":
        values = source.arguments[1:] if source.base == "map" else source.arguments
        return all(can_cast(inner, json) for inner in values)
    if source.base == "json":
        return all(can_cast(json, inner) for inner in target.arguments)
    if len(source.arguments) != len(target.arguments):
        return False
    return all(can_cast(a, b) for a, b in zip(source.arguments, target.arguments, strict=True))
