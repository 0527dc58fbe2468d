"""What happened to tables of ClickHouse between two versions: the partitions that hold something else.

Which inserts are new is told by the numbers of their blocks, as long as the server runs on: then the rows of new parts
are looked at, where no merge has mixed them with old ones. All else that can happen to a partition (mutations, dropped,
attached or replaced parts, expiry, merges that change rows) changes its contents, so that the whole of it is told.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalog.errors import Refusal
from catalog.materialized_views import Bound, Change, Region
from catalog.objects import Column, Table, TableName
from engines.clickhouse.connections import Connection
from engines.clickhouse.part_versions import (
    Partition,
    PartVersion,
    VersionRow,
    changed_partitions,
    patched_partitions,
    read_version,
    version_text,
    versions_question,
)
from engines.clickhouse.partition_bounds import partition_region
from engines.clickhouse.sizes import condition_of, identifier, literal, mentions, named, native
from engines.history import unknown

_KEPT = 10_000
_MOST_REGIONS = 50
_MOST_PARTS = 1000
_MOST_COLUMNS = 8
_MOST_LOOKS = 20
"""Partitions of which new rows are looked at; those of the others are enclosed by their partitions."""
_Pair = tuple[Partition | None, Partition | None]
"""A partition as it was and as it is."""
_CLOCK_SECONDS = 5
"""How far the clocks of server and gateway may lie apart, more than enough."""
_WRITTEN: Mapping[str, str] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), "{}"),
    "decimal": "DECIMAL '{}'",
    "date": "DATE '{}'",
    "timestamp": "TIMESTAMP '{}'",
    "timestamp with time zone": "TIMESTAMP '{} UTC'",
}


class _Part(NamedTuple):
    """One part that is there now."""

    name: str
    first_block: int
    last_block: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """A table of which some partitions hold something else than they did."""

    table: Table
    partition_key: str
    keys: str
    """All of its keys' expressions."""
    changed: Mapping[str, _Pair]

    def partition(self, pair: _Pair) -> Region:
        """Enclose all rows that a partition has or had."""
        value = next((each.value for each in pair if each is not None), "")
        return partition_region(self.table, self.partition_key, value)

    def by_partitions(self) -> Change:
        """Tell that anything may have happened to the partitions."""
        return Change(self.table.name, tuple(_few([self.partition(pair) for pair in self.changed.values()])))


class ClickHouseHistory:
    """Tell the history of one server's tables."""

    def __init__(self, connection: Connection) -> None:
        """Ask nothing yet."""
        self._connection = connection
        self._first_seen: OrderedDict[tuple[TableName, str], float] = OrderedDict()

    async def data_versions(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Name the present version of each table's data, by one question; what tells none is left out."""
        if not tables:
            return {}
        ours = named(tables)
        rows = [VersionRow(*row) for row in await self._connection.rows(versions_question(tables), {})]
        texts = {ours[row.database, row.table]: version_text(row) for row in rows}
        found = {name: text for name, text in texts.items() if text is not None}
        for name, text in found.items():
            self._note(name, text)
        return found

    async def changes(self, table: Table, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table. Raises Refusal where the server does not answer."""
        if since == until:
            return Change(table.name)
        before, after = read_version(since), read_version(until)
        if before is None or after is None:
            return unknown(table, "its older version was named by another release")
        why = _incomparable(before, after)
        if why is not None:
            return unknown(table, why)
        changed = changed_partitions(before, after)
        if not changed:
            return Change(table.name)
        rows = await self._connection.rows(_keys_question(table), {})
        if not rows:
            return unknown(table, "it is gone")
        asked = _Asked(table, rows[0][0], " ".join(rows[0]), changed)
        if before.merging or after.merging or not await self._has_run_since(table.name, since):
            return asked.by_partitions()
        patched = patched_partitions(before) | patched_partitions(after)
        told = await self._by_new_rows(asked, patched)
        # If it moved on meanwhile, what was read of its parts may not be what they were.
        moved = (await self.data_versions([table])).get(table.name) != until
        return asked.by_partitions() if moved else told

    async def _by_new_rows(self, asked: _Asked, patched: Collection[str]) -> Change:
        """Enclose changed partitions: by their new rows, where there is nothing but new rows, else as they are."""
        parts: dict[str, list[_Part]] = {}
        for number, name, *figures in await self._connection.rows(_parts_question(asked.table, asked.changed), {}):
            parts.setdefault(number, []).append(_Part(name, *(int(each) for each in figures)))
        regions: list[Region] = []
        appended_only, looks = True, _MOST_LOOKS
        for number, pair in asked.changed.items():
            new = None if number in patched else _new_parts(parts.get(number, ()), *pair)
            appended_only = appended_only and new is not None
            if new:
                looks -= 1
                told = await self._enclosed(asked, new) if looks >= 0 else None
                regions.append(asked.partition(pair) if told is None else told)
            elif new is None:
                regions.append(asked.partition(pair))
        few = tuple(_few(regions))
        return Change(asked.table.name, few, appended_only=appended_only) if few else Change(asked.table.name)

    async def _enclosed(self, asked: _Asked, parts: Sequence[str]) -> Region | None:
        """Ask for the ends of the key columns in some parts; None where that fails, as for parts that are gone."""
        bounded = [column for column in asked.table.columns if _is_bounded(column)]
        columns = [c for c in bounded if mentions(asked.keys, c.native_name or c.name)][:_MOST_COLUMNS]
        if not columns:
            return None
        try:
            rows = await self._connection.rows(_ends_question(asked.table, columns, parts), {})
        except Refusal:
            return None
        ends = list(zip(rows[0][::3], rows[0][1::3], rows[0][2::3], strict=True))
        bounds = [_written(column, *each) for column, each in zip(columns, ends, strict=True)]
        return Region(tuple(bound for bound in bounds if bound is not None))

    async def _has_run_since(self, name: TableName, version: str) -> bool:
        """Tell whether the server runs since before a version was seen: block numbers may begin anew when it starts."""
        seen = self._first_seen.get((name, version))
        if seen is None:
            return False
        rows = await self._connection.rows("SELECT toString(uptime())", {})
        return time.time() - float(rows[0][0]) + _CLOCK_SECONDS < seen

    def _note(self, name: TableName, version: str) -> None:
        key = name, version
        self._first_seen.setdefault(key, time.time())
        self._first_seen.move_to_end(key)
        if len(self._first_seen) > _KEPT:
            self._first_seen.popitem(last=False)


def _incomparable(before: PartVersion, after: PartVersion) -> str | None:
    """Say why nothing can be said of what happened between two versions."""
    if before.identity != after.identity:
        return "it was made anew, or its columns were altered"
    if before.mutating or after.mutating:
        return "a mutation is under way"
    if before.digest or after.digest:
        return "it has too many partitions to keep apart what happened to each"
    return None


def _new_parts(parts: Sequence[_Part], before: Partition | None, after: Partition | None) -> list[str] | None:
    """Return the parts with new rows, if any; None where something else than inserts may have happened."""
    if after is None or after.mutated != (0 if before is None else before.mutated):
        return None
    last = -1 if before is None else before.last_block
    old = sum(part.rows for part in parts if part.last_block <= last)
    mixed = any(part.first_block <= last < part.last_block for part in parts)
    new = [part.name for part in parts if part.first_block > last]
    if mixed or old != (0 if before is None else before.rows) or len(new) > _MOST_PARTS:
        return None
    return new


def _few(regions: Sequence[Region]) -> Sequence[Region]:
    """Return few regions around all: neighbours in time are joined where there are many."""
    distinct = list(dict.fromkeys(regions))
    if Region() in distinct:
        return [Region()]
    if len(distinct) <= _MOST_REGIONS:
        return distinct
    times = [[bound for bound in region.bounds if _is_time(bound)] for region in distinct]
    axis = {bound.column for bound in times[0]}.intersection(*({bound.column for bound in each} for each in times))
    if not axis:
        return [Region()]
    column = min(axis)
    ordered = sorted((bound for each in times for bound in each if bound.column == column), key=lambda b: b.low or "")
    size = -(-len(ordered) // _MOST_REGIONS)
    return [_around(ordered[at : at + size]) for at in range(0, len(ordered), size)]


def _around(bounds: Sequence[Bound]) -> Region:
    """Join bounds of one column by time, whose literals sort as their values do."""
    low, high = min(bound.low or "" for bound in bounds), max(bound.high or "" for bound in bounds)
    return Region((Bound(bounds[0].column, low, high, any(bound.nulls for bound in bounds)),))


def _is_time(bound: Bound) -> bool:
    return all(end is not None and end.startswith(("DATE '", "TIMESTAMP '")) for end in (bound.low, bound.high))


def _is_bounded(column: Column) -> bool:
    native_type = column.native_type or ""
    text = native_type.removeprefix("LowCardinality(").removeprefix("Nullable(").rstrip(")") == "String"
    return column.type.base in _WRITTEN or (column.type.base == "varchar" and text)


def _keys_question(table: Table) -> str:
    return f"SELECT partition_key, sorting_key FROM system.tables WHERE {condition_of([table], 'name')}"  # noqa: S608  (quoted names)


def _parts_question(table: Table, numbers: Iterable[str]) -> str:
    listed = ", ".join(literal(number) for number in numbers)
    return f"""
SELECT partition_id, name, toString(min_block_number), toString(max_block_number), toString(rows) FROM system.parts
WHERE active AND {condition_of([table], "table")} AND partition_id IN ({listed})
"""  # noqa: S608  (quoted names)


def _ends_question(table: Table, columns: Sequence[Column], parts: Sequence[str]) -> str:
    """Ask for the least and the greatest value of columns in some parts, and for their NULLs."""
    place = ".".join(identifier(part) for part in native(table))
    shown = ", ".join(_ends(column) for column in columns)
    listed = ", ".join(literal(part) for part in parts)
    return f"SELECT {shown} FROM {place} WHERE _part IN ({listed})"  # noqa: S608  (quoted names)


def _ends(column: Column) -> str:
    name = identifier(column.native_name or column.name)
    zoned = column.type.base.startswith("timestamp")
    ends = (f"toTimeZone({end}({name}), 'UTC')" if zoned else f"{end}({name})" for end in ("min", "max"))
    return ", ".join([*(f"ifNull(toString({end}), '')" for end in ends), f"toString(countIf({name} IS NULL))"])


def _written(column: Column, low: str, high: str, nulls: str) -> Bound | None:
    """Write the ends of a column as a bound; a column of nothing but NULLs has none."""
    if column.type.base == "varchar":
        if not (low.isprintable() and high.isprintable()) or "\ufffd" in low + high:
            return None
        first, last = ("'" + each.replace("'", "''") + "'" for each in (low, high))
        return Bound(column.name, first, last, nulls != "0")
    if not low or not high:
        return None
    form = _WRITTEN[column.type.base]
    return Bound(column.name, form.format(low), form.format(high), nulls != "0")
