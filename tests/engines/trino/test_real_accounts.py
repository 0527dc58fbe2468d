"""What the real Trino says that statements read: on the last page, in the query's information, and after an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from engines.base import ResultPage
from engines.estimates import Actuals
from engines.trino import TrinoEngine
from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import TrinoServer, open_lake
from tests.engines.trino.test_real_trino import drain, relay, statement

ROWS = 400_000


@pytest.fixture(scope="module")
def readings(trino_server: TrinoServer, postgres_server: PostgresServer, trino_warehouse: Path) -> Iterator[int]:
    """Make `iceberg.accounts.readings`, one file of several megabytes that does not compress, and give its size."""
    lake = open_lake(postgres_server, trino_warehouse)
    lake.create_namespace_if_not_exists("accounts")
    noise = np.random.default_rng(7)
    data = pa.table(
        {
            "id": pa.array(np.arange(ROWS), pa.int64()),
            "value": pa.array(noise.random(ROWS), pa.float64()),
            "other": pa.array(noise.random(ROWS), pa.float64()),
        }
    )
    table = lake.create_table("accounts.readings", data.schema)
    table.append(data)
    (task,) = table.scan().plan_files()
    yield task.file.file_size_in_bytes
    lake.drop_table("accounts.readings")
    lake.engine.dispose()


async def _settled(engine: TrinoEngine, query_id: str) -> Actuals:
    """Wait until all workers have reported what a query took."""
    async with asyncio.timeout(10):
        while True:
            found = await engine.actuals("q", query_id)
            if found is not None and found.final:
                return found
            await asyncio.sleep(0.05)


async def _run(engine: TrinoEngine, sql: str, **members: object) -> tuple[str, list[ResultPage]]:
    submission = await engine.submit(statement(sql, **members), "q")
    assert submission.query_id is not None
    pages, cursor = [], submission.cursor or None
    while cursor:
        pages.append(await engine.page(cursor))
        cursor = pages[-1].next
    return submission.query_id, pages


@pytest.mark.asyncio
async def test_the_last_page_has_the_bytes_that_the_cluster_itself_counts(
    trino_server: TrinoServer, readings: int
) -> None:
    async with relay(trino_server) as engine:
        for sql in (
            "SELECT sum(value) FROM iceberg.accounts.readings",
            "SELECT count(*) FROM iceberg.accounts.readings a JOIN iceberg.accounts.readings b ON a.id = b.id",
        ):
            query_id, pages = await _run(engine, sql)
            found = await _settled(engine, query_id)
            assert pages[-1].scanned_bytes == found.scanned_bytes
            assert found.scanned_bytes is not None
            assert readings / 4 < found.scanned_bytes < readings * 2.2
            figures = [page.scanned_bytes or 0 for page in pages]
            assert figures == sorted(figures)


@pytest.mark.asyncio
async def test_what_is_answered_from_metadata_or_generated_reads_nothing(
    trino_server: TrinoServer, readings: int
) -> None:
    async with relay(trino_server) as engine:
        for sql in ("SELECT count(*) FROM iceberg.accounts.readings", "SELECT sum(quantity) FROM tpch.tiny.lineitem"):
            assert (await drain(engine, statement(sql)))[-1].scanned_bytes == 0


@pytest.mark.asyncio
async def test_a_cancelled_query_is_accounted_for_too(trino_server: TrinoServer, readings: int) -> None:
    sql = "SELECT count(*) FROM iceberg.accounts.readings a JOIN iceberg.accounts.readings b ON a.value < b.other"
    async with relay(trino_server) as engine:
        submission = await engine.submit(statement(sql), "q")
        cursor, scanned = submission.cursor, 0
        async with asyncio.timeout(60):
            while not scanned:
                page = await engine.page(cursor)
                cursor, scanned = page.next or "", page.scanned_bytes or 0
        await engine.cancel(cursor)
        found = await _settled(engine, submission.query_id or "")
    assert found.scanned_bytes is not None
    assert found.scanned_bytes >= scanned > 0


@pytest.mark.asyncio
async def test_a_long_query_is_stopped_where_it_may_not_read_more(trino_server: TrinoServer, readings: int) -> None:
    sql = "SELECT count(*) FROM iceberg.accounts.readings a JOIN iceberg.accounts.readings b ON a.value < b.other"
    async with relay(trino_server) as engine:
        _, pages = await _run(engine, sql, max_scan_bytes=100_000)
    assert pages[-1].failed == "EXCEEDED_SCAN_LIMIT"
    assert pages[-1].scanned_bytes is not None
    assert pages[-1].scanned_bytes > 100_000
