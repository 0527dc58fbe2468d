"""What is said to have happened to ClickHouse's tables encloses every row that differs, whatever happened to them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
import pytest_asyncio
from clickhouse_connect.driver.client import Client

from catalog.materialized_views import Bound, Change, Region
from catalog.objects import Table, TableName
from engines.clickhouse.engine import ClickHouseEngine
from engines.history import HistoryEngine
from tests.real.clickhouse import client, embedded

COLUMNS = "ts DateTime64(3, 'UTC'), day Date, hub Nullable(String), k Int32, mw Int64"
MARCH, APRIL = "2024-03-09 05:00:00", "2024-04-10 06:30:00"
Row = tuple[Any, ...]


@dataclass
class World:
    """One table after another, and who tells their history."""

    engine: ClickHouseEngine
    client: Client
    made: int = 0
    name: str = ""

    def create(self, partition: str = "toYYYYMM(ts)", engine: str = "MergeTree", settings: str = "") -> None:
        """Make a new table."""
        self.made += 1
        self.name = f"t{self.made}"
        self.run(
            f"CREATE TABLE past.{self.name} ({COLUMNS}) ENGINE = {engine} PARTITION BY {partition} ORDER BY (ts, k)"
            f" {settings}"
        )

    def run(self, sql: str) -> None:
        """Run a statement; `TABLE` stands for the table."""
        self.client.command(sql.replace("TABLE_", f"past.{self.name}"))

    def insert(self, *rows: tuple[str, str | None, int, int]) -> None:
        """Insert rows in one insert: a moment, a hub, `k` and `mw`."""
        values = ", ".join(f"('{ts}', toDate('{ts}'), {_text(hub)}, {k}, {mw})" for ts, hub, k, mw in rows)
        self.run(f"INSERT INTO TABLE_ VALUES {values}")

    def rows(self) -> list[Row]:
        """Return the table's rows."""
        return [
            tuple(row) for row in self.client.query(f"SELECT ts, day, hub, k, mw FROM past.{self.name}").result_rows
        ]

    async def table(self) -> Table:
        """Describe the table."""
        found = await self.engine.describe(TableName("clickhouse", "past", self.name))
        assert found is not None
        return found

    async def version(self) -> str:
        """Name its present version."""
        table = await self.table()
        return (await self.engine.data_versions([table]))[table.name]

    async def since(self, version: str) -> Change:
        """Say what changed since a version."""
        return await self.engine.changes(await self.table(), version, await self.version())


def _text(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


@pytest_asyncio.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Open the engine over an empty database; it started only now, and is not what starts anew in these tests."""
    monkeypatch.setattr("engines.clickhouse.history._CLOCK_SECONDS", -3600)
    with client() as opened:
        opened.command("DROP DATABASE IF EXISTS past")
        opened.command("CREATE DATABASE past")
        async with embedded() as engine:
            assert isinstance(engine, HistoryEngine)
            yield World(engine, opened)


def value_of(text: str, example: Any) -> Any:
    """Read a literal as a value like an example."""
    if isinstance(example, str):
        return text[1:-1].replace("''", "'")
    body = text.split("'")[1] if "'" in text else text
    if isinstance(example, datetime):
        return datetime.fromisoformat(body.removesuffix(" UTC"))
    if isinstance(example, date):
        return date.fromisoformat(body)
    return int(body)


def lies_in(row: Row, region: Region) -> bool:
    """Tell whether a row lies within a region."""
    values = dict(zip(("ts", "day", "hub", "k", "mw"), row, strict=True))
    return all(_within(values[bound.column], bound) for bound in region.bounds)


def _within(value: Any, bound: Bound) -> bool:
    if value is None:
        return bound.nulls
    value = value.replace(tzinfo=None) if isinstance(value, datetime) else value
    return (bound.low is None or value_of(bound.low, value) <= value) and (
        bound.high is None or value <= value_of(bound.high, value)
    )


def enclosed(change: Change, before: list[Row], after: list[Row]) -> bool:
    """Tell whether every row that differs lies in a region, and none is gone where rows were only added."""
    old, new = Counter(before), Counter(after)
    if change.unknown is not None:
        return True
    if change.appended_only and old - new:
        return False
    return all(any(lies_in(row, each) for each in change.regions) for row in (old - new) + (new - old))


@pytest.mark.asyncio
async def test_new_rows_are_enclosed_by_what_they_are(world: World) -> None:
    world.create()
    world.insert((MARCH, "SP15", 1, 10), (APRIL, "NP15", 2, 20))
    version = await world.version()
    world.insert(("2024-04-11 00:00:00.250", None, 7, 1), ("2024-04-12 00:00:00", "O'Hub", 8, 2))
    change = await world.since(version)
    assert change.appended_only
    assert change.regions == (
        Region(
            (
                Bound("ts", "TIMESTAMP '2024-04-11 00:00:00.250 UTC'", "TIMESTAMP '2024-04-12 00:00:00.000 UTC'"),
                Bound("k", "7", "8"),
            )
        ),
    )


@pytest.mark.asyncio
async def test_merges_of_plain_tables_change_nothing(world: World) -> None:
    world.create()
    for at in range(3):
        world.insert((MARCH, "SP15", at, 10))
    version = await world.version()
    world.run("OPTIMIZE TABLE TABLE_ FINAL")
    assert (await world.version()) != version
    assert await world.since(version) == Change((await world.table()).name)


HAPPENS: dict[str, tuple[str, ...]] = {
    "a mutation that updates": ("ALTER TABLE TABLE_ UPDATE mw = mw + 1 WHERE k = 1 SETTINGS mutations_sync = 2",),
    "a mutation that deletes": ("ALTER TABLE TABLE_ DELETE WHERE k = 1 SETTINGS mutations_sync = 2",),
    "a lightweight delete": ("DELETE FROM TABLE_ WHERE k = 1",),
    "a dropped partition": ("ALTER TABLE TABLE_ DROP PARTITION 202403",),
    "a detached partition": ("ALTER TABLE TABLE_ DETACH PARTITION 202403",),
    "an attached partition": ("ALTER TABLE TABLE_ ATTACH PARTITION 202403 FROM past.other",),
    "a replaced partition": ("ALTER TABLE TABLE_ REPLACE PARTITION 202403 FROM past.other",),
    "a partition moved away": ("ALTER TABLE TABLE_ MOVE PARTITION 202403 TO TABLE past.other",),
    "a cleared column": ("ALTER TABLE TABLE_ CLEAR COLUMN mw IN PARTITION 202403",),
    "dropped and attached": (
        "ALTER TABLE TABLE_ DETACH PARTITION 202403",
        "ALTER TABLE TABLE_ ATTACH PARTITION 202403",
    ),
    "dropped and as many rows inserted": (
        "ALTER TABLE TABLE_ DROP PARTITION 202403",
        f"INSERT INTO TABLE_ VALUES ('{MARCH}', '2024-03-09', 'X', 99, 1), ('{MARCH}', '2024-03-09', 'Y', 98, 1)",
    ),
    "a dropped part, and merged": (
        "INSERT INTO TABLE_ VALUES ('2024-03-10 00:00:00', '2024-03-10', 'X', 9, 1)",
        "ALTER TABLE TABLE_ DROP PART '202403_1_1_0'",
        "INSERT INTO TABLE_ VALUES ('2024-03-11 00:00:00', '2024-03-11', 'X', 9, 1)",
        "OPTIMIZE TABLE TABLE_ FINAL",
    ),
}

ORDINARY = ("a mutation that updates", "a lightweight delete", "a replaced partition", "a dropped part, and merged")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "what",
    [each if each in ORDINARY else pytest.param(each, marks=pytest.mark.long) for each in HAPPENS],
)
async def test_a_partition_that_something_happened_to_is_told_and_others_are_not(world: World, what: str) -> None:
    world.create()
    world.insert((MARCH, "SP15", 1, 10), ("2024-03-20 00:00:00", None, 2, 10))
    world.insert((APRIL, "NP15", 3, 20))
    world.run(f"CREATE TABLE past.other AS past.{world.name}")
    world.run("INSERT INTO past.other VALUES ('2024-03-09 05:00:00', '2024-03-09', 'SP15', 1, 11)")
    version, before = await world.version(), world.rows()
    for statement in HAPPENS[what]:
        world.run(statement)
    change = await world.since(version)
    assert change.unknown is None
    assert enclosed(change, before, world.rows())
    april = next(row for row in before if row[3] == 3)
    assert bool(change.regions) == (Counter(before) != Counter(world.rows()))
    assert not any(lies_in(april, region) for region in change.regions)


@pytest.mark.asyncio
async def test_a_lightweight_update_is_told_of_the_partition_that_it_patches(world: World) -> None:
    world.create(settings="SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1")
    world.insert((MARCH, "SP15", 1, 10), (APRIL, "NP15", 2, 20))
    version, before = await world.version(), world.rows()
    world.run("UPDATE TABLE_ SET mw = 5 WHERE k = 1 SETTINGS enable_lightweight_update = 1")
    change = await world.since(version)
    assert enclosed(change, before, world.rows())
    assert not any(lies_in(before[-1], region) for region in change.regions if before[-1][3] == 2)
    again = await world.version()
    world.run("OPTIMIZE TABLE TABLE_ FINAL")
    assert enclosed(await world.since(again), world.rows(), world.rows())


@pytest.mark.asyncio
async def test_new_defaults_make_all_unknown_since_they_change_rows_without_a_trace(world: World) -> None:
    world.create()
    world.insert((MARCH, "SP15", 1, 10))
    world.run("ALTER TABLE TABLE_ ADD COLUMN z Int64 DEFAULT 5")
    version = await world.version()
    world.run("ALTER TABLE TABLE_ MODIFY COLUMN z Int64 DEFAULT 6")
    assert (await world.since(version)).unknown == "it was made anew, or its columns were altered"


@pytest.mark.asyncio
async def test_a_table_made_anew_with_the_same_rows_is_unknown(world: World) -> None:
    world.create()
    world.insert((MARCH, "SP15", 1, 10))
    version = await world.version()
    world.run("DROP TABLE TABLE_ SYNC")
    world.made -= 1
    world.create()
    world.insert((MARCH, "SP15", 1, 10))
    assert (await world.since(version)).unknown is not None


@pytest.mark.asyncio
async def test_a_table_that_can_change_without_a_trace_has_no_version(world: World) -> None:
    for engine in ("Memory", "Log"):
        world.run(f"CREATE TABLE past.of_{engine} ({COLUMNS}) ENGINE = {engine}")
        table = await world.engine.describe(TableName("clickhouse", "past", f"of_{engine}".lower()))
        assert table is not None
        assert await world.engine.data_versions([table]) == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("engine", "settings"),
    [
        ("ReplacingMergeTree", ""),
        pytest.param("SummingMergeTree", "", marks=pytest.mark.long),
        ("MergeTree", "TTL ts + INTERVAL 1 YEAR SETTINGS merge_with_ttl_timeout = 0"),
    ],
)
async def test_merges_that_change_rows_are_told_by_partitions(world: World, engine: str, settings: str) -> None:
    world.create(engine=engine, settings=settings)
    world.run("SYSTEM STOP MERGES TABLE_")
    world.insert((MARCH, "SP15", 1, 10), ("2100-01-01 00:00:00", "A", 1, 1))
    world.insert((MARCH, "SP15", 1, 11))
    version, before = await world.version(), world.rows()
    world.run("SYSTEM START MERGES TABLE_")
    world.run("OPTIMIZE TABLE TABLE_ PARTITION 202403 FINAL")
    assert Counter(world.rows()) != Counter(before)
    change = await world.since(version)
    assert change.regions
    assert enclosed(change, before, world.rows())
    assert not any(lies_in(row, region) for region in change.regions for row in before if row[0].year == 2100)


@pytest.mark.asyncio
async def test_values_that_expire_while_their_rows_stay_are_told(world: World) -> None:
    world.create()
    world.run("ALTER TABLE TABLE_ MODIFY COLUMN mw Int64 TTL ts + INTERVAL 1 DAY")
    world.run("SYSTEM STOP MERGES TABLE_")
    world.insert((MARCH, "SP15", 1, 10))
    version, before = await world.version(), world.rows()
    world.run("SYSTEM START MERGES TABLE_")
    world.run("OPTIMIZE TABLE TABLE_ FINAL")
    assert len(world.rows()) == len(before) == 1
    assert world.rows() != before
    assert enclosed(await world.since(version), before, world.rows())


@pytest.mark.asyncio
async def test_what_was_seen_before_the_server_started_is_told_by_partitions(world: World) -> None:
    world.create()
    world.insert((MARCH, "SP15", 1, 10))
    version = await world.version()
    world.engine._history._first_seen.clear()
    world.insert(("2024-03-30 00:00:00", "SP15", 1, 10))
    change = await world.since(version)
    assert not change.appended_only
    assert any(lies_in(row, region) for row in world.rows() if row[0].day == 9 for region in change.regions)


@pytest.mark.asyncio
async def test_very_many_partitions_are_not_kept_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.clickhouse.part_versions.MOST_PARTITIONS", 1)
    world.create()
    world.insert((MARCH, "SP15", 1, 10), (APRIL, "SP15", 1, 10))
    version = await world.version()
    assert await world.since(version) == Change((await world.table()).name)
    world.insert((APRIL, "SP15", 1, 10))
    assert "too many partitions" in str((await world.since(version)).unknown)


KEYS = (
    "toYYYYMM(ts)",
    "toStartOfMonth(ts)",
    "(k % 2, toYYYYMMDD(ts))",
    "(hub, day)",
    "day",
    "k",
    "tuple()",
    "toDate(ts)",
)
RANDOM: list[Callable[[random.Random], str]] = [
    lambda r: f"ALTER TABLE TABLE_ UPDATE mw = mw + 1 WHERE k = {r.randrange(5)} SETTINGS mutations_sync = 2",
    lambda r: f"DELETE FROM TABLE_ WHERE k = {r.randrange(5)}",
    lambda r: f"ALTER TABLE TABLE_ DELETE WHERE day = '2024-0{r.randrange(3, 6)}-01' SETTINGS mutations_sync = 2",
    lambda r: "OPTIMIZE TABLE TABLE_ FINAL",
    lambda r: "TRUNCATE TABLE TABLE_" if r.random() < 0.2 else "OPTIMIZE TABLE TABLE_",
]


def _random_rows(numbers: random.Random) -> list[tuple[str, str | None, int, int]]:
    return [
        (
            f"2024-0{numbers.randrange(3, 6)}-{numbers.choice(('01', '02', '30'))} {numbers.randrange(24):02}:00:00",
            numbers.choice(("SP15", "NP15", "", "Ü'", None)),
            numbers.randrange(5),
            numbers.randrange(100),
        )
        for _ in range(numbers.randrange(1, 4))
    ]


async def _wander(world: World, numbers: random.Random, steps: int) -> None:
    world.create(numbers.choice(KEYS), settings="SETTINGS allow_nullable_key = 1")
    seen = []
    for _ in range(steps):
        if numbers.random() < 0.5:
            world.insert(*_random_rows(numbers))
        else:
            statement = numbers.choice([*RANDOM, _drop])
            world.run(statement(numbers) if statement is not _drop else _drop(numbers, world))
        seen.append((await world.version(), world.rows()))
        for version, rows in seen[-2:]:
            change = await world.since(version)
            assert enclosed(change, rows, world.rows()), (change, rows, world.rows())


def _drop(numbers: random.Random, world: World | None = None) -> str:
    assert world is not None
    found = world.client.query(
        f"SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = 'past' AND table = '{world.name}'"
    ).result_rows
    if not found:
        return "OPTIMIZE TABLE TABLE_"
    return f"ALTER TABLE TABLE_ DROP PARTITION ID '{numbers.choice(found)[0]}'"


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(1))
async def test_whatever_happens_every_row_that_differs_is_enclosed(world: World, seed: int) -> None:
    await _wander(world, random.Random(seed), 5)


@pytest.mark.long
@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(100, 120))
async def test_whatever_happens_every_row_that_differs_is_enclosed_at_length(world: World, seed: int) -> None:
    await _wander(world, random.Random(seed), 12)
