"""Metadata tables (information_schema, system.jdbc): rows made by the gateway per caller, queried by DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import duckdb
import pyarrow as pa

from catalog.objects import SchemaName, Table, TableName
from engines.base import EngineStatement, Health, ResultPage, Submission
from engines.executions import Part
from engines.lake.metering import Reading
from engines.lake.queries import run_query
from engines.lake.reading import find_leaves
from engines.lake.runner import LakeSettings, Runner

Provider = Callable[[Table, EngineStatement], pa.Table]
"""Give the rows of a metadata table that the statement's caller may see, with the table's columns in order.

It is called in a worker thread, once per table and statement.
"""


class SystemEngine:
    """Execute translated statements over tables that a provider fills for each statement."""

    kind = "lake"

    def __init__(self, provider: Provider, name: str = "system", settings: LakeSettings | None = None) -> None:
        """Prepare; the tables themselves are described by the gateway, not here."""
        self.name = name
        self.catalogs: tuple[str, ...] = ()
        self._provider = provider
        self._runner = Runner(f"lake-{name}", settings or LakeSettings(), ())

    async def start(self) -> None:
        """Open DuckDB."""
        self._runner.open()

    async def close(self) -> None:
        """Cancel what runs and close DuckDB."""
        await self._runner.close()

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List nothing: metadata schemas belong to the gateway."""
        return ()

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Describe nothing: metadata tables belong to the gateway."""
        return ()

    async def describe(self, name: TableName) -> Table | None:
        """Describe nothing."""
        return None

    async def submit(self, statement: EngineStatement, query_id: str) -> Submission:
        """Register a statement; its tables are filled when its first page is asked for."""
        return self._runner.submit(statement, query_id, statement.columns, self._work)

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
        """Say that it is there."""
        return Health(True)

    def _work(
        self, cursor: duckdb.DuckDBPyConnection, statement: EngineStatement, _: Reading
    ) -> Generator[Part, None, None]:
        tables = {table.name: table for table in statement.tables}
        for leaf in find_leaves(statement.sql, tables):
            cursor.register(leaf.identifier, self._provider(tables[leaf.table], statement))
        yield from run_query(cursor, statement)
