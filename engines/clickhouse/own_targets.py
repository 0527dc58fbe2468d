"""Hold the base and the target of one of ClickHouse's own views to what its SELECT needs.

The target must keep parts of groups such that they merge as the SELECT's own groups do, and nothing else besides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from engines.clickhouse.own_selects import DAYS, MERGING, SETS, Item, Select, Unread

_INSTANT = "DateTime('UTC')"
_NARROW = frozenset({"Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"})
_ORDERED = frozenset({*_NARROW, "Int64", "String", "Date32", "Date", _INSTANT})
_DECIMAL = re.compile(r"Decimal\((\d+), \d+\)")
_MOST_DIGITS = 18


def check_select(read: Select, base: Sequence[tuple[str, str]], engine: str, sorting: str, target: str) -> None:
    """Hold the types of the base and the form of the target to what a SELECT needs. Raises Unread."""
    kinds = dict(base)
    for item in read.items:
        _check_item(item, kinds)
    for column, what in read.filtered:
        _check_filtered(column, what, kinds)
    columns = {name: kind for _, name, kind in msgspec.json.decode(target, type=list[tuple[int, str, str]])}
    _check_target(read.items, kinds, engine, sorting, columns)


def _bare(kind: str) -> str:
    """Return a type without NULL and dictionary."""
    for wrapper in ("LowCardinality(", "Nullable("):
        if kind.startswith(wrapper):
            kind = kind.removeprefix(wrapper)[:-1]
    return kind


def _known(column: str, kinds: Mapping[str, str]) -> str:
    if column not in kinds:
        raise Unread(f"it names {column}, which is no column of its base")
    return kinds[column]


def _check_item(item: Item, kinds: Mapping[str, str]) -> None:
    if item.name in kinds and (item.function or item.cut or item.column != item.name):
        raise Unread(f"{item.name} names a column of the base and something else, too")
    if item.function == "count" and not item.column:
        return
    kind = _bare(_known(item.column, kinds))
    digits = _DECIMAL.fullmatch(kind)
    fits = digits is not None and int(digits[1]) <= _MOST_DIGITS
    good = {
        "": kind == _INSTANT if item.cut else kind in _ORDERED or digits is not None,
        "count": True,
        "sum": kind in _NARROW or fits,
        "min": kind in _ORDERED or digits is not None,
        "max": kind in _ORDERED or digits is not None,
    }.get(item.function, kind in {*_NARROW, "Int64", "String"})
    if not good:
        what = item.function or item.cut or "a key"
        raise Unread(f"{what} of {item.column}, which is {kinds[item.column]}, is not read")


def _check_filtered(column: str, what: str, kinds: Mapping[str, str]) -> None:
    kind = _bare(_known(column, kinds))
    good = {"text": kind == "String", "number": kind in {*_NARROW, "Int64"}, "": True}[what]
    if not good:
        raise Unread(f"a comparison of {column}, which is {kinds[column]}, is not read")


def _check_target(
    items: Sequence[Item], kinds: Mapping[str, str], engine: str, sorting: str, columns: Mapping[str, str]
) -> None:
    """Hold the target to the form in which rows are parts of groups, and merges put together what belongs together."""
    plain = engine.removeprefix("Replicated").removeprefix("Shared")
    if plain not in ("MergeTree", "AggregatingMergeTree"):
        raise Unread(f"its target is of the engine {engine or 'that nobody tells'}, whose merges do more")
    if set(columns) != {item.name for item in items}:
        raise Unread("its target has other columns than its SELECT")
    sorted_by = {part.strip() for part in sorting.split(",")}
    for item in items:
        kind, wanted = columns[item.name], _native(item, kinds)
        merging = f"SimpleAggregateFunction({MERGING.get(item.function, '')}, {wanted})"
        if not item.function and plain == "AggregatingMergeTree" and item.name not in sorted_by:
            raise Unread(f"its target merges rows of other {item.name}: that is not in its sorting key")
        same = kind == wanted or (not item.function and _without_dictionary(kind) == _without_dictionary(wanted))
        if not (kind == merging or (same and (not item.function or item.function in SETS or plain == "MergeTree"))):
            raise Unread(f"{item.name} is kept as {kind}, and not as {merging if item.function in MERGING else wanted}")


def _without_dictionary(kind: str) -> str:
    return kind.removeprefix("LowCardinality(")[:-1] if kind.startswith("LowCardinality(") else kind


def _native(item: Item, kinds: Mapping[str, str]) -> str:
    """Return the server's type of a column of the SELECT."""
    if item.function == "count":
        return "UInt64"
    kind = _without_dictionary(kinds[item.column])
    optional = kind.startswith("Nullable(")
    bare = _bare(kind)
    if item.function in SETS:
        return f"AggregateFunction({SETS[item.function]}, {kind})"
    if item.function == "sum":
        digits = _DECIMAL.fullmatch(bare)
        bare = f"Decimal(38, {bare.rpartition(', ')[2]}" if digits else "UInt64" if bare[0] == "U" else "Int64"
    if item.cut in (*DAYS, "toDate"):
        bare = "Date"
    return f"Nullable({bare})" if optional else bare
