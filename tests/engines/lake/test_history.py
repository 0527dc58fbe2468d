"""What the lake's own SQL changed, told by the lake."""

from __future__ import annotations

import pytest

from catalog.materialized_views import Change
from catalog.objects import TableName
from engines.base import Write
from engines.history import HistoryEngine, PinningEngine
from tests.engines.lake.asking import Lake
from tests.engines.lake.test_writing import NEW, columns

ROWS = (
    "SELECT CAST(n AS bigint), date_add('day', n, TIMESTAMP '2024-03-01 00:00:00') FROM UNNEST(sequence(1, {})) AS t(n)"
)


async def version(lake: Lake) -> str:
    """Name the table's present version."""
    assert isinstance(lake.engine, HistoryEngine)
    assert isinstance(lake.engine, PinningEngine)
    table = await lake.engine.describe(NEW)
    assert table is not None
    return (await lake.engine.data_versions([table]))[NEW]  # type: ignore[attr-defined]  # the lake names versions


async def since(lake: Lake, older: str) -> Change:
    """Say what changed since a version."""
    assert isinstance(lake.engine, HistoryEngine)
    table = await lake.engine.describe(NEW)
    assert table is not None
    return await lake.engine.changes(table, older, await version(lake))


def days(change: Change) -> list[tuple[str | None, str | None]]:
    """Return between which moments rows may have changed."""
    found = [bound for region in change.regions for bound in region.bounds if bound.column == "ts"]
    return sorted((bound.low, bound.high) for bound in found)


@pytest.mark.asyncio
async def test_rows_that_sql_changes_are_all_that_differs(lake: Lake) -> None:
    made = columns(n="bigint", ts="timestamp(6)")
    await lake.write(Write("create table as", NEW, made, query=(await lake.prepare(ROWS.format(20))).sql))
    first = await version(lake)
    await lake.write(Write("delete", NEW, predicate="n = 7"))
    deleted = await since(lake, first)
    eighth = "TIMESTAMP '2024-03-08 00:00:00.000000'"
    assert (days(deleted), deleted.appended_only) == ([(eighth, eighth)], False)
    second = await version(lake)
    await lake.write(Write("update", NEW, predicate="n = 12", assignments=(("n", "n + 100"),)))
    await lake.write(Write("insert", NEW, made, query=(await lake.prepare("SELECT 99, TIMESTAMP '2024-05-01'")).sql))
    changed = await since(lake, second)
    assert [low for low, _ in days(changed)] == [
        "TIMESTAMP '2024-03-13 00:00:00.000000'",
        "TIMESTAMP '2024-05-01 00:00:00.000000'",
    ]
    third = await version(lake)
    await lake.write(Write("delete", NEW, predicate="n = 4711"))
    assert await since(lake, third) == Change(NEW)


@pytest.mark.asyncio
async def test_a_table_dropped_and_made_again_is_unknown(lake: Lake) -> None:
    made = columns(n="bigint", ts="timestamp(6)")
    query = (await lake.prepare(ROWS.format(3))).sql
    await lake.write(Write("create table as", NEW, made, query=query))
    first = await version(lake)
    await lake.write(Write("drop table", NEW))
    await lake.write(Write("create table as", NEW, made, query=query))
    assert (await since(lake, first)).unknown is not None


@pytest.mark.asyncio
async def test_a_version_is_read_as_the_snapshot_that_it_shows(lake: Lake) -> None:
    made = columns(n="bigint", ts="timestamp(6)")
    await lake.write(Write("create table as", NEW, made, query=(await lake.prepare(ROWS.format(5))).sql))
    first = await version(lake)
    await lake.write(Write("delete", NEW, predicate="n < 4"))
    table = await lake.engine.describe(TableName(*NEW))
    assert table is not None
    assert isinstance(lake.engine, PinningEngine)
    snapshot = await lake.engine.snapshot(table, first)
    assert await lake.ask(f"SELECT count(*) FROM new FOR VERSION AS OF {snapshot}") == [[5]]
