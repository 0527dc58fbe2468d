"""The ClickHouse engine: governed SELECTs in, pages of the Trino protocol out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import msgspec

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Change, Watermark
from catalog.objects import SchemaName, Table, TableName
from catalog.statistics import Scan, ScanEstimate, TableStatistics
from catalog.types import TrinoType
from engines.base import EngineStatement, Health, OutputColumn, ResultPage, Submission
from engines.clickhouse.attest import question, read_tree
from engines.clickhouse.connections import Block, Connection
from engines.clickhouse.decode import Decoder, column_decoder
from engines.clickhouse.describe import (
    COLUMNS_SQL,
    SCHEMAS_SQL,
    columns_parameters,
    schemas_of,
    table_of,
    tables_of,
    with_declared,
)
from engines.clickhouse.embedded import EmbeddedConnection
from engines.clickhouse.estimates import ClickHouseEstimates
from engines.clickhouse.filling import drop, fill
from engines.clickhouse.history import ClickHouseHistory
from engines.clickhouse.holdings import held_views
from engines.clickhouse.http import HttpConnection, HttpTarget
from engines.clickhouse.own_views import compare, own_views
from engines.clickhouse.query_log import QueryLog
from engines.clickhouse.settings import query_settings
from engines.estimates import Actuals
from engines.executions import Executions, Part, Task
from engines.limits import SCAN_PROPERTY, scan_limit, time_limit
from engines.reads import Reads, Unanswered
from engines.rows import Paginator, columns_json, wire_columns
from engines.views import Compared, Fill, Filling, Holding, OwnView, Pages

_ENCODERS = 2
"""Threads that turn blocks into pages."""


class ClickHouseEngine:
    """Execute governed SELECTs on one ClickHouse server, or on chdb in this process.

    A catalog's schemas are the server's databases; several catalog names may stand for one server.
    """

    kind = "clickhouse"

    def __init__(
        self,
        name: str,
        catalogs: Sequence[str],
        connection: Connection,
        *,
        limits: Mapping[str, str] | None = None,
        executions: Executions | None = None,
        declared: Mapping[str, TrinoType] | None = None,
    ) -> None:
        """Serve `catalogs` by a connection; `limits` are settings such as max_execution_time, max_memory_usage.

        `declared` says which String columns (`schema.table.column`) are char(n) or varbinary.
        """
        self.name = name
        self.catalogs = tuple(catalogs)
        self._connection = connection
        self._limits = dict(limits or {})
        self._declared = dict(declared or {})
        self._executions = executions or Executions()
        self._encoders = ThreadPoolExecutor(_ENCODERS, thread_name_prefix="clickhouse-pages")
        self._log = QueryLog(connection)
        self._estimates = ClickHouseEstimates(connection)
        self._history = ClickHouseHistory(connection)
        self._kills: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Do nothing: connections open at first use, so that a server may come up later."""

    async def close(self) -> None:
        """Cancel what runs and release connections and threads."""
        await self._executions.close()
        if self._kills:
            await asyncio.wait(self._kills.values())
        await self._log.close()
        await self._connection.close()
        self._encoders.shutdown(wait=False, cancel_futures=True)

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List the databases."""
        rows = await self._connection.rows(SCHEMAS_SQL, {})
        return schemas_of(catalog, (row[0] for row in rows))

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Describe every table, in one query."""
        rows = await self._connection.rows(COLUMNS_SQL, columns_parameters(None))
        found = await asyncio.get_running_loop().run_in_executor(self._encoders, tables_of, catalog, self.name, rows)
        return [with_declared(table, self._declared) for table in found]

    async def describe(self, name: TableName) -> Table | None:
        """Describe one table; None if there is none. Raises Refusal AMBIGUOUS_NAME."""
        rows = await self._connection.rows(COLUMNS_SQL, columns_parameters(name))
        found = table_of(name, self.name, rows)
        return None if found is None else with_declared(found, self._declared)

    async def foretell(self, statement: EngineStatement) -> Reads:
        """Say what a query would read, and whether that is as it was; see `engines.reads.ForetellingEngine`."""
        try:
            rows = await self._connection.rows(question(statement.sql), {})
            now = [await self.describe(table.name) for table in statement.tables]
        except Refusal as refusal:
            raise Unanswered(f"{refusal.code.name}: {refusal.detail or refusal.message}") from None
        tables = {table.name: table for table in statement.tables}
        said = read_tree("\n".join(row[0] for row in rows), tables, self.catalogs[0])
        versions = {name: found and found.version for name, found in zip(tables, now, strict=True)}
        return msgspec.structs.replace(said, versions=versions)

    async def submit(self, statement: EngineStatement, query_id: str) -> Submission:
        """Take a statement; it begins with the first page. Raises Refusal NOT_SUPPORTED, QUERY_QUEUE_FULL."""
        if statement.columns is None or statement.write is not None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "This statement is not supported on ClickHouse")
        task = Task(
            parts=lambda: self._parts(statement, query_id),
            interrupt=lambda: self._interrupt(query_id),
            columns=columns_json(statement.columns, statement.capabilities),
            update_type=statement.update_type,
            longest=time_limit(statement.session_properties),
            scanned_soon=self._log.prompt,
        )
        return Submission(query_id=None, cursor=self._executions.add(query_id, task))

    async def page(self, cursor: str) -> ResultPage:
        """Return the page a cursor names. Raises Refusal, PageGone, PageUnknown."""
        return await self._executions.page(cursor)

    async def actuals(self, query_id: str, engine_query_id: str | None) -> Actuals | None:
        """Say what a query took, by the tag that it carried; see `engines.estimates.AccountingEngine`."""
        return await self._log.of(query_id)

    async def data_versions(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Name the present versions of tables; see `engines.estimates.EstimatingEngine`."""
        return await self._history.data_versions(tables)

    async def changes(self, table: Table, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table; see `engines.history.HistoryEngine`."""
        return await self._history.changes(table, since, until)

    async def statistics(self, table: Table) -> TableStatistics | None:
        """Return what a table holds."""
        return await self._estimates.statistics(table)

    async def estimate(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Say what each scan of a governed query would read."""
        return await self._estimates.estimate(scans, tables, statement)

    async def fill(self, filling: Filling, pages: Pages, mark: Callable[[], Watermark | None]) -> Fill:
        """Fill a view's table; see `engines.views.ViewKeepingEngine`."""
        return await fill(self._connection, filling, pages, mark)

    async def held_views(self, catalog: str) -> Sequence[Holding]:
        """Describe the tables of all views."""
        return await held_views(self._connection, catalog)

    async def drop_view(self, name: TableName) -> bool:
        """Drop a view's table."""
        return await drop(self._connection, name)

    # -- views that the server keeps up; see `engines.views.OwnViewsEngine`

    async def own_views(self, catalog: str) -> Sequence[OwnView]:
        """Describe the server's own views."""
        return await own_views(self._connection, catalog)

    async def compare(self, view: OwnView, most_bytes: int) -> Compared:
        """Compare such a view's rows with its SELECT."""
        return await compare(self._connection, view, most_bytes)

    def _settings(self, statement: EngineStatement, query_id: str) -> dict[str, str]:
        """Return a query's settings, with how much it may read where that can be said in the server's own terms."""
        settings = query_settings(self._limits, query_id)
        most = scan_limit(statement.session_properties, statement.max_scan_bytes)
        in_memory = None if most is None else self._estimates.most_in_memory(statement.sql, most)
        if in_memory is None and SCAN_PROPERTY in statement.session_properties:
            in_memory = most  # what the session itself wants is held to, if too strictly where sizes are not known
        if in_memory is not None:
            own = int(self._limits.get("max_bytes_to_read", "0"))
            settings["max_bytes_to_read"] = str(min(in_memory, own) if own else in_memory)
        return settings

    async def heartbeat(self, cursor: str) -> bool:
        """Keep a query alive."""
        return self._executions.heartbeat(cursor)

    async def cancel(self, cursor: str) -> None:
        """Cancel the query on the server as well."""
        await self._executions.cancel(cursor)

    async def health(self) -> Health:
        """Ask the server for a constant."""
        try:
            await self._connection.rows("SELECT '1'", {})
        except Refusal as refusal:
            return Health(False, refusal.detail or refusal.message)
        return Health(True)

    async def _parts(self, statement: EngineStatement, query_id: str) -> AsyncGenerator[Part, None]:
        """Run a statement and cut its blocks into pages; conversion happens in threads."""
        loop = asyncio.get_running_loop()
        maker = _PageMaker(statement.columns or (), statement.capabilities)
        settings = self._settings(statement, query_id)
        async with aclosing(self._connection.stream(statement.sql, settings, query_id)) as blocks:
            async for block in blocks:
                for part in await loop.run_in_executor(self._encoders, maker.add, block):
                    yield part
        for part in maker.finish():
            yield part

    def _interrupt(self, query_id: str) -> None:
        if query_id not in self._kills:
            task = asyncio.get_running_loop().create_task(self._connection.kill(query_id))
            self._kills[query_id] = task
            task.add_done_callback(lambda _: self._kills.pop(query_id, None))


class _PageMaker:
    """Turn blocks into parts of about one page each."""

    def __init__(self, columns: Sequence[OutputColumn], capabilities: frozenset[str]) -> None:
        self._types = [column.type for column in columns]
        self._capabilities = capabilities
        self._paginator = Paginator()
        self._native: tuple[str, ...] | None = None
        self._decoders: list[Decoder] = []

    def add(self, block: Block) -> list[Part]:
        if block.types != self._native:
            self._decoders = _decoders(block.types, self._types)
            self._native = block.types
        values = [decode(column) for decode, column in zip(self._decoders, block.columns, strict=True)]
        wire = wire_columns(values, self._types, self._capabilities)
        return [Part(data=page.data, rows=page.rows) for page in self._paginator.add(wire)]

    def finish(self) -> list[Part]:
        return [Part(data=page.data, rows=page.rows, last=True) for page in self._paginator.finish()]


def _decoders(native: Sequence[str], types: Sequence[TrinoType]) -> list[Decoder]:
    if len(native) != len(types):
        raise Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "ClickHouse answered with other columns than were planned")
    return [column_decoder(n, t) for n, t in zip(native, types, strict=True)]


def http_engine(
    name: str, catalogs: Sequence[str], target: HttpTarget, *, limits: Mapping[str, str] | None = None
) -> ClickHouseEngine:
    """Make an engine over a server's HTTP interface."""
    return ClickHouseEngine(name, catalogs, HttpConnection(target), limits=limits)


def embedded_engine(
    name: str, catalogs: Sequence[str], path: Path, *, limits: Mapping[str, str] | None = None
) -> ClickHouseEngine:
    """Make an engine over a chdb folder in this process; there can be one such folder per process."""
    return ClickHouseEngine(name, catalogs, EmbeddedConnection(path), limits=limits)
