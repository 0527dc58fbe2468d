"""A view whose table was meddled with says so, whatever was done to it."""

from __future__ import annotations

import pytest

from catalog.materialized_views import State
from catalog.objects import TableName
from catalog.types import BIGINT, VARCHAR, array, timestamp
from engines.clickhouse.engine import ClickHouseEngine
from engines.views import Filled, Holding
from tests.engines.clickhouse.kept_views import MARK, engine, filling, pages, run, view

__all__ = ["engine", "view"]
pytestmark = pytest.mark.asyncio
MOMENT = "toDateTime(assumeNotNull(ts))"
LATER = " SETTINGS materialize_ttl_after_modify = 0"
MEDDLING = {
    "a row inserted": "INSERT INTO {} (k, n) VALUES ('z', 1)",
    "a mutation": "ALTER TABLE {} UPDATE n = n + 1 WHERE k = 'a' SETTINGS mutations_sync = 2",
    "a row deleted": "DELETE FROM {} WHERE k = 'a'",
    "all rows gone": "TRUNCATE TABLE {}",
    "rows that expire": "ALTER TABLE {} MODIFY TTL {moment} + INTERVAL 50 YEAR{later}",
    "values that expire": "ALTER TABLE {} MODIFY COLUMN n Nullable(Int64) TTL {moment} + INTERVAL 50 YEAR{later}",
}


async def held(engine: ClickHouseEngine, view: TableName) -> Holding:
    """Fill a view of two rows and describe it."""
    columns = [
        Filled("k", VARCHAR),
        Filled("ts", timestamp(6)),
        Filled("n", BIGINT),
        Filled("u", array(VARCHAR), State("u", "uniqExact", ("node",))),
    ]
    moment = "2024-01-01 00:00:00.000000"
    await engine.fill(filling(view, columns), pages([["a", moment, 1, ["x"]], ["b", moment, 2, []]]), lambda: MARK)
    return await described(engine, view)


async def described(engine: ClickHouseEngine, view: TableName) -> Holding:
    """Describe a view among all that there are."""
    return next(each for each in await engine.held_views("ch") if each.name == view)


async def test_a_view_that_is_merged_holds_what_it_was_filled_with(engine: ClickHouseEngine, view: TableName) -> None:
    filled = await held(engine, view)
    assert (filled.rows, filled.lost) == (2, None)
    assert filled.bytes
    await run(engine, f"OPTIMIZE TABLE filling.{view.table} FINAL")
    assert (await described(engine, view)).lost is None


@pytest.mark.parametrize("what", MEDDLING)
async def test_a_view_that_was_meddled_with_is_lost(engine: ClickHouseEngine, view: TableName, what: str) -> None:
    assert (await held(engine, view)).lost is None
    await run(engine, MEDDLING[what].format(f"filling.{view.table}", moment=MOMENT, later=LATER))
    assert (await described(engine, view)).lost is not None
