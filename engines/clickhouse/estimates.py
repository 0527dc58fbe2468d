"""What queries on ClickHouse would read: the ranges that its keys leave, times the stored bytes of the columns read.

`EXPLAIN ESTIMATE` is asked for each scan by itself, with the constants of its condition alone: of the statement's own
text ClickHouse would run the subqueries to plan it, and would add up several scans of one table.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from catalog.statistics import (
    Basis,
    Interval,
    Scan,
    ScanEstimate,
    TableStatistics,
)
from engines.base import EngineStatement
from engines.clickhouse.conditions import condition_sql
from engines.clickhouse.connections import Connection
from engines.clickhouse.scans import (
    BLOCK,
    PARTLY,
    UNBOUNDED,
    Left,
    bytes_of,
    natives,
    ours_of,
    rows_of,
    statistics_of,
    unfiltered,
    without_parts,
)
from engines.clickhouse.sizes import (
    Held,
    PartsRow,
    TableRow,
    TableSizes,
    columns_question,
    identifier,
    literal,
    named,
    native,
    parts_question,
    read_sample,
    sample_question,
    sizes_of,
    tables_question,
)

K = TypeVar("K")
V = TypeVar("V")
_KEPT = 4096
_SLACK = 1.1
_MAKES_ROWS = re.compile(
    r"\b(?:JOIN|UNION|ARRAY|arrayJoin|FILL|TOTALS|CUBE|ROLLUP|GROUPING|UNNEST|EXCEPT|INTERSECT)\b"
    r"|\bFROM\s[^()]*,|\bFROM\b.*\bFROM\b",
    re.IGNORECASE | re.DOTALL,
)
"""What in a view's text may make more rows than it reads of its one table."""
WHY_VIEW = "a view: it reads at most these ranges of the tables below, whole"
WHY_SAMPLED = "compact parts do not tell columns apart: split by a sample"


class _Latest(Generic[K, V]):
    """Keep the latest few thousand values."""

    def __init__(self) -> None:
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._kept.get(key)

    def keep(self, key: K, value: V) -> V:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return value


class ClickHouseEstimates:
    """Answer for one server; each table's sizes are read once for a version of its data."""

    def __init__(self, connection: Connection, *, seconds: float = 2.0) -> None:
        """A question may take `seconds`."""
        self._connection = connection
        self._seconds = seconds
        self._sizes: _Latest[TableName, TableSizes] = _Latest()
        self._left: _Latest[tuple[TableName, str, str], Left] = _Latest()
        self._inflation: _Latest[str, float] = _Latest()
        self._turn = asyncio.Lock()

    async def statistics(self, table: Table) -> TableStatistics | None:
        """Return what a table holds; None for what keeps nothing itself. Raises Refusal."""
        sizes = (await self._current([table])).get(table.name)
        return None if sizes is None else statistics_of(table, sizes, time.time())

    async def estimate(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Say what each scan would read; what cannot be told is said so. Raises Refusal."""
        read = [table for name in dict.fromkeys(scan.table for scan in scans) if (table := tables.get(name))]
        sizes = await self._current(read)
        partly = PARTLY.search(statement.sql) is not None
        found = [
            await self._estimate(scan, tables.get(scan.table), sizes.get(scan.table), partly=partly) for scan in scans
        ]
        self._remember_inflation(statement.sql, found, tables, sizes)
        return tuple(found)

    def most_in_memory(self, sql: str, most: int) -> int | None:
        """Return how many uncompressed bytes stand for so many compressed ones in a statement that was estimated.

        None where that is not known: the server cannot be told then.
        """
        times = self._inflation.get(sql)
        return None if times is None else round(max(most, 0) * times * _SLACK) + BLOCK

    def _remember_inflation(
        self,
        sql: str,
        found: Sequence[ScanEstimate],
        tables: Mapping[TableName, Table],
        sizes: Mapping[TableName, TableSizes],
    ) -> None:
        whole = [Held(0.0, 0.0)]
        for each in found:
            table, size = tables.get(each.scan.table), sizes.get(each.scan.table)
            if table is not None and size is not None:
                whole += [size.columns[name] for name in natives(each.scan, table) if name in size.columns]
        compressed, uncompressed = sum(held.compressed for held in whole), sum(held.uncompressed for held in whole)
        if compressed > 0:
            self._inflation.keep(sql, max(1.0, uncompressed / compressed))

    async def _estimate(
        self, scan: Scan, table: Table | None, sizes: TableSizes | None, *, partly: bool
    ) -> ScanEstimate:
        now = time.time()
        if table is None or sizes is None:
            return ScanEstimate(scan, UNBOUNDED, UNBOUNDED, Basis("none"), why="the server does not say what it holds")
        statistics = statistics_of(table, sizes, now)
        if sizes.engine == "View":
            return await self._view(scan, table, statistics, now)
        if not sizes.by_parts or (sizes.bytes and not sizes.columns):
            return without_parts(scan, sizes, statistics, now)
        left, why = await self._ranges(scan, table, sizes)
        columns = {name: sizes.columns.get(name, Held(0.0, 0.0)) for name in natives(scan, table)}
        per_row = {name: held.compressed / sizes.rows for name, held in columns.items()} if sizes.rows else {}
        return ScanEstimate(
            scan,
            bytes=bytes_of(scan, table, sizes, left, per_row, partly=partly),
            rows=rows_of(scan, left, statistics, sizes.rows or 0),
            basis=Basis("explain estimate", sizes.version, now),
            column_bytes={ours_of(table)[name]: round(size * left.rows) for name, size in per_row.items()},
            files=(left.parts, sizes.parts),
            unfiltered=unfiltered(scan, statistics),
            statistics=statistics,
            why="; ".join(filter(None, (why, WHY_SAMPLED if sizes.sampled else ""))),
        )

    async def _ranges(self, scan: Scan, table: Table, sizes: TableSizes) -> tuple[Left, str]:
        """Ask what keys and partitions leave, once for a condition and version; all of it where that fails."""
        whole = Left(sizes.parts, sizes.rows or 0)
        condition = condition_sql(scan.condition, {c.name: c.native_name or c.name for c in table.columns})
        if condition is None:
            return whole, ""
        key = (table.name, sizes.version, condition)
        if (known := self._left.get(key)) is not None:
            return known, ""
        try:
            rows = await self._rows(_ranges_question(table, condition))
        except Refusal as refusal:
            return whole, f"which parts it leaves could not be asked ({refusal.code.name})"
        left = Left(sum(int(parts) for parts, _ in rows), sum(int(count) for _, count in rows))
        return self._left.keep(key, left), ""

    async def _view(self, scan: Scan, table: Table, statistics: TableStatistics, now: float) -> ScanEstimate:
        """Bound what a view reads by the ranges that its own keys and conditions leave of the tables below."""
        try:
            rows = await self._rows(_below_question(table))
        except Refusal as refusal:
            why = f"what the view reads could not be asked ({refusal.code.name})"
            return ScanEstimate(scan, UNBOUNDED, UNBOUNDED, Basis("none"), statistics=statistics, why=why)
        if any(not size for _, _, size, _ in rows):
            why = "a view over tables that do not say how much they hold"
            return ScanEstimate(scan, UNBOUNDED, UNBOUNDED, Basis("none"), statistics=statistics, why=why)
        most = sum(float(size) * int(left) / max(1, int(every)) for left, every, size, _ in rows)
        plain = len(rows) == 1 and _MAKES_ROWS.search(rows[0][3]) is None
        made = Interval(0.0, float(rows[0][0]), float(rows[0][0])) if plain else UNBOUNDED
        basis = Basis("explain estimate", taken_at=now)
        return ScanEstimate(scan, Interval(0.0, most, most), made, basis, statistics=statistics, why=WHY_VIEW)

    async def _current(self, tables: Sequence[Table]) -> Mapping[TableName, TableSizes]:
        """Return what tables hold now, reading what has changed; those who ask at once wait for one another."""
        by_name = {table.name: table for table in tables}
        async with self._turn:
            rows = await self._tables(tables)
            for name, row in rows.items():
                known = self._sizes.get(name)
                if known is None or known.version != row.version:
                    self._sizes.keep(name, await self._read(by_name[name], row))
            return {name: sizes for name in rows if (sizes := self._sizes.get(name)) is not None}

    async def _tables(self, tables: Sequence[Table]) -> Mapping[TableName, TableRow]:
        if not tables:
            return {}
        ours = named(tables)
        rows = [TableRow(*row) for row in await self._rows(tables_question(tables))]
        return {ours[row.database, row.table]: row for row in rows}

    async def _read(self, table: Table, row: TableRow) -> TableSizes:
        if not row.engine.endswith("MergeTree"):
            return sizes_of(row, (), (), {})
        parts = [PartsRow(*each) for each in await self._rows(parts_question(table))]
        wide = await self._rows(columns_question(table)) if any(each.kind == "Wide" for each in parts) else []
        compact = any(each.kind != "Wide" for each in parts)
        return sizes_of(row, parts, wide, await self._sample(table) if compact else {})

    async def _sample(self, table: Table) -> Mapping[str, Held]:
        """Measure a sample; without compression where a type, or an old server, does not let it be measured."""
        try:
            rows = await self._rows(sample_question(table))
        except Refusal:
            rows = await self._rows(sample_question(table, measured=False))
        return read_sample(table, rows[0])

    async def _rows(self, sql: str) -> Sequence[Sequence[str]]:
        return await within(self._seconds, lambda: self._connection.rows(sql, {}))


async def within(seconds: float, ask: Callable[[], Awaitable[V]]) -> V:
    """Wait so long for an answer. Raises Refusal EXCEEDED_TIME_LIMIT."""
    try:
        async with asyncio.timeout(seconds):
            return await ask()
    except TimeoutError:
        raise Refusal(ErrorCode.EXCEEDED_TIME_LIMIT, f"ClickHouse did not answer within {seconds:g} s") from None


def _ranges_question(table: Table, condition: str) -> str:
    place = ".".join(identifier(part) for part in native(table))
    asked = f"EXPLAIN ESTIMATE SELECT 1 FROM {place} WHERE {condition}"  # noqa: S608  (quoted names and constants)
    return f"SELECT toString(parts), toString(rows) FROM ({asked})"  # noqa: S608  (our own text and quoted names)


def _below_question(table: Table) -> str:
    """Ask for the tables below a view: rows left, rows that there are, bytes, and the view's text."""
    place = ".".join(identifier(part) for part in native(table))
    database, name = (literal(part) for part in native(table))
    return f"""
SELECT toString(e.rows), ifNull(toString(t.total_rows), '0'), ifNull(toString(t.total_bytes), ''),
  (SELECT as_select FROM system.tables WHERE database = {database} AND name = {name})
FROM (EXPLAIN ESTIMATE SELECT * FROM {place}) AS e
LEFT JOIN system.tables AS t ON t.database = e.database AND t.name = e.table
"""  # noqa: S608  (quoted names)
