"""What statements on a Trino cluster would read: from manifests where its catalog's are known, else by EXPLAIN.

`EXPLAIN (TYPE IO)` runs as the statement's own user. Its sizes are of rows in memory, uncompressed, and of whole
tables where a connector keeps no statistics of parts: they bound what is read, and are never taken for what is.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from catalog.errors import Refusal
from catalog.materialized_views import Change
from catalog.objects import Table, TableName
from catalog.statistics import Basis, Interval, Scan, ScanEstimate, TableStatistics
from engines.aging import Aging
from engines.base import Engine, EngineStatement
from engines.history import Asked, unknown
from engines.reads import Unanswered
from engines.selectivity import share
from engines.trino import describe
from engines.trino.explained import Explained
from engines.trino.table_stats import WHY_SIZE, StatsRow, figure, question, read_stats

if TYPE_CHECKING:  # pyiceberg is heavy, and need not be there where no catalog is read by it
    from engines.iceberg.catalogs import Catalogs
    from engines.iceberg.estimates import ManifestEstimates
    from engines.iceberg.history import History

UNBOUNDED = Interval(0.0, float("inf"), float("inf"))
NOTHING = Interval.exactly(0.0)
GENERATED = frozenset({"tpch", "tpcds", "blackhole", "faker", "system", "jmx"})
"""Connectors that make up their rows, or take them from the cluster itself: nothing is read from storage."""
_EXPLAINED = re.compile(r"EXPLAIN ANALYZE (VERBOSE )?")
_QUERY = re.compile(r"\(*(SELECT|WITH|TABLE|VALUES)\b")
"""How the gateway's own texts of queries begin."""
_CONNECTORS_SQL = "SELECT catalog_name, connector_name FROM system.metadata.catalogs"


class _Connector(msgspec.Struct, array_like=True, frozen=True):
    catalog: str
    connector: str


class _SchemaTable(msgspec.Struct):
    schema: str
    table: str


class _Table(msgspec.Struct, rename="camel"):
    catalog: str
    schema_table: _SchemaTable


class _Figures(msgspec.Struct, rename="camel"):
    output_row_count: float | str | None = None
    output_size_in_bytes: float | str | None = None


class _Input(msgspec.Struct):
    table: _Table
    estimate: _Figures


class _Plan(msgspec.Struct, rename="camel"):
    input_table_column_infos: list[_Input]


@dataclass(frozen=True, slots=True)
class Read:
    """What the cluster expects one reading of a table to give; None for what it does not know."""

    rows: float | None
    size: float | None


_PLAN = msgspec.json.Decoder(_Plan)


class Manifests:
    """Answer for those catalogs whose Iceberg metadata the gateway may read; of no table where there are none."""

    def __init__(self, properties: Mapping[str, Mapping[str, str]]) -> None:
        """Take pyiceberg's properties by Trino catalog. Raises ImportError where pyiceberg is needed and missing."""
        self._catalogs: Catalogs | None = None
        self._estimates: ManifestEstimates | None = None
        self._history: History | None = None
        self._warming: asyncio.Future[None] | None = None
        if properties:
            from engines.iceberg.catalogs import Catalogs
            from engines.iceberg.estimates import ManifestEstimates
            from engines.iceberg.history import History
            from engines.iceberg.readers import TRINO

            self._catalogs = Catalogs(properties)
            self._history = History(self._catalogs)
            self._estimates = ManifestEstimates(self._catalogs, lambda _: TRINO)

    def of(self, name: TableName) -> ManifestEstimates | None:
        """Return who answers for a table; None if its manifests cannot be read."""
        return self._estimates if self._catalogs is not None and self._catalogs.knows(name) else None

    def history(self, name: TableName) -> History | None:
        """Return who knows a table's past; None if its manifests cannot be read."""
        return self._history if self.of(name) is not None else None

    async def data_versions(self, names: Sequence[TableName]) -> Mapping[TableName, str]:
        """Name the versions of those tables that are answered for."""
        known = [name for name in names if self.of(name) is not None]
        return await self._estimates.data_versions(known) if known and self._estimates is not None else {}

    async def estimate(self, scans: Sequence[Scan]) -> tuple[ScanEstimate, ...]:
        """Say what scans of such tables would read."""
        return await self._estimates.estimate(scans) if scans and self._estimates is not None else ()

    def warm(self) -> None:
        """Open the catalogs in a thread, so that the first statement need not wait for it; failures show later."""
        if self._catalogs is not None:
            self._warming = asyncio.get_running_loop().run_in_executor(None, _opened, self._catalogs)

    async def close(self) -> None:
        """End threads and close catalogs."""
        if self._warming is not None:
            await self._warming
        if self._estimates is not None and self._catalogs is not None and self._history is not None:
            await self._estimates.close()
            await self._history.close()
            await asyncio.to_thread(self._catalogs.close)


def _opened(catalogs: Catalogs) -> None:
    for name in catalogs.names:
        with suppress(Refusal):
            catalogs.catalog(name)


class TrinoEstimates:
    """Answer for one cluster. Catalogs whose Iceberg manifests can be read are not asked about there at all."""

    def __init__(
        self,
        engine: Engine,
        user: str,
        explained: Explained,
        iceberg: Mapping[str, Mapping[str, str]] | None = None,
        *,
        seconds: float = 2.0,
        age_seconds: float = 300.0,
    ) -> None:
        """`iceberg` has pyiceberg's properties by Trino catalog; a question may take `seconds`.

        What is known of tables whose version cannot be asked for is asked again after `age_seconds`.
        """
        self._engine = engine
        self._user = user
        self._explained_io = explained
        self._seconds = seconds
        self._manifests = Manifests(iceberg or {})
        self._stats: Aging[TableName, TableStatistics] = Aging(age_seconds)
        self._connectors: Aging[str, Mapping[str, str]] = Aging(age_seconds)

    def warm(self) -> None:
        """Begin to open what the first estimate will need."""
        self._manifests.warm()

    async def close(self) -> None:
        """End questions and threads, and close catalogs."""
        self._stats.close()
        self._connectors.close()
        await self._manifests.close()

    async def data_versions(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Name the versions of tables with manifests; Trino tells no version of others."""
        return await self._manifests.data_versions([table.name for table in tables])

    async def changes(self, table: Table, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table; unknown where there are no manifests to compare."""
        history = self._manifests.history(table.name)
        if history is None:
            return unknown(table, "the engine names no versions of its data: name its Iceberg catalog")
        return await history.changes(table.name, since, until)

    async def snapshot(self, table: Table, version: str) -> int | None:
        """Return the snapshot that a version shows."""
        history = self._manifests.history(table.name)
        return None if history is None else await history.snapshot(table.name, version)

    async def shown_by(self, table: Table, versions: Sequence[str], present: str, asked: Asked) -> Mapping[str, int]:
        """Return the versions that show the snapshot asked for."""
        history = self._manifests.history(table.name)
        return {} if history is None else await history.shown_by(table.name, versions, present, asked)

    async def statistics(self, table: Table) -> TableStatistics | None:
        """Return a table's figures: from manifests, else by SHOW STATS as the gateway itself. Raises Refusal."""
        manifests = self._manifests.of(table.name)
        if manifests is not None:
            return await manifests.statistics(table.name)
        return await self._stats.get(table.name, lambda: self._show_stats(table))

    async def estimate(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Say what each scan would read, in the scans' order; what cannot be told is said so."""
        by_manifest = [self._manifests.of(scan.table) is not None for scan in scans]
        told, asked = await asyncio.gather(
            self._manifests.estimate([scan for scan, known in zip(scans, by_manifest, strict=True) if known]),
            self._explained(
                [scan for scan, known in zip(scans, by_manifest, strict=True) if not known], tables, statement
            ),
        )
        manifests, explained = iter(told), iter(asked)
        return tuple(next(manifests if known else explained) for known in by_manifest)

    async def _explained(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Ask for the plan of a statement, and for the statistics of tables that is not known of."""
        if not scans:
            return ()
        now = time.time()
        try:
            async with asyncio.timeout(self._seconds):
                connectors = await self._connectors.get("", self._ask_connectors)
                asked = reading(statement)
                expected = read_plan(await self._explained_io.for_price(asked)) if asked is not None else {}
        except (Unanswered, Refusal, TimeoutError, msgspec.MsgspecError) as error:
            why = f"the engine did not say what the statement reads ({_reason(error, self._seconds)})"
            return tuple(ScanEstimate(scan, UNBOUNDED, UNBOUNDED, Basis("none"), why=why) for scan in scans)
        names = list({scan.table for scan in scans})
        known = dict(zip(names, await asyncio.gather(*(self._known(tables.get(n)) for n in names)), strict=True))
        return tuple(
            _estimate(scan, expected.get(scan.table), known[scan.table], connectors.get(scan.table.catalog, ""), now)
            for scan in scans
        )

    async def _known(self, table: Table | None) -> TableStatistics | None:
        """Return a table's statistics; None where the cluster has none, or does not say in time."""
        if table is None:
            return None
        try:
            async with asyncio.timeout(self._seconds):
                return await self.statistics(table)
        except (Refusal, TimeoutError):
            return None

    async def _show_stats(self, table: Table) -> TableStatistics:
        rows = await describe.collect(self._engine, question(table), self._user, StatsRow)
        return read_stats(table, rows, time.time())

    async def _ask_connectors(self) -> Mapping[str, str]:
        rows = await describe.collect(self._engine, _CONNECTORS_SQL, self._user, _Connector)
        return {row.catalog: row.connector for row in rows}


def reading(statement: EngineStatement) -> EngineStatement | None:
    """Return the query by which a statement reads; None where it is not known to be one.

    The cluster is asked about reading only: to plan a write makes the table that it is to fill, on some connectors.
    """
    sql = statement.write.query if statement.write is not None else _EXPLAINED.sub("", statement.sql, count=1)
    if sql is None or not _QUERY.match(sql):
        return None
    return msgspec.structs.replace(statement, sql=sql, write=None)


def read_plan(text: str) -> Mapping[TableName, Read]:
    """Read what EXPLAIN (TYPE IO) expects of each table: of several readings the largest. Raises MsgspecError."""
    found: dict[TableName, Read] = {}
    for each in _PLAN.decode(text).input_table_column_infos:
        name = TableName(each.table.catalog, each.table.schema_table.schema, each.table.schema_table.table)
        read = Read(figure(each.estimate.output_row_count), figure(each.estimate.output_size_in_bytes))
        found[name] = _larger(found[name], read) if name in found else read
    return found


def _larger(one: Read, other: Read) -> Read:
    rows = None if one.rows is None or other.rows is None else max(one.rows, other.rows)
    size = None if one.size is None or other.size is None else max(one.size, other.size)
    return Read(rows, size)


def _estimate(
    scan: Scan, read: Read | None, statistics: TableStatistics | None, connector: str, now: float
) -> ScanEstimate:
    rows = _rows(scan, read, statistics)
    if connector in GENERATED:
        why = f"connector {connector} makes its rows: nothing is read from storage"
        return ScanEstimate(scan, NOTHING, rows, Basis("explain io", connector, now), statistics=statistics, why=why)
    if read is None:
        why = "the engine's plan does not read it: its rows are not needed, or come by another name"
        return ScanEstimate(scan, UNBOUNDED, rows, Basis("none"), statistics=statistics, why=why)
    # Trino says 0 bytes beside NaN rows where a connector tells it nothing at all.
    if read.size is None or read.rows is None:
        why = "the engine has no statistics of this table: ANALYZE it, or name its Iceberg catalog in the configuration"
        return ScanEstimate(scan, UNBOUNDED, rows, Basis("none"), statistics=statistics, why=why)
    size = Interval(0.0, read.size, read.size)
    return ScanEstimate(scan, size, rows, Basis("explain io", taken_at=now), statistics=statistics, why=WHY_SIZE)


def _rows(scan: Scan, read: Read | None, statistics: TableStatistics | None) -> Interval:
    counts = [read.rows if read is not None else None, statistics.rows if statistics is not None else None]
    known = [count for count in counts if count is not None]
    if not known:
        return UNBOUNDED
    every = max(known)
    columns = statistics.columns if statistics is not None else {}
    kept = share(scan.condition, columns, round(every))
    return Interval(every if kept == 1.0 else 0.0, every * kept, every)


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, Refusal):
        return error.code.name
    return "it failed the question" if isinstance(error, Unanswered) else "its answer is not understood"
