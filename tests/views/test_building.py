"""A view holds what its definition gives at the versions that its watermark names."""

from __future__ import annotations

from collections import Counter

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import State
from catalog.objects import TableName
from catalog.view_documents import read_document
from gateway.views.building import build, drop
from gateway.views.definitions import understand
from gateway.views.source import source_of
from tests.views.world import BASE, World, prices

pytestmark = pytest.mark.asyncio

HOURLY = (
    "SELECT hub, date_trunc('day', ts) AS d, count(*) AS n, count(lmp) AS n_lmp, sum(lmp) AS s_lmp,"
    " array_agg(DISTINCT node) FILTER (WHERE node IS NOT NULL) AS nodes, approx_distinct(node) AS about,"
    " array_agg(lmp) FILTER (WHERE lmp IS NOT NULL) AS p, max_by(lmp, ts) AS last"
    " FROM lmp GROUP BY hub, date_trunc('day', ts)"
)
STATES = (
    State("nodes", "uniqExact", ("node",)),
    State("about", "uniq", ("node",)),
    State("p", "quantileTDigest", ("lmp",)),
    State("last", "argMax", ("lmp", "ts")),
)


async def test_a_view_holds_what_its_definition_gives(made: World) -> None:
    built = await build(made.view(HOURLY, *STATES), made.engines, made.catalog)
    rows = prices(40).to_pylist()
    assert built.fill.rows == len({(row["hub"], row["ts"].date()) for row in rows})
    total = await made.rows("SELECT sum(n), sum(n_lmp), toString(sum(s_lmp)) FROM {v}.v")
    assert total == [(40, 37, "7.26")]
    merged = await made.rows(
        "SELECT toInt64(uniqExactMerge(nodes)), toInt64(uniqMerge(about)), toString(argMaxMerge(last).1) FROM {v}.v"
    )
    assert merged == [(5, 5, "0.39")]


async def test_groups_of_null_are_kept_apart(made: World) -> None:
    await build(made.view("SELECT hub, count(*) AS n FROM lmp GROUP BY 1"), made.engines, made.catalog)
    counts = Counter(prices(40)["hub"].to_pylist())
    assert counts[None] > 0
    assert dict(await made.rows("SELECT hub, n FROM {v}.v")) == counts


async def test_what_cannot_be_null_is_known_not_to_be(made: World) -> None:
    await build(made.view("SELECT hub, count(*) AS n FROM lmp GROUP BY 1"), made.engines, made.catalog)
    table = await made.catalog.fetch(TableName("clickhouse", made.schema, "v"))
    assert table is not None
    assert {column.name: column.nullable for column in table.columns} == {"hub": True, "n": False}


async def test_the_watermark_names_the_version_that_was_read(made: World) -> None:
    before = await made.lake.data_versions([await table(made)])
    definition = made.view(HOURLY, *STATES)
    built = await build(definition, made.engines, made.catalog)
    assert built.view.watermark is not None
    assert dict(built.view.watermark.versions) == {BASE: before[BASE]}
    document = read_document(definition.name, built.view.table.comment)
    assert document is not None
    assert (document.definition, document.watermark) == (definition, built.view.watermark)


async def table(made: World):  # type: ignore[no-untyped-def]  # a stand-in for one test
    found = await made.catalog.fetch(BASE)
    assert found is not None
    return found


async def test_rows_that_come_while_a_view_is_built_are_in_none_of_it_or_all(made: World) -> None:
    definition = made.view("SELECT hub, count(*) AS n FROM lmp GROUP BY hub")
    fill = made.clickhouse.fill

    async def late(filling, pages, mark):  # type: ignore[no-untyped-def]  # a stand-in for one test
        made.lmp.append(prices(10, first=1000))
        return await fill(filling, pages, mark)

    made.clickhouse.fill = late  # type: ignore[method-assign]  # a stand-in for one test
    built = await build(definition, made.engines, made.catalog)
    (count,) = (await made.rows("SELECT sum(n) FROM {v}.v"))[0]
    now = await made.lake.data_versions([await table(made)])
    assert built.view.watermark is not None
    assert (count, built.view.watermark.versions == now) == (40, False)


async def test_a_view_is_built_again_from_what_is_there_now(made: World) -> None:
    definition = made.view("SELECT hub, count(*) AS n FROM lmp GROUP BY hub")
    await build(definition, made.engines, made.catalog)
    made.lmp.append(prices(10, first=1000))
    built = await build(definition, made.engines, made.catalog)
    assert built.fill.replaced
    assert await made.rows("SELECT sum(n) FROM {v}.v") == [(50,)]


async def test_a_replica_holds_every_row(made: World) -> None:
    await build(made.view("SELECT * FROM lmp"), made.engines, made.catalog)
    assert await made.rows("SELECT count(), countIf(node IS NULL) FROM {v}.v") == [(40, 6)]


REFUSED = [
    ("SELECT now() AS t, hub FROM lmp", "does not give the same each time"),
    ("SELECT hub, hub FROM lmp", "have one name"),
    ("SELECT hub FROM nothing", "does not exist"),
    ("SELECT table_name AS n FROM lake.information_schema.tables", "does not exist"),
    ("SELECT ARRAY[to_utf8(hub)] AS a FROM lmp", "cannot hold values of type varbinary in arrays"),
    ("SELECT hub FROM clickhouse.{v}.v", "does not exist"),
    ("SELECT hub FROM lmp FOR VERSION AS OF 'main'", "at a version of its own"),
    (
        "SELECT hub FROM lmp WHERE node IN (SELECT node FROM lmp FOR VERSION AS OF 12345678901)",
        "at a version of its own",
    ),
    ("SELECT hub FROM lmp FOR TIMESTAMP AS OF TIMESTAMP '2026-03-01 00:00:00 UTC'", "at a version of its own"),
]


async def test_what_cannot_be_kept_is_refused_with_its_reason(made: World) -> None:
    for sql, message in REFUSED:
        with pytest.raises(Refusal, match=message):
            await build(made.view(sql.replace("{v}", made.schema)), made.engines, made.catalog)
    assert await made.rows("SELECT count() FROM system.tables WHERE database = '{v}'") == [(0,)]


NOT_SHOWN = [
    ("max(lmp)", State("s", "argMax", ("lmp", "ts"))),
    ("max(lmp)", State("s", "uniqExact", ("lmp",))),
    ("array_agg(lmp)", State("s", "sumMap", ("lmp",))),
    ("array_agg(hub)", State("s", "uniqExact", ("node",))),
    ("array_agg(node) FILTER (WHERE mw > 5)", State("s", "uniqExact", ("node",))),
    ("array_agg(node) FILTER (WHERE node IS NOT NULL AND mw > 5)", State("s", "uniqExact", ("node",))),
    ("array_agg(DISTINCT lmp)", State("s", "quantileExact", ("lmp",))),
    ("count(node)", State("s", "uniqExact", ("node",))),
    ("max_by(mw, ts)", State("s", "argMax", ("lmp", "ts"))),
    ("max_by(lmp, mw)", State("s", "argMax", ("lmp", "ts"))),
    ("min_by(lmp, ts)", State("s", "argMax", ("lmp", "ts"))),
    ("max_by(lmp, ts) FILTER (WHERE mw > 5)", State("s", "argMax", ("lmp", "ts"))),
]


async def test_a_state_that_the_definition_does_not_show_is_refused(made: World) -> None:
    for value, state in NOT_SHOWN:
        definition = made.view(f"SELECT hub, {value} AS s FROM lmp GROUP BY hub", state)
        with pytest.raises(Refusal, match=r"state s cannot be made") as refused:
            await build(definition, made.engines, made.catalog)
        assert refused.value.code is ErrorCode.NOT_SUPPORTED, value


SHOWN = [
    ("count(DISTINCT node)", State("s", "uniqExact", ("node",))),
    ("CAST(approx_set(node) AS varbinary)", State("s", "uniq", ("node",))),
    ("array_agg(node)", State("s", "uniqExact", ("node",))),
    (
        "array_agg(CAST(mw AS double)) FILTER (WHERE mw IS NOT NULL)",
        State("s", "quantileTDigest", ("CAST(mw AS double)",)),
    ),
    ("approx_percentile(mw, 0.5)", State("s", "quantileTDigest", ("mw",))),
]


async def test_a_state_is_made_of_the_values_that_its_column_stands_for(made: World) -> None:
    for value, state in SHOWN:
        definition = made.view(f"SELECT hub, {value} AS s FROM lmp GROUP BY hub", state)
        source = source_of(await understand(definition, made.catalog.fetch)).sql
        await build(definition, made.engines, made.catalog)
        ((merged,),) = await made.rows(f"SELECT toInt64({state.function}Merge(s)) FROM {{v}}.v")
        assert "array_agg" in source, value
        assert merged == (5 if state.arguments == ("node",) else 4), value


async def test_views_are_kept_in_clickhouse_only(made: World) -> None:
    definition = made.view("SELECT hub FROM lmp")
    with pytest.raises(Refusal, match="Views are kept in ClickHouse"):
        await drop(TableName("lake", "grid", "lmp"), made.engines, made.catalog)
    await build(definition, made.engines, made.catalog)
    assert await drop(definition.name, made.engines, made.catalog)
    assert await made.catalog.fetch(definition.name) is None
