"""Cheaper statements: drafted for what is read, never for what is hidden, and only where the caller may run them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.statistics import PartitionField
from gateway.coaching.drafts import Draft, Maker, Matter
from gateway.coaching.fewer_columns import fewer_columns
from gateway.coaching.model import Room
from gateway.coaching.partition_filters import partition_filters
from gateway.coaching.readable import readable
from gateway.coaching.reading import read_own, sight_of
from gateway.config import Config
from policies.cost.estimate import Estimate
from tests.coaching.world import Market, guess, market, ticks_scan


async def drafted(
    market: Market,
    sql: str,
    maker: Maker,
    estimate: Estimate | None = None,
    user: str = "ana",
    room: Room | None = None,
) -> list[Draft]:
    """Return what a maker makes of a user's query, received in April 2026."""
    asked, pipeline = market.ask(sql, user), market.grounds.pipeline
    planned = await market.plan(sql, user)
    own = await read_own(asked, pipeline)
    assert own is not None
    sight = sight_of(planned.plan, pipeline.planning(asked))
    return list(maker(Matter(own, estimate or guess(), sight, room or Room(), 1_777_000_000.0)))


@pytest.mark.asyncio
async def test_the_newest_partitions_are_as_many_as_there_is_room_for(market_config: Config) -> None:
    sql = "SELECT id, ts, note FROM ticks"
    async with market(market_config) as there:
        (some,) = await drafted(there, sql, partition_filters)
        few, *_ = await drafted(there, sql, partition_filters, room=Room(bytes=20_000_000))
        most, *less = await drafted(there, sql, partition_filters, room=Room(nano=10**12))
        assert all(each.difference > most.difference for each in less)
        for each, since in ((some, "2026-03-27"), (few, "2026-04-01"), (most, "2026-02-07")):
            text = readable(each.tree)
            assert text == f"SELECT id, ts, note FROM ticks WHERE ts >= TIMESTAMP '{since} 00:00:00 UTC'"
            assert not each.same_result
            assert since in each.difference
            await there.rows(text)


@pytest.mark.parametrize("user", ["tom", "kay"])
@pytest.mark.asyncio
async def test_where_the_data_ends_is_told_to_nobody_who_does_not_see_all_of_it(
    market_config: Config, user: str
) -> None:
    """Tom's rows are filtered, Kay's `ts` is masked: for both, "newest" counts from the clock."""
    async with market(market_config) as there:
        (draft,) = await drafted(there, "SELECT id, ts FROM ticks", partition_filters, user=user)
        assert "2026-04-01" not in readable(draft.tree) + draft.difference + draft.title
        assert "2026-04-19" in readable(draft.tree)


@pytest.mark.asyncio
async def test_a_filter_finds_its_place_among_joins_views_of_one_table_and_with_queries(market_config: Config) -> None:
    cases = {
        "SELECT t.id FROM ticks t JOIN nodes n ON t.node = n.node WHERE n.hub = 'A' OR t.id = 1": "t.ts >=",
        "SELECT n.hub, t.id FROM nodes n LEFT JOIN ticks t ON t.node = n.node": "(SELECT * FROM ticks WHERE ts >=",
        "SELECT id FROM ticks a JOIN ticks b USING (id)": "WHERE a.ts >=",
        "WITH w AS (SELECT * FROM ticks) SELECT count(*) FROM w": "FROM ticks WHERE ts >=",
    }
    async with market(market_config) as there:
        for sql, part in cases.items():
            (draft,) = await drafted(there, sql, partition_filters)
            text = readable(draft.tree)
            assert part in text
            await there.rows(text)


@pytest.mark.asyncio
async def test_no_filter_is_drafted_where_the_statement_has_one_or_the_column_tells_no_time(
    market_config: Config,
) -> None:
    async with market(market_config) as there:
        sql = "SELECT id, ts FROM ticks"
        assert not await drafted(there, sql, partition_filters, guess(ticks_scan(read=3)))
        for field in (PartitionField("node", "identity"), PartitionField("ts", "bucket[16]")):
            scan = replace(ticks_scan(), unfiltered=(field,))
            assert not await drafted(there, sql, partition_filters, guess(scan))


@pytest.mark.asyncio
async def test_a_star_is_written_out_without_its_widest_columns(market_config: Config) -> None:
    everything = guess(ticks_scan(("id", "ts", "at", "d", "node", "price", "note")))
    async with market(market_config) as there:
        (draft,) = await drafted(there, "SELECT * FROM ticks ORDER BY id LIMIT 5", fewer_columns, everything)
        assert readable(draft.tree) == "SELECT id, ts, at, d, node, price FROM ticks ORDER BY id LIMIT 5"
        assert "note" in draft.difference
        (joined,) = await drafted(
            there, "SELECT t.*, n.hub FROM ticks t JOIN nodes n ON t.node = n.node", fewer_columns, everything
        )
        assert "t.note" not in readable(joined.tree)
        await there.rows(readable(joined.tree))
        assert not await drafted(there, "SELECT id FROM ticks", fewer_columns, everything)
        assert not await drafted(there, "SELECT DISTINCT * FROM ticks", fewer_columns, everything)


@pytest.mark.asyncio
async def test_a_star_is_written_out_with_columns_that_the_caller_sees(market_config: Config) -> None:
    """Tom may not see the note: it is not named, though it is what the files are made of."""
    everything = guess(ticks_scan(("id", "ts", "at", "d", "node", "price", "note")))
    async with market(market_config) as there:
        for draft in await drafted(there, "SELECT * FROM ticks", fewer_columns, everything, user="tom"):
            assert "note" not in readable(draft.tree) + draft.title + draft.difference
            await there.rows(readable(draft.tree), "tom")
