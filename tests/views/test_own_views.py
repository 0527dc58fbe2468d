"""ClickHouse's own materialized views are used once their rows were found to be what their SELECT gives, and so long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from catalog.cache import CatalogCache
from catalog.materialized_views import MaterializedView
from catalog.objects import TableName
from engines.clickhouse.engine import ClickHouseEngine
from gateway.views.adopting import Adopting
from gateway.views.finding import Finder
from gateway.views.freshness import FreshnessOf, Histories
from gateway.views.known import NO_VIEWS, KnownViews
from gateway.views.looking import Looking
from gateway.views.proving import Prover
from tests.real.clickhouse import embedded

pytestmark = pytest.mark.asyncio

BASE = (
    "hub LowCardinality(String), node Nullable(String), ts DateTime('UTC'), t DateTime, t6 DateTime64(6, 'UTC'),"
    " x Int32, big Int64, p Decimal(10, 2), wide Decimal(30, 2), f Float64"
)
ROWS = (
    "('A', 'n1', '2026-01-01 00:00:00', 0, 0, 1, 1, 1.5, 1, 1), ('A', NULL, '2026-01-01 00:30:00', 0, 0, 7, 1, 2.5, 1, 1),"
    " ('B', 'n2', '2026-01-02 05:00:00', 0, 0, -3, 1, 0.25, 1, 1)"
)
TARGET = (
    "hub LowCardinality(String), h DateTime('UTC'), n SimpleAggregateFunction(sum, UInt64),"
    " s SimpleAggregateFunction(sum, Int64), u AggregateFunction(uniqExact, Nullable(String))"
)
HOURS = (
    "SELECT hub, toStartOfHour(ts) AS h, count() AS n, sum(x) AS s, uniqExactState(node) AS u FROM {b} GROUP BY hub, h"
)


@dataclass(frozen=True, slots=True)
class Own:
    """A ClickHouse with a base table, and what looks at its views."""

    clickhouse: ClickHouseEngine
    catalog: CatalogCache
    looks: Looking
    adopting: Adopting
    schema: str

    async def run(self, *statements: str, **settings: str) -> None:
        for sql in statements:
            written = sql.replace("{b}", f"{self.schema}.base").replace("{s}", self.schema)
            await self.clickhouse._connection.run(written, settings)

    async def known(self, *, compared: bool = True) -> dict[str, MaterializedView]:
        """Return the views once nothing waits to be compared."""
        await self.catalog.invalidate_catalog("clickhouse")
        known: KnownViews = await self.looks.look(NO_VIEWS)
        while compared and self.adopting._comparing is not None:
            await self.adopting._comparing
            self.adopting._comparing = None
            known = await self.looks.look(known)
        return {view.name.table: view for view in known.views if view.name.schema == self.schema}

    async def why(self, name: str = "v") -> str:
        """Return why a view answers nobody; empty where it is current."""
        view = (await self.known())[name]
        current = view.freshness is not None and view.freshness.current
        return view.unusable or ("" if current else "?")


@asynccontextmanager
async def _world(most_bytes: int = 1 << 30) -> AsyncIterator[Own]:
    schema = f"own_{uuid4().hex[:8]}"
    async with embedded() as clickhouse:
        await clickhouse._connection.run(f"CREATE DATABASE {schema}", {})
        engines = {"clickhouse": clickhouse}
        catalog = CatalogCache([clickhouse])
        adopting = Adopting(engines, catalog, every=0.0, most_bytes=most_bytes, told=lambda: None)

        async def none() -> Mapping[TableName, str]:
            return {}

        prover = Prover(engines, (), every=1.0, told=lambda: None)
        finder = Finder(catalog, engines, [], adopting)
        looks = Looking(finder, FreshnessOf(Histories(engines)), prover, catalog, engines, none)
        made = Own(clickhouse, catalog, looks, adopting, schema)
        await made.run(f"CREATE TABLE {{b}} ({BASE}) ENGINE = MergeTree PARTITION BY toYYYYMMDD(ts) ORDER BY ts")
        try:
            yield made
        finally:
            await adopting.close()
            await clickhouse._connection.run(f"DROP DATABASE {schema} SYNC", {})


@pytest_asyncio.fixture
async def own() -> AsyncIterator[Own]:
    async with _world() as made:
        yield made


async def hours(own: Own) -> None:
    """Make a view over the empty base, and insert three rows in two steps."""
    await own.run(
        f"CREATE TABLE {{s}}.target ({TARGET}) ENGINE = AggregatingMergeTree ORDER BY (hub, h)",
        f"CREATE MATERIALIZED VIEW {{s}}.v TO {{s}}.target AS {HOURS}",
        f"INSERT INTO {{b}} VALUES {ROWS}",
        f"INSERT INTO {{b}} VALUES {ROWS}",
    )


async def test_a_view_that_saw_every_row_is_used_and_known_for_what_it_holds(own: Own) -> None:
    await hours(own)
    view = (await own.known())["v"]
    assert (view.unusable, view.definition.maintained, view.definition.integrity) == (None, "inserts", "enforced")
    assert view.freshness is not None
    assert view.freshness.current
    assert view.definition.sql == (
        f"""SELECT "hub" AS "hub", date_trunc('hour', "ts") AS "h", count(*) AS "n", sum("x") AS "s", """
        f"""array_agg(DISTINCT "node") FILTER (WHERE "node" IS NOT NULL) AS "u" """
        f"""FROM "clickhouse"."{own.schema}"."base" GROUP BY "hub", date_trunc('hour', "ts")"""
    )
    assert [(c.name, str(c.type)) for c in view.table.columns][2:4] == [("n", "bigint"), ("s", "bigint")]
    index: Any = own.looks._preparing._indexed
    assert index is not None
    assert [each.why for each in index[2].views if each.view.name == view.name] == [None]


@pytest.mark.long
async def test_a_view_is_not_used_before_it_was_compared(own: Own) -> None:
    await hours(own)
    view = (await own.known(compared=False))["v"]
    assert "was not compared" in (view.unusable or "")
    await own.adopting.close()


LOST: list[Any] = [
    ("INSERT INTO {b} SELECT 'A', NULL, '2026-01-03 00:00:00', 0, 0, 2, 2, 2, 2, 2", ""),
    ("ALTER TABLE {b} DELETE WHERE x = 7 SETTINGS mutations_sync = 1", "groups differ"),
    ("DELETE FROM {b} WHERE hub = 'B'", "groups differ"),
    ("ALTER TABLE {b} UPDATE x = 8 WHERE x = 7 SETTINGS mutations_sync = 1", "groups differ"),
    ("ALTER TABLE {b} UPDATE node = 'n9' WHERE x = 1 SETTINGS mutations_sync = 1", "groups differ"),
    ("ALTER TABLE {b} DROP PARTITION 20260102", "groups differ"),
    ("TRUNCATE TABLE {b}", "groups differ"),
    ("ALTER TABLE {b} MODIFY TTL ts + INTERVAL 1 DAY SETTINGS mutations_sync = 1", "groups differ"),
    ("ALTER TABLE {s}.target DELETE WHERE hub = 'B' SETTINGS mutations_sync = 1", "groups differ"),
    ("INSERT INTO {s}.target SELECT * FROM {s}.target LIMIT 1", "groups differ"),
    ("ALTER TABLE {s}.target MODIFY TTL h + INTERVAL 9 YEAR", "its target has a TTL"),
    ("DETACH TABLE {s}.v; INSERT INTO {b} VALUES ('A', 'n1', '2026-01-01 00:00:00', 0, 0, 1, 1, 1.5, 1, 1); ATTACH TABLE {s}.v", "groups differ"),
    ("CREATE TABLE {s}.o AS {b}; INSERT INTO {s}.o SELECT * FROM {b}; ALTER TABLE {b} ATTACH PARTITION 20260101 FROM {s}.o", "groups differ"),
]  # fmt: skip
_ORDINARY = {1, 11}


@pytest.mark.parametrize(
    ("happens", "why"),
    [pytest.param(*each, marks=() if at in _ORDINARY else pytest.mark.long) for at, each in enumerate(LOST)],
)
async def test_whatever_happens_to_base_or_rows_the_view_is_used_only_where_it_holds_the_same(
    own: Own, happens: str, why: str
) -> None:
    await hours(own)
    assert await own.why() == ""
    await own.run(*(each.strip() for each in happens.split(";")))
    at_once = (await own.known(compared=False))["v"]
    assert at_once.unusable
    said = await own.why()
    assert why in said
    assert bool(why) == bool(said)


async def test_what_lay_in_the_base_before_does_not_count_unless_it_was_filled_in(own: Own) -> None:
    await own.run(
        f"INSERT INTO {{b}} VALUES {ROWS}", "CREATE TABLE {s}.o AS {b}", "INSERT INTO {s}.o SELECT * FROM {b}"
    )
    await hours(own)
    assert "groups differ" in await own.why()
    await own.run(f"INSERT INTO {{s}}.target {HOURS.replace('{b}', '{s}.o')}")
    assert await own.why() == ""


UNREAD: list[tuple[str, str]] = [
    ("SELECT hub, sumState(x) AS s FROM {b} GROUP BY hub", "sumState(x) is not read"),
    ("SELECT hub, toStartOfHour(t) AS h, count() AS n FROM {b} GROUP BY hub, h", "toStartOfHour of t, which is DateTime"),
    ("SELECT hub, toStartOfHour(t6) AS h, count() AS n FROM {b} GROUP BY hub, h", "toStartOfHour of t6"),
    ("SELECT hub, sum(big) AS s FROM {b} GROUP BY hub", "sum of big, which is Int64"),
    ("SELECT hub, sum(wide) AS s FROM {b} GROUP BY hub", "sum of wide"),
    ("SELECT hub, sum(f) AS s FROM {b} GROUP BY hub", "sum of f"),
    ("SELECT hub, min(f) AS s FROM {b} GROUP BY hub", "min of f"),
    ("SELECT f, count() AS n FROM {b} GROUP BY f", "a key of f"),
    ("SELECT hub, toStartOfHour(ts) AS ts, count() AS n FROM {b} GROUP BY hub, ts", "ts names a column of the base and something else"),
    ("SELECT hub, count() AS n FROM {b} WHERE x + 1 > 3 GROUP BY hub", "is not read"),
    ("SELECT hub, count() AS n FROM {b} WHERE rand() > 3 GROUP BY hub", "is not read"),
    ("SELECT hub, count() AS n FROM {b} GROUP BY hub HAVING n > 1", "HAVING"),
    ("SELECT hub, count() AS n FROM {b} GROUP BY hub, x", "groups by x"),
    ("SELECT hub, count() AS n FROM {b} GROUP BY hub WITH ROLLUP", "GROUP BY"),
    ("SELECT hub, x FROM {b}", "GROUP BY"),
    ("SELECT DISTINCT hub, count() AS n FROM {b} GROUP BY hub", "DISTINCT"),
    ("SELECT a.hub, count() AS n FROM {b} AS a JOIN {b} AS c ON a.x = c.x GROUP BY a.hub", "JOIN"),
    ("SELECT hub, count() AS n FROM (SELECT * FROM {b}) GROUP BY hub", "one table"),
    ("SELECT hub, uniqExact(node) AS n FROM {b} GROUP BY hub", "uniqExact(node) is not read"),
    ("SELECT hub, any(node) AS n FROM {b} GROUP BY hub", "is not read"),
]  # fmt: skip


async def test_what_is_not_understood_is_listed_with_its_reason_and_used_by_nobody(own: Own) -> None:
    for at, (select, _) in enumerate(UNREAD):
        await own.run(f"CREATE MATERIALIZED VIEW {{s}}.u{at} ENGINE = MergeTree ORDER BY tuple() AS {select}")
    known = await own.known()
    for at, (select, why) in enumerate(UNREAD):
        assert why in (known[f"u{at}"].unusable or ""), (select, known[f"u{at}"].unusable)
        assert known[f"u{at}"].definition.sql == ""


TARGETS: list[tuple[str, str, str]] = [
    ("hub String, n UInt64", "SummingMergeTree ORDER BY hub", "whose merges do more"),
    ("hub String, n UInt64", "ReplacingMergeTree ORDER BY hub", "whose merges do more"),
    ("hub String, n UInt64, more Int32 DEFAULT 5", "MergeTree ORDER BY hub", "other columns"),
    ("hub String, n UInt32", "MergeTree ORDER BY hub", "n is kept as UInt32"),
    ("hub String, n SimpleAggregateFunction(max, UInt64)", "AggregatingMergeTree ORDER BY hub", "n is kept as"),
    ("hub FixedString(4), n UInt64", "MergeTree ORDER BY hub", "hub is kept as FixedString(4)"),
    ("hub String, n UInt64", "MergeTree ORDER BY hub", ""),
    ("hub String, n SimpleAggregateFunction(sum, UInt64)", "AggregatingMergeTree ORDER BY hub", ""),
]


@pytest.mark.long
async def test_a_target_that_keeps_something_else_is_not_used(own: Own) -> None:
    for at, (columns, engine, _) in enumerate(TARGETS):
        await own.run(
            f"CREATE TABLE {{s}}.t{at} ({columns}) ENGINE = {engine}",
            f"CREATE MATERIALIZED VIEW {{s}}.m{at} TO {{s}}.t{at} AS SELECT hub, count() AS n FROM {{b}} WHERE x > 0 AND hub != 'C' GROUP BY hub",
        )
    await own.run(f"INSERT INTO {{b}} VALUES {ROWS}")
    known = await own.known()
    for at, (columns, engine, why) in enumerate(TARGETS):
        said = known[f"m{at}"].unusable or ""
        assert why in said, (columns, engine, said)
        assert bool(why) == bool(said), (columns, engine, said)
    assert "NULL" not in known["m7"].definition.sql


@pytest.mark.long
async def test_inner_and_refreshed_views_are_used_alike(own: Own) -> None:
    await own.run(
        f"INSERT INTO {{b}} VALUES {ROWS}",
        "CREATE MATERIALIZED VIEW {s}.v ENGINE = MergeTree ORDER BY hub POPULATE AS"
        " SELECT hub, toDate(ts) AS d, max(x) AS m, min(p) AS low FROM {b} GROUP BY hub, d",
        "CREATE MATERIALIZED VIEW {s}.r REFRESH EVERY 1 YEAR ENGINE = MergeTree ORDER BY hub AS"
        " SELECT hub, sum(p) AS s FROM {b} GROUP BY hub",
        "SYSTEM REFRESH VIEW {s}.r",
        "SYSTEM WAIT VIEW {s}.r",
    )
    assert (await own.why("v"), await own.why("r")) == ("", "")
    await own.run(f"INSERT INTO {{b}} VALUES {ROWS}")
    assert (await own.why("v"), "groups differ" in await own.why("r")) == ("", True)


@pytest.mark.long
async def test_a_base_of_more_bytes_than_allowed_is_not_read_for_it() -> None:
    async with _world(most_bytes=1) as own:
        await hours(own)
        assert "discover_bytes" in await own.why()
