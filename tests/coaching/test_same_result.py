"""What the coach calls the same result is the same: run on random data, in zones where it matters, on the real lake."""

from __future__ import annotations

import pytest

from catalog.statistics import Basis, Interval, Scan, ScanEstimate
from gateway.coaching.drafts import Draft, Matter
from gateway.coaching.model import Room
from gateway.coaching.prunable_filters import prunable_filters
from gateway.coaching.readable import readable
from gateway.coaching.reading import read_own, sight_of
from gateway.coaching.unused_joins import unused_joins
from gateway.config import Config
from tests.coaching.world import NODES, Market, guess, market, ticks_scan

PRUNABLE = [
    "CAST(ts AS date) = DATE '2026-01-01'",
    "DATE '2026-01-01' = CAST(ts AS date)",
    "date(ts) BETWEEN DATE '2025-12-31' AND DATE '2026-01-01'",
    "CAST(ts AS date) >= DATE '2026-03-31'",
    "CAST(ts AS date) > DATE '2026-03-30'",
    "CAST(ts AS date) < DATE '2026-01-01'",
    "CAST(ts AS date) <= DATE '2025-12-31'",
    "CAST(ts AS date) IN (DATE '2026-01-01', DATE '2026-03-08')",
    "date_trunc('month', ts) = TIMESTAMP '2026-03-01 00:00:00 UTC'",
    "date_trunc('day', ts) = TIMESTAMP '2026-01-01 00:00:00 UTC'",
    "date_trunc('month', CAST(ts AS date)) = DATE '2026-03-01'",
    "date_trunc('hour', ts) >= TIMESTAMP '2026-03-31 23:00:00 UTC'",
    "date_trunc('year', at) < TIMESTAMP '2026-01-01 00:00:00'",
    "date_trunc('quarter', at) = TIMESTAMP '2026-01-01 00:00:00'",
    "date_trunc('week', d) = DATE '2025-12-29'",
    "date_trunc('day', at) = TIMESTAMP '2026-01-01 00:00:00'",
    "year(ts) = 2026",
    "year(ts) < 2026",
    "year(at) BETWEEN 2024 AND 2025",
    "EXTRACT(YEAR FROM ts) >= 2026",
    "year(ts) = 2026 AND month(ts) = 3",
    "year(d) = 2026 AND month(d) = 3 AND day(d) = 31",
    "date_format(at, '%Y-%m-%d') = '2026-01-01'",
    "date_format(ts, '%Y-%m') = '2026-03'",
    "CAST(d AS varchar) = '2026-01-01'",
    "(CAST(ts AS date) = DATE '2026-01-01' AND node = 'N1') AND price > 1",
]
NOT_PRUNABLE = [
    "CAST(ts AS date) <> DATE '2026-01-01'",
    "NOT (CAST(ts AS date) = DATE '2026-01-01')",
    "CAST(ts AS date) = DATE '2026-01-01' OR node = 'N1'",
    "CAST(at AS date) = DATE '2026-01-01' OR node = 'N1' AND year(at) = 2026",
    "month(ts) = 3",
    "ts >= TIMESTAMP '2026-01-01 00:00:00 UTC'",
    "CAST(ts AS date) IS NULL",
    "date_format(at, '%m') = '03'",
    "year(ts) = id",
    "CAST(d AS varchar) > '2026-01-01'",
]


async def drafts(market: Market, sql: str, maker: object, time_zone: str = "UTC", sure: bool = True) -> list[Draft]:
    """Return what a maker makes of a query over the ticks; `sure`: their moments are known to be in UTC."""
    asked = market.ask(sql, time_zone=time_zone)
    pipeline = market.grounds.pipeline
    planned = await market.plan(sql, time_zone=time_zone)
    own = await read_own(asked, pipeline)
    assert own is not None
    scan = ticks_scan()
    if not sure:
        scan = ScanEstimate(scan.scan, scan.bytes, scan.rows, Basis("explain io"))
    nodes = ScanEstimate(Scan(NODES, ("node",)), Interval.exactly(10), Interval.exactly(4), Basis("manifest"))
    estimate = guess(scan, nodes)
    matter = Matter(own, estimate, sight_of(planned.plan, pipeline.planning(asked)), Room(), 1.8e9)
    return list(maker(matter))  # type: ignore[operator]  # None would fail the test


@pytest.mark.parametrize("time_zone", [pytest.param("UTC", marks=pytest.mark.long), "America/Los_Angeles"])
@pytest.mark.asyncio
async def test_the_range_that_a_condition_implies_changes_no_row(market_config: Config, time_zone: str) -> None:
    async with market(market_config) as there:
        for condition in PRUNABLE:
            sql = f"SELECT id, ts, node FROM ticks WHERE {condition}"
            before = await there.rows(sql, time_zone=time_zone)
            assert before, f"no row shows anything of {condition}"
            for sure in (True, False) if "ts" in condition else (True,):
                (draft,) = await drafts(there, sql, prunable_filters, time_zone, sure)
                text = readable(draft.tree)
                assert draft.same_result
                assert before == await there.rows(text, time_zone=time_zone), text


@pytest.mark.asyncio
async def test_what_a_condition_does_not_imply_is_left_alone(market_config: Config) -> None:
    async with market(market_config) as there:
        for condition in NOT_PRUNABLE:
            assert not await drafts(there, f"SELECT id FROM ticks WHERE {condition}", prunable_filters), condition
        outer = (
            "SELECT t.id FROM nodes n LEFT JOIN ticks t ON n.node = t.node AND CAST(t.ts AS date) = DATE '2026-01-01'"
        )
        (draft,) = await drafts(there, outer, prunable_filters)
        assert await there.rows(outer) == await there.rows(readable(draft.tree))


UNUSED = [
    "SELECT t.id FROM ticks t LEFT JOIN (SELECT node, count(*) AS c FROM nodes GROUP BY node) n ON t.node = n.node",
    "SELECT DISTINCT t.node FROM ticks t LEFT JOIN nodes n ON t.node = n.node",
    "SELECT count(*) FROM ticks t LEFT JOIN (SELECT node, max(hub) AS h FROM nodes GROUP BY node) n ON n.node = t.node",
]
USED = [
    "SELECT t.id FROM ticks t LEFT JOIN nodes n ON t.node = n.node",
    "SELECT t.id, n.c FROM ticks t LEFT JOIN (SELECT node, count(*) AS c FROM nodes GROUP BY node) n ON t.node = n.node",
    "SELECT t.id FROM ticks t JOIN (SELECT node FROM nodes GROUP BY node) n ON t.node = n.node",
    "SELECT t.id FROM ticks t LEFT JOIN (SELECT node, hub FROM nodes GROUP BY node, hub) n ON t.node = n.node",
    "SELECT * FROM ticks t LEFT JOIN (SELECT node FROM nodes GROUP BY node) n ON t.node = n.node",
    "SELECT t.id FROM ticks t LEFT JOIN (SELECT node, 1 / count(*) AS c FROM nodes GROUP BY node) n ON t.node = n.node",
    "SELECT DISTINCT t.node FROM ticks t LEFT JOIN nodes n ON t.node = n.node WHERE n.hub IS NULL",
    "SELECT DISTINCT count(*) FROM ticks t LEFT JOIN nodes n ON t.node = n.node",
    "SELECT t.id FROM ticks t LEFT JOIN (SELECT node FROM nodes GROUP BY node) n ON t.node < n.node",
    "SELECT t.id FROM ticks t LEFT JOIN (SELECT node FROM nodes GROUP BY node) n ON t.node = n.node ORDER BY n.node",
]


@pytest.mark.asyncio
async def test_a_join_that_changes_nothing_can_be_left_out_and_no_other_is(market_config: Config) -> None:
    async with market(market_config) as there:
        for sql in UNUSED:
            (draft,) = await drafts(there, sql, unused_joins)
            text = readable(draft.tree)
            assert "JOIN" not in text
            assert draft.same_result
            assert await there.rows(sql) == await there.rows(text), text
        for sql in USED:
            assert not await drafts(there, sql, unused_joins), sql
