"""A view that is built again after some rows changed holds what a view holds that is built whole, for less."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.expressions import EqualTo, IsNull

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Definition, State
from catalog.objects import TableName
from gateway.views.building import Built, build
from tests.views.test_building import HOURLY, STATES
from tests.views.world import LMP, World, prices

pytestmark = pytest.mark.asyncio

BY_DAY = "SELECT hub, date_trunc('day', ts) AS d, count(*) AS n, sum(lmp) AS s, max(node) AS m FROM lmp GROUP BY 1, 2"
MERGED = (
    "SELECT hub, toString(d), n, n_lmp, toString(s_lmp), toInt64(uniqExactMerge(nodes)), toInt64(uniqMerge(about)),"
    " toString(quantileTDigestMerge(p)), toString(argMaxMerge(last).1) FROM {table} GROUP BY 1, 2, 3, 4, 5 ORDER BY ALL"
)


async def rows(made: World, columns: str = "*", table: str = "v") -> list[tuple[object, ...]]:
    """Return a view's rows; plain ones, in one order."""
    return sorted(await made.rows(f"SELECT {columns} FROM {{v}}.{table}"), key=repr)


async def again(made: World, definition: Definition) -> Built:
    return await build(definition, made.engines, made.catalog)


def late(count: int, day: int) -> pa.Table:
    """Return rows of one day."""
    moments = [datetime(2026, 3, day, n % 24) for n in range(count)]
    return pa.table(
        {
            "node": [f"late{n % 2}" for n in range(count)],
            "hub": [f"H{n % 3}" for n in range(count)],
            "ts": moments,
            "lmp": [Decimal(n) for n in range(count)],
            "mw": [1.0] * count,
        },
        schema=LMP,
    )


async def test_only_the_days_with_new_rows_are_computed_again(made: World) -> None:
    made.lmp.append(prices(2000, first=40))
    definition = made.view(BY_DAY)
    first = await again(made, definition)
    assert (first.fill.kept, first.scanned_bytes > 0) == (0, True)
    made.lmp.append(late(5, day=3))
    renewed = await again(made, definition)
    assert renewed.fill.kept > 0.9 * renewed.fill.rows
    assert renewed.fill.kept < renewed.fill.rows
    found = await rows(made)
    whole = await build(definition, made.engines, made.catalog, whole=True)
    assert whole.fill.kept == 0
    assert await rows(made) == found
    assert (whole.fill.rows, whole.view.watermark is not None) == (renewed.fill.rows, True)
    assert renewed.view.watermark is not None
    assert whole.view.watermark.versions == renewed.view.watermark.versions  # type: ignore[union-attr]  # it was looked at


@pytest.mark.long
async def test_states_of_untouched_groups_are_kept_and_others_made_anew(made: World) -> None:
    definition = made.view(HOURLY, *STATES)
    await again(made, definition)
    made.lmp.append(late(7, day=2))
    renewed = await again(made, definition)
    assert 0 < renewed.fill.kept < renewed.fill.rows
    found = await made.rows(MERGED.replace("{table}", "{v}.v"))
    await build(definition, made.engines, made.catalog, whole=True)
    assert await made.rows(MERGED.replace("{table}", "{v}.v")) == found


@pytest.mark.long
async def test_a_base_that_was_rewritten_but_holds_the_same_is_not_read(made: World) -> None:
    definition = made.view(BY_DAY)
    await again(made, definition)
    table = made.lmp
    with table.transaction() as change:
        change.set_properties({"note": "nothing happened"})
    renewed = await again(made, definition)
    assert (renewed.fill.kept, renewed.scanned_bytes) == (renewed.fill.rows, 0)


CHANGES = ["append", "late", "delete", "delete nulls", "overwrite", "nothing"]


def change(made: World, kind: str, chance: random.Random) -> None:
    """Change the base in one way."""
    match kind:
        case "append":
            made.lmp.append(prices(chance.randint(1, 40), first=chance.randint(0, 3000)))
        case "late":
            made.lmp.append(late(chance.randint(1, 9), day=chance.randint(1, 9)))
        case "delete":
            moment = datetime(2026, 3, 1) + timedelta(hours=chance.randint(0, 60))
            made.lmp.delete(EqualTo("ts", moment.isoformat()))
        case "delete nulls":
            made.lmp.delete(IsNull("hub"))
        case "overwrite":
            made.lmp.overwrite(late(3, day=4), EqualTo("hub", "H1"))


DEFINITIONS: Sequence[tuple[str, tuple[State, ...]]] = [
    (BY_DAY, ()),
    ("SELECT date_trunc('week', ts) AS w, count(*) AS n, sum(lmp) AS s FROM lmp WHERE mw > 1 OR hub = 'H0' GROUP BY 1", ()),
    ("SELECT CAST(ts AS date) AS d, node, min(lmp) AS low FROM lmp GROUP BY CAST(ts AS date), node HAVING count(*) > 1", ()),
    ("SELECT DISTINCT hub, node FROM lmp", ()),
    ("SELECT node, hub, ts, lmp, mw FROM lmp WHERE lmp IS NOT NULL", ()),
    ("SELECT a.hub, a.ts, h.region FROM lmp a JOIN hubs h ON a.hub = h.hub", ()),
    ("SELECT a.hub, date_trunc('hour', a.ts) AS t, count(h.region) AS n FROM lmp a LEFT JOIN hubs h ON a.hub = h.hub GROUP BY 1, 2", ()),
    ("SELECT count(*) AS n, sum(lmp) AS s FROM lmp", ()),
    ("SELECT hub, count(*) AS n FROM lmp WHERE node IN (SELECT node FROM lmp WHERE mw > 3) GROUP BY hub", ()),
    ("SELECT a.hub, a.ts FROM lmp a JOIN lmp b ON a.ts = b.ts", ()),
    ("SELECT h.hub, h.region, a.ts FROM hubs h LEFT JOIN lmp a ON a.hub = h.hub", ()),
    ("SELECT hub, ts, rank() OVER (ORDER BY ts, mw) AS r FROM lmp", ()),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Delete operation did not match any records")  # so chance may have it
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 10))])
async def test_whatever_happens_the_view_holds_what_its_definition_gives(made: World, seed: int) -> None:
    chance = random.Random(seed)
    hubs = pa.table({"hub": ["H0", "H1", "H1"], "region": ["n", "s", "t"]})
    made.iceberg.create_table("grid.hubs", hubs.schema).append(hubs)
    made.lmp.append(late(30, day=5))
    chosen = chance.sample(DEFINITIONS, 3 if seed == 1 else 4)
    definitions = [made.view(sql, *states, name=f"v{at}") for at, (sql, states) in enumerate(chosen)]
    for definition in definitions:
        await again(made, definition)
    for _ in range(2 if seed == 1 else 3):
        for kind in chance.sample(CHANGES, chance.randint(1, 2)):
            change(made, kind, chance)
        if chance.random() < 0.3:
            made.iceberg.load_table("grid.hubs").append(pa.table({"hub": ["H2"], "region": [f"r{chance.random()}"]}))
        for at, definition in enumerate(definitions):
            renewed = await again(made, definition)
            found = await rows(made, table=f"v{at}")
            await build(definition, made.engines, made.catalog, whole=True)
            assert found == await rows(made, table=f"v{at}"), (definition.sql, renewed.fill.kept)


MEDDLED: list[Any] = [
    "ALTER TABLE {v}.v DELETE WHERE hub = 'H0' SETTINGS mutations_sync = 1",
    pytest.param("INSERT INTO {v}.v SELECT * FROM {v}.v LIMIT 1", marks=pytest.mark.long),
    pytest.param("ALTER TABLE {v}.v UPDATE n = 7 WHERE hub = 'H0' SETTINGS mutations_sync = 1", marks=pytest.mark.long),
]


@pytest.mark.parametrize("meddle", MEDDLED)
async def test_rows_that_were_meddled_with_are_not_kept(made: World, meddle: str) -> None:
    definition = made.view(BY_DAY)
    await again(made, definition)
    await made.clickhouse._connection.run(meddle.replace("{v}", made.schema), {})
    made.lmp.append(late(5, day=3))
    renewed = await again(made, definition)
    assert renewed.fill.kept == 0
    found = await rows(made)
    await build(definition, made.engines, made.catalog, whole=True)
    assert await rows(made) == found


async def test_a_table_that_changes_while_its_rows_are_copied_is_built_whole(made: World) -> None:
    definition = made.view(BY_DAY)
    await again(made, definition)
    made.lmp.append(late(5, day=3))
    run = made.clickhouse._connection.run

    async def meddling(sql: str, settings: Any) -> None:
        if sql.startswith("INSERT INTO") and " WHERE NOT " in sql:
            await run(f"INSERT INTO {made.schema}.v SELECT * FROM {made.schema}.v LIMIT 2", settings)
        await run(sql, settings)

    made.clickhouse._connection.run = meddling  # type: ignore[method-assign]  # a stand-in for one test
    renewed = await again(made, definition)
    assert renewed.fill.kept == 0
    assert sum(int(str(row[2])) for row in await rows(made)) == 45


async def test_a_crash_in_the_middle_leaves_the_old_view_whole(made: World) -> None:
    definition = made.view(BY_DAY)
    await again(made, definition)
    before = await rows(made)
    made.lmp.append(late(5, day=3))
    run = made.clickhouse._connection.run

    async def failing(sql: str, settings: Any) -> None:
        if sql.startswith("EXCHANGE"):
            raise Refusal(ErrorCode.GENERIC_EXTERNAL, "the server is gone")
        await run(sql, settings)

    made.clickhouse._connection.run = failing  # type: ignore[method-assign]  # a stand-in for one test
    with pytest.raises(Refusal, match="is gone"):
        await again(made, definition)
    made.clickhouse._connection.run = run  # type: ignore[method-assign]  # as above
    assert await rows(made) == before
    assert await made.rows("SELECT count() FROM system.tables WHERE database = '{v}'") == [(1,)]
    await again(made, definition)
    assert sum(int(str(row[2])) for row in await rows(made)) == 45


@pytest.mark.long
async def test_another_definition_of_the_same_name_is_built_whole(made: World) -> None:
    await again(made, made.view(BY_DAY))
    made.lmp.append(late(5, day=3))
    renewed = await again(made, made.view(BY_DAY.replace("count(*)", "count(node)")))
    assert renewed.fill.kept == 0
    assert renewed.view.table.name == TableName("clickhouse", made.schema, "v")
