"""The embedded lake: DuckDB over Iceberg tables of pyiceberg SQL catalogs, behind the engine interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import duckdb
import msgspec

from catalog.errors import Refusal
from catalog.materialized_views import Change
from catalog.objects import SchemaName, Table, TableName
from catalog.statistics import Scan, ScanEstimate, TableStatistics
from engines.base import EngineStatement, Health, ResultPage, Submission
from engines.estimates import Actuals
from engines.executions import Part
from engines.history import Asked
from engines.iceberg.history import History
from engines.lake.attest import read_statement
from engines.lake.estimates import lake_estimates
from engines.lake.metering import Reading
from engines.lake.queries import run_query
from engines.lake.reading import bind_tables
from engines.lake.runner import LakeSettings, Runner
from engines.lake.sources import Sources
from engines.lake.writing import COUNTING, ROWS_COLUMN, run_write
from engines.reads import Reads, Unanswered

T = TypeVar("T")


class LakeEngine:
    """Execute translated statements over Iceberg tables.

    `properties` are pyiceberg's SQL catalog properties (`uri`, `warehouse`, perhaps `name`) for each catalog.
    Each statement reads the snapshots that are current when its first page is asked for.
    """

    kind = "lake"

    def __init__(
        self, name: str, properties: Mapping[str, Mapping[str, str]], settings: LakeSettings | None = None
    ) -> None:
        """Prepare; nothing is opened before it is needed."""
        self.name = name
        self.catalogs = tuple(properties)
        self._sources = Sources(name, properties)
        self._estimates = lake_estimates(self._sources)
        self._history = History(self._sources)
        directories = sorted({_directory(p["warehouse"]) for p in properties.values() if "warehouse" in p})
        self._runner = Runner(f"lake-{name}", settings or LakeSettings(), directories)
        self._describing = ThreadPoolExecutor(2, thread_name_prefix=f"lake-{name}-catalog")

    async def start(self) -> None:
        """Open DuckDB; catalogs are opened when first asked."""
        self._runner.open()

    async def close(self) -> None:
        """Cancel what runs; close threads, DuckDB and the catalogs."""
        await self._runner.close()
        await self._estimates.close()
        await self._history.close()
        await asyncio.to_thread(self._describing.shutdown, wait=True, cancel_futures=True)
        await asyncio.to_thread(self._sources.close)

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List the schemas of a catalog."""
        return await self._blocking(lambda: self._sources.schemas(catalog))

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Describe every table of a catalog."""
        return await self._blocking(lambda: self._sources.tables(catalog))

    async def describe(self, name: TableName) -> Table | None:
        """Describe one table now; None if it does not exist."""
        return await self._blocking(lambda: self._sources.describe(name))

    async def foretell(self, statement: EngineStatement) -> Reads:
        """Say what a query would read, and whether that is as it was; see `engines.reads.ForetellingEngine`."""
        names = [table.name for table in statement.tables]
        try:
            said = await self._runner.look(lambda cursor: read_statement(cursor, statement.sql, names))
            now = [await self.describe(name) for name in names]
        except Refusal as refusal:
            raise Unanswered(f"{refusal.code.name}: {refusal.detail or refusal.message}") from None
        versions = {name: found and found.version for name, found in zip(names, now, strict=True)}
        return msgspec.structs.replace(said, versions=versions)

    async def data_versions(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Name the metadata file of each table as it is now; see `engines.estimates.EstimatingEngine`."""
        return await self._estimates.data_versions([table.name for table in tables])

    async def statistics(self, table: Table) -> TableStatistics | None:
        """Return what the manifests say of a table."""
        return await self._estimates.statistics(table.name)

    async def estimate(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Say from manifests what each scan would read."""
        return await self._estimates.estimate(scans)

    async def changes(self, table: Table, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table; see `engines.history.HistoryEngine`."""
        return await self._history.changes(table.name, since, until)

    async def snapshot(self, table: Table, version: str) -> int | None:
        """Return the snapshot of a version; see `engines.history.PinningEngine`."""
        return await self._history.snapshot(table.name, version)

    async def shown_by(self, table: Table, versions: Sequence[str], present: str, asked: Asked) -> Mapping[str, int]:
        """Return the versions that show the snapshot asked for; see `engines.history.TravellingEngine`."""
        return await self._history.shown_by(table.name, versions, present, asked)

    async def submit(self, statement: EngineStatement, query_id: str) -> Submission:
        """Register a statement; it starts when its first page is asked for."""
        columns = statement.columns
        if columns is None and statement.write is not None and statement.write.kind in COUNTING:
            columns = ROWS_COLUMN
        return self._runner.submit(statement, query_id, columns, self._work)

    async def page(self, cursor: str) -> ResultPage:
        """Return the page a cursor names. Raises PageGone, PageUnknown, or the statement's Refusal."""
        return await self._runner.page(cursor)

    async def heartbeat(self, cursor: str) -> bool:
        """Keep a query alive without moving it."""
        return self._runner.executions.heartbeat(cursor)

    async def cancel(self, cursor: str) -> None:
        """Interrupt DuckDB and end the query."""
        await self._runner.executions.cancel(cursor)

    async def health(self) -> Health:
        """Look into every catalog."""
        try:
            for catalog in self.catalogs:
                await self.schemas(catalog)
        except Refusal as refusal:
            return Health(False, refusal.detail or refusal.message)
        return Health(True)

    async def actuals(self, query_id: str, engine_query_id: str | None) -> Actuals | None:
        """Say what a statement of this process read from storage; see `engines.estimates.AccountingEngine`."""
        return self._runner.actuals(query_id)

    def _work(
        self, cursor: duckdb.DuckDBPyConnection, statement: EngineStatement, reading: Reading
    ) -> Generator[Part, None, None]:
        def bind(sql: str) -> None:
            bind_tables(cursor, sql, statement.tables, self._sources.present, reading.add)

        if statement.write is not None:
            yield from run_write(cursor, statement, self._sources, bind)
        else:
            bind(statement.sql)
            yield from run_query(cursor, statement)

    async def _blocking(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._describing, call)


def _directory(warehouse: str) -> str:
    """Return the local directory of a warehouse, with a slash at its end; DuckDB may read below it."""
    return warehouse.removeprefix("file://").rstrip("/") + "/"
