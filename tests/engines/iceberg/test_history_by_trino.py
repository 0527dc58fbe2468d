"""What Trino's own writers did to an Iceberg table, told from its manifests and held to its rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from catalog.materialized_views import Change, ForeignKey, Key
from catalog.objects import Table, TableName
from engines.facts import verify
from engines.history import HistoryEngine, PinningEngine
from engines.iceberg import differing_rows
from engines.trino import TrinoEngine
from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import ICEBERG_DATABASE, TrinoServer
from tests.engines.iceberg.past import lies_in
from tests.engines.trino.test_real_trino import rows

PRICES = TableName("iceberg", "past", "prices")
COLUMNS = ("hub", "ts", "mw", "price", "d")
Row = dict[str, Any]


@dataclass
class World:
    """A table that Trino writes."""

    engine: TrinoEngine

    async def run(self, sql: str) -> list[list[object]]:
        """Run a statement; `TABLE_` stands for the table."""
        return await rows(self.engine, sql.replace("TABLE_", str(PRICES)))

    async def create(self, properties: str = "partitioning = ARRAY['day(ts)']") -> None:
        """Make the table anew."""
        await self.run("CREATE SCHEMA IF NOT EXISTS iceberg.past")
        await self.run("DROP TABLE IF EXISTS TABLE_")
        await self.run(
            "CREATE TABLE TABLE_ (hub varchar, ts timestamp(6), mw bigint, price decimal(9, 2), d double)"
            f" WITH (format_version = 2, {properties})"
        )

    async def insert(self, *days: int, hub: str = "'SP15'", mw: int = 1) -> None:
        """Insert a row at noon of each of some days of March 2024, in one statement."""
        values = (f"({hub}, TIMESTAMP '2024-03-{day:02} 12:00:00', {mw}, 1.50, 0.5)" for day in days)
        await self.run(f"INSERT INTO TABLE_ VALUES {', '.join(values)}")

    async def rows(self) -> list[Row]:
        """Return the table's rows."""
        found = await self.run("SELECT hub, ts, mw, price, d FROM TABLE_")
        return [_read(dict(zip(COLUMNS, row, strict=True))) for row in found]

    async def table(self) -> Table:
        """Describe the table."""
        found = await self.engine.describe(PRICES)
        assert found is not None
        return found

    async def version(self) -> str:
        """Name its present version."""
        return (await self.engine.data_versions([await self.table()]))[PRICES]

    async def since(self, version: str) -> Change:
        """Say what changed since a version."""
        return await self.engine.changes(await self.table(), version, await self.version())


def _read(row: dict[str, Any]) -> Row:
    price = None if row["price"] is None else Decimal(row["price"])
    return {**row, "ts": None if row["ts"] is None else datetime.fromisoformat(row["ts"]), "price": price}


@pytest_asyncio.fixture
async def world(
    trino_server: TrinoServer, postgres_server: PostgresServer, trino_warehouse: Path
) -> AsyncIterator[World]:
    """Open an engine that may read the manifests."""
    uri = postgres_server.url(ICEBERG_DATABASE, "postgresql+psycopg2")
    iceberg = {"iceberg": {"type": "sql", "uri": uri, "warehouse": trino_warehouse.as_uri()}}
    engine = TrinoEngine("trino", trino_server.catalogs, trino_server.url, recover_seconds=5.0, iceberg=iceberg)
    assert isinstance(engine, HistoryEngine)
    assert isinstance(engine, PinningEngine)
    made = World(engine)
    yield made
    await made.run("DROP TABLE IF EXISTS TABLE_")
    await engine.close()


def check(change: Change, before: list[Row], after: list[Row]) -> None:
    """Hold what is told to the rows."""
    old, new = (Counter(repr(sorted(row.items())) for row in side) for side in (before, after))
    named = {repr(sorted(row.items())): row for row in [*before, *after]}
    assert change.unknown is None
    for key in (old - new) + (new - old):
        assert any(lies_in(named[key], region) for region in change.regions), named[key]
    if change.appended_only:
        assert not old - new


def touched(change: Change, *days: int) -> list[int]:
    """Return those of some days whose noon may have changed."""
    row = {"hub": "SP15", "mw": 1, "price": Decimal("1.50"), "d": 0.5}
    noons = {day: {**row, "ts": datetime(2024, 3, day, 12)} for day in days}
    return [day for day, noon in noons.items() if any(lies_in(noon, region) for region in change.regions)]


@pytest.mark.asyncio
@pytest.mark.parametrize("exact", [True, pytest.param(False, marks=pytest.mark.long)])
async def test_deletes_updates_and_late_rows_by_trino_touch_their_days_only(
    world: World, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differing_rows, "MOST_BYTES", differing_rows.MOST_BYTES if exact else 0)
    await world.create()
    await world.insert(*range(1, 6))
    days = range(1, 8)
    for statement, expected, appended in (
        (
            "INSERT INTO TABLE_ SELECT hub, ts + INTERVAL '1' HOUR, mw, price, d FROM TABLE_ WHERE day(ts) = 2",
            [2],
            True,
        ),
        ("DELETE FROM TABLE_ WHERE ts = TIMESTAMP '2024-03-02 13:00:00'", [2], False),
        ("UPDATE TABLE_ SET mw = 7 WHERE day(ts) = 3", [3], False),
        ("DELETE FROM TABLE_ WHERE day(ts) = 4", [4], False),
    ):
        version, before = await world.version(), await world.rows()
        await world.run(statement)
        change = await world.since(version)
        check(change, before, await world.rows())
        assert set(touched(change, *days)) <= set(expected), statement
        assert change.appended_only == appended
    version, before = await world.version(), await world.rows()
    await world.run("ALTER TABLE TABLE_ EXECUTE optimize")
    assert await world.version() != version
    assert await world.since(version) == Change(PRICES)
    snapshot = await world.engine.snapshot(await world.table(), version)
    assert (await world.run(f"SELECT count(*) FROM TABLE_ FOR VERSION AS OF {snapshot}")) == [[len(before)]]
    await world.insert(7)
    change = await world.since(version)
    assert (touched(change, *days), change.appended_only) == ([7], True)


@pytest.mark.long
@pytest.mark.asyncio
async def test_what_trino_replaces_rolls_back_or_forgets_is_unknown_or_enclosed(world: World) -> None:
    await world.create()
    await world.insert(1, 2)
    first, before = await world.version(), await world.rows()
    snapshot = await world.engine.snapshot(await world.table(), first)
    await world.insert(3)
    second, later = await world.version(), await world.rows()
    await world.run(f"ALTER TABLE TABLE_ EXECUTE rollback_to_snapshot({snapshot})")
    assert await world.since(first) == Change(PRICES)
    check(await world.since(second), later, await world.rows())
    await world.run(
        "MERGE INTO TABLE_ t USING (VALUES (TIMESTAMP '2024-03-01 12:00:00')) AS s(ts) ON t.ts = s.ts "
        "WHEN MATCHED THEN UPDATE SET mw = 9 WHEN NOT MATCHED THEN INSERT (ts) VALUES (s.ts)"
    )
    change = await world.since(first)
    check(change, before, await world.rows())
    assert touched(change, 1, 2) == [1]
    await world.run("CREATE OR REPLACE TABLE TABLE_ AS SELECT * FROM TABLE_ WHERE mw = 9")
    check(await world.since(first), before, await world.rows())
    await world.run("ALTER TABLE TABLE_ RENAME COLUMN mw TO power")
    await world.run("ALTER TABLE TABLE_ ADD COLUMN mw bigint")
    assert (await world.since(first)).unknown is not None


RANDOM = (
    "DELETE FROM TABLE_ WHERE day(ts) = {day}",
    "DELETE FROM TABLE_ WHERE mw = {mw}",
    "UPDATE TABLE_ SET mw = mw + 1 WHERE day(ts) = {day}",
    "UPDATE TABLE_ SET ts = ts + INTERVAL '1' DAY WHERE mw = {mw}",
    "UPDATE TABLE_ SET hub = NULL WHERE day(ts) = {day} AND mw < 3",
    "ALTER TABLE TABLE_ EXECUTE optimize",
    "INSERT INTO TABLE_ SELECT hub, ts, mw + 1, price, nan() FROM TABLE_ WHERE day(ts) = {day}",
    "INSERT INTO TABLE_ VALUES (NULL, NULL, {mw}, NULL, NULL), ('Ü''', TIMESTAMP '2024-03-{day:02} 00:00:00', 1, 0, -0e0)",
)


@pytest.mark.long
@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_trino_does_every_row_that_differs_is_enclosed(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = random.Random(seed)
    monkeypatch.setattr(differing_rows, "MOST_BYTES", (32 << 20) * (seed % 2))
    await world.create(
        numbers.choice(["partitioning = ARRAY['day(ts)']", "partitioning = ARRAY['hub']", "sorted_by = ARRAY['ts']"])
    )
    await world.insert(*range(1, 10), mw=numbers.randrange(3))
    seen = [(await world.version(), await world.rows())]
    for _ in range(12):
        await world.run(numbers.choice(RANDOM).format(day=numbers.randrange(1, 10), mw=numbers.randrange(4)))
        seen.append((await world.version(), await world.rows()))
        for version, before in seen[-3:]:
            check(await world.since(version), before, seen[-1][1])


@pytest.mark.asyncio
async def test_keys_are_tested_on_the_data_by_trino(world: World) -> None:
    await world.create()
    await world.insert(1, 2)
    tables = {PRICES: await world.table()}
    found = await verify(world.engine, Key(PRICES, ("ts",)), tables)
    assert (found.holds, found.fact.status, found.versions) == (True, "verified", {PRICES: await world.version()})
    assert (await verify(world.engine, ForeignKey(PRICES, ("ts",), PRICES, ("ts",)), tables)).holds
    broken = await verify(world.engine, Key(PRICES, ("hub", "mw")), tables)
    assert (broken.broken, broken.fact.status) == (True, "declared")
    assert "type" in str((await verify(world.engine, Key(PRICES, ("d",)), tables)).why)
