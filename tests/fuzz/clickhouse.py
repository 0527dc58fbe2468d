"""ClickHouse's part of a house: a server of its own over HTTP, reached by the product's own adapter."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from catalog.cache import Source
from catalog.objects import TableName
from engines.base import EngineStatement, Write
from engines.clickhouse.engine import ClickHouseEngine
from tests.fuzz.tables import clickhouse_table
from tests.fuzz.world import CATALOG, SANDBOX, SCHEMA, Relation
from tests.real.clickhouse import http_front, over_http

CLICKHOUSE = "clickhouse"


class ClickHouseStore:
    """One server. It describes its tables itself; nobody can write there."""

    kind = CLICKHOUSE

    def __init__(self, engine: ClickHouseEngine) -> None:
        self._engine = engine
        self._ids = itertools.count()

    async def hold(self, relations: Mapping[str, Relation], *, write: bool, hidden: bool) -> Source:
        """Hold these tables."""
        if write or hidden:
            await self._make(f"DROP DATABASE IF EXISTS {SCHEMA}")
        if not hidden:
            for database in (SCHEMA, SANDBOX):
                await self._make(f"CREATE DATABASE IF NOT EXISTS {database}")
            for relation in relations.values() if write else ():
                for sql in clickhouse_table(f"{SCHEMA}.{relation.name}", relation):
                    await self._make(sql)
        return self._engine

    async def read(self, statement: EngineStatement) -> list[bytes]:
        """Run a query to its last page."""
        cursor: str | None = (await self._engine.submit(statement, f"q{next(self._ids)}")).cursor
        pages = []
        while cursor is not None:
            page = await self._engine.page(cursor)
            cursor = page.next
            if "data" in page.members:
                pages.append(page.members["data"])
        return pages

    async def create(self, write: Write, source: Source) -> TableName:
        """Refuse: the gateway plans no writes to ClickHouse."""
        raise AssertionError(write)

    def close(self) -> None:
        """Leave the server to who started it."""

    async def _make(self, sql: str) -> None:
        await self._engine._connection.run(sql, {})


@asynccontextmanager
async def clickhouse_store(folder: Path) -> AsyncIterator[ClickHouseStore]:
    """Run a server until the block ends."""
    with http_front(folder) as port:
        async with over_http(port, catalog=CATALOG) as engine:
            yield ClickHouseStore(engine)
