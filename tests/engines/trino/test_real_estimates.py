"""Estimates on the real Trino against what it then read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from catalog.objects import TableName
from catalog.statistics import ALL_ROWS, Comparison, Condition, Interval, Scan, ScanEstimate
from engines.trino import TrinoEngine
from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import ICEBERG_DATABASE, TrinoServer
from tests.engines.trino.test_real_accounts import readings as readings
from tests.engines.trino.test_real_trino import drain, statement

READINGS = TableName("iceberg", "accounts", "readings")
LINEITEM = TableName("tpch", "tiny", "lineitem")


@asynccontextmanager
async def estimating(server: TrinoServer, iceberg: dict[str, dict[str, str]]) -> AsyncIterator[TrinoEngine]:
    engine = TrinoEngine("trino", server.catalogs, server.url, recover_seconds=5.0, iceberg=iceberg)
    try:
        yield engine
    finally:
        await engine.close()


async def expected_and_read(
    engine: TrinoEngine, sql: str, name: TableName, columns: tuple[str, ...], condition: Condition = ALL_ROWS
) -> tuple[ScanEstimate, int]:
    table = await engine.describe(name)
    assert table is not None
    asked = statement(sql)
    (found,) = await engine.estimate((Scan(name, columns, condition),), {name: table}, asked)
    scanned = (await drain(engine, asked))[-1].scanned_bytes
    assert scanned is not None
    return found, scanned


@pytest.mark.asyncio
async def test_manifests_foretell_what_trino_reads(
    trino_server: TrinoServer, postgres_server: PostgresServer, trino_warehouse: Path, readings: int
) -> None:
    properties = {
        "type": "sql",
        "uri": postgres_server.url(ICEBERG_DATABASE, "postgresql+psycopg2"),
        "warehouse": trino_warehouse.as_uri(),
    }
    async with estimating(trino_server, {"iceberg": properties}) as engine:
        for columns in (("value",), ("id", "other")):
            sums = ", ".join(f"sum({column})" for column in columns)
            sql = f"SELECT {sums} FROM iceberg.accounts.readings"
            found, scanned = await expected_and_read(engine, sql, READINGS, columns)
            assert found.basis.kind == "manifest"
            assert found.bytes.likely == pytest.approx(scanned, rel=0.05)
            assert found.bytes.low <= scanned * 1.02
            assert scanned <= found.bytes.high * 1.02
        nowhere = Comparison("id", "<", (0,))
        sql = "SELECT sum(value) FROM iceberg.accounts.readings WHERE id < 0"
        found, scanned = await expected_and_read(engine, sql, READINGS, ("id", "value"), nowhere)
        assert (found.bytes, scanned) == (Interval.exactly(0), 0)
        table = await engine.describe(READINGS)
        assert table is not None
        assert READINGS in await engine.data_versions([table])


@pytest.mark.long
@pytest.mark.asyncio
async def test_without_manifests_trinos_own_figures_bound_it(trino_server: TrinoServer, readings: int) -> None:
    async with estimating(trino_server, {}) as engine:
        sql = "SELECT sum(value) FROM iceberg.accounts.readings"
        found, scanned = await expected_and_read(engine, sql, READINGS, ("value",))
        assert found.basis.kind == "explain io"
        assert (found.bytes.low, found.rows) == (0.0, Interval.exactly(400_000.0))
        assert 0 < scanned <= found.bytes.high * 1.05
        assert found.statistics is not None
        assert found.statistics.columns["id"].high == 399_999
        table = await engine.describe(READINGS)
        assert table is not None
        assert await engine.data_versions([table]) == {}


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_connector_that_makes_its_rows_is_free_and_its_cardinalities_are_known(
    trino_server: TrinoServer,
) -> None:
    async with estimating(trino_server, {}) as engine:
        sql = "SELECT sum(quantity) FROM tpch.tiny.lineitem WHERE suppkey = 7"
        keyed = Comparison("suppkey", "=", (7,))
        found, scanned = await expected_and_read(engine, sql, LINEITEM, ("quantity", "suppkey"), keyed)
    assert (found.bytes, scanned) == (Interval.exactly(0.0), 0)
    assert found.rows == Interval(0.0, pytest.approx(601.75), 60_175.0)
    assert found.statistics is not None
    assert found.statistics.rows == 60_175
    assert found.statistics.columns["orderkey"].distinct == 15_000
