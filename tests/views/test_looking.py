"""The registry knows which views there are and how fresh each is, and plans hold what does not change."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from catalog.materialized_views import Key, MaterializedView
from catalog.objects import TableName
from gateway.views.building import build, drop
from gateway.views.finding import Finder
from gateway.views.known import NO_VIEWS, KnownViews
from gateway.views.looking import Looking
from gateway.views.registry import Views
from rewrite_rules.substitution.index import ViewIndex
from tests.views.world import BASE, World, looking, prices

pytestmark = pytest.mark.asyncio

HUBS = "SELECT hub, date_trunc('day', ts) AS d, count(*) AS n FROM lmp GROUP BY hub, date_trunc('day', ts)"


def only(known: KnownViews) -> MaterializedView:
    (view,) = known.views
    return view


async def test_without_views_nothing_is_over_any_table(made: World) -> None:
    known = await looking(made).look(NO_VIEWS)
    assert known.views == ()
    assert not known.over([BASE])


async def test_a_view_is_found_by_the_document_beside_its_rows(made: World) -> None:
    definition = made.view(HUBS)
    await build(definition, made.engines, made.catalog)
    known = await looking(made).look(NO_VIEWS)
    view = only(known)
    assert (view.definition, view.rows, view.unusable) == (definition, 8, None)
    assert view.bytes
    assert view.freshness is not None
    assert view.freshness.current
    assert known.over([BASE])
    assert isinstance(known.index, ViewIndex)
    assert [each.why for each in known.index.views] == [None]


@pytest.mark.long
async def test_what_did_not_change_stays_the_same_object(made: World) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    looks = looking(made)
    first = await looks.look(NO_VIEWS)
    second = await looks.look(first)
    assert second.for_table[BASE] is first.for_table[BASE]
    assert second.index is first.index


async def test_rows_that_came_since_lie_in_the_regions_that_changed(made: World) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    looks = looking(made)
    before = await looks.look(NO_VIEWS)
    made.lmp.append(prices(5, first=1000))
    after = await looks.look(before)
    freshness = only(after).freshness
    assert freshness is not None
    (change,) = freshness.changes
    assert (change.table, change.appended_only, change.unknown) == (BASE, True, None)
    assert any(bound.column == "ts" for region in change.regions for bound in region.bounds)
    assert freshness.versions == await made.lake.data_versions([(await made.catalog.fetch(BASE))])  # type: ignore[list-item]  # it is there
    assert after.for_table[BASE] is not before.for_table[BASE]


async def test_a_view_is_behind_from_when_it_was_last_seen_to_be_current(made: World) -> None:
    built = await build(made.view(HUBS), made.engines, made.catalog)
    assert built.view.watermark is not None
    looks = looking(made)
    made.lmp.append(prices(5, first=1000))
    unseen = only(await looks.look(NO_VIEWS)).freshness
    assert unseen is not None
    assert unseen.behind_since == built.view.watermark.built_at  # nobody looked before: the oldest that it can be


@pytest.mark.long
async def test_a_view_that_is_built_again_is_current_again(made: World) -> None:
    definition = made.view(HUBS)
    await build(definition, made.engines, made.catalog)
    looks = looking(made)
    made.lmp.append(prices(5, first=1000))
    await looks.look(NO_VIEWS)
    await build(definition, made.engines, made.catalog)
    freshness = only(await looks.look(NO_VIEWS)).freshness
    assert freshness is not None
    assert freshness.current


async def test_a_view_that_somebody_else_built_again_is_read_again(made: World) -> None:
    definition = made.view(HUBS)
    await build(definition, made.engines, made.catalog)
    looks = looking(made)
    first = await looks.look(NO_VIEWS)
    made.lmp.append(prices(5, first=1000))
    from catalog.cache import CatalogCache

    await build(definition, made.engines, CatalogCache(made.engines.values()))
    second = await looks.look(first)
    assert only(second).watermark != only(first).watermark
    freshness = only(second).freshness
    assert freshness is not None
    assert freshness.current


@pytest.mark.long
async def test_a_view_that_was_dropped_is_not_known_any_more(made: World) -> None:
    definition = made.view(HUBS)
    await build(definition, made.engines, made.catalog)
    looks = looking(made)
    first = await looks.look(NO_VIEWS)
    await drop(definition.name, made.engines, made.catalog)
    second = await looks.look(first)
    assert second.views == ()
    assert not second.over([BASE])


@pytest.mark.long
async def test_a_view_that_somebody_else_dropped_is_not_known_any_more(made: World) -> None:
    definition = made.view(HUBS)
    await build(definition, made.engines, made.catalog)
    looks = looking(made)
    first = await looks.look(NO_VIEWS)
    await made.clickhouse.drop_view(definition.name)
    assert (await looks.look(first)).views == ()


@pytest.mark.parametrize(
    ("meddle", "why"),
    [
        ("ALTER TABLE {v}.v DELETE WHERE hub = 'H0' SETTINGS mutations_sync = 1", "deleted or changed by hand"),
        pytest.param(
            "ALTER TABLE {v}.v UPDATE n = 7 WHERE hub = 'H0' SETTINGS mutations_sync = 1",
            "deleted or changed by hand",
            marks=pytest.mark.long,
        ),
        pytest.param("DELETE FROM {v}.v WHERE hub = 'H0'", "deleted or changed by hand", marks=pytest.mark.long),
        ("ALTER TABLE {v}.v MODIFY TTL assumeNotNull(d) + INTERVAL 1 YEAR", "has a TTL"),
        pytest.param(
            "INSERT INTO {v}.v SELECT * FROM {v}.v LIMIT 1",
            "holds 9 rows and was filled with 8",
            marks=pytest.mark.long,
        ),
        ("ALTER TABLE {v}.v DROP PARTITION ID 'all'", "holds 0 rows and was filled with 8"),
    ],
)
async def test_a_view_whose_own_table_was_meddled_with_answers_nobody(made: World, meddle: str, why: str) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    looks = looking(made)
    before = await looks.look(NO_VIEWS)
    await made.clickhouse._connection.run(meddle.replace("{v}", made.schema), {"allow_suspicious_ttl_expressions": "1"})
    after = await looks.look(before)
    freshness = only(after).freshness
    assert freshness is not None
    assert why in (freshness.lost or "")
    assert not freshness.current
    assert isinstance(after.index, ViewIndex)
    assert after.index.views[0].why is not None
    assert after.for_table[BASE] is not before.for_table[BASE]


async def test_a_quarantined_view_says_so(made: World) -> None:
    definition = made.view(HUBS)
    await build(definition, made.engines, made.catalog)
    known = await looking(made, quarantined={definition.name: "one row differed"}).look(NO_VIEWS)
    assert only(known).quarantined == "one row differed"
    assert isinstance(known.index, ViewIndex)
    assert "quarantine" in (known.index.views[0].why or "")


async def test_a_view_whose_base_is_gone_answers_nobody_and_says_why(made: World) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    looks = looking(made)
    first = await looks.look(NO_VIEWS)
    made.iceberg.drop_table("grid.lmp")
    await made.catalog.invalidate(BASE)
    second = await looks.look(first)
    assert "does not exist" in (only(second).unusable or "")
    assert not second.over([BASE])


@pytest.mark.long
async def test_a_view_over_what_tells_no_versions_answers_nobody(made: World) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    looks = looking(made)

    async def silent(_: object) -> dict[TableName, str]:
        return {}

    made.lake.data_versions = silent  # type: ignore[method-assign, assignment]  # a stand-in for one test
    known = await looks.look(NO_VIEWS)
    assert "nobody says now at which version" in (only(known).unusable or "")
    assert isinstance(known.index, ViewIndex)
    assert known.index.views[0].why == only(known).unusable


async def test_a_comment_that_cannot_be_read_is_told_and_breaks_nothing_else(made: World) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    await build(made.view(HUBS, name="w"), made.engines, made.catalog)
    await made.clickhouse._connection.run(f"""ALTER TABLE {made.schema}.w MODIFY COMMENT '{{"penstock": 9}}'""", {})
    await made.catalog.invalidate(TableName("clickhouse", made.schema, "w"))
    known = await looking(made).look(NO_VIEWS)
    assert {view.name.table: view.unusable is None for view in known.views} == {"v": True, "w": False}


async def test_a_key_counts_once_it_was_found_true_and_until_the_data_change(made: World) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    looks = looking(made, Key(BASE, ("ts",)))
    first = await looks.look(NO_VIEWS)
    assert [key.status for key in first.facts.keys] == ["declared"]
    second = await once_tested(looks, first)
    assert [key.status for key in second.facts.keys] == ["verified"]
    assert second.for_table[BASE] is not first.for_table[BASE]
    made.lmp.append(prices(5, first=1000))
    third = await looks.look(second)
    assert [key.status for key in third.facts.keys] == ["declared"]
    fourth = await once_tested(looks, third)
    assert [key.status for key in fourth.facts.keys] == ["verified"]


async def once_tested(looks: Looking, known: KnownViews) -> KnownViews:
    testing = looks._prover._testing
    assert testing is not None
    await testing
    return await looks.look(known)


async def test_a_key_that_the_data_contradict_counts_for_nobody(made: World) -> None:
    await build(made.view(HUBS), made.engines, made.catalog)
    looks = looking(made, Key(BASE, ("hub",)))
    known = await once_tested(looks, await looks.look(NO_VIEWS))
    assert known.facts.keys == ()


@pytest.mark.long
async def test_wanted_views_are_known_before_they_are_built(made: World) -> None:
    definition = made.view(HUBS)
    finder = Finder(made.catalog, made.engines, [definition])
    (found,) = await finder.found()
    assert (found.definition, found.why) == (definition, "it was not built yet")


async def test_the_terms_that_the_configuration_sets_hold_at_once_and_go_before_those_beside_the_rows(
    made: World,
) -> None:
    definition = replace(made.view(HUBS), integrity="trusted")
    await build(definition, made.engines, made.catalog)
    (found,) = await Finder(made.catalog, made.engines, []).found()
    assert (found.definition.integrity, found.definition.max_staleness) == ("trusted", None)
    wanted = replace(definition, integrity="stale_tolerated", max_staleness=60.0)
    (found,) = await Finder(made.catalog, made.engines, [wanted]).found()
    assert (found.definition.integrity, found.definition.max_staleness) == ("stale_tolerated", 60.0)


@pytest.mark.long
async def test_the_registry_looks_again_when_it_is_kicked(made: World) -> None:
    views = Views(looking(made).look, every=3600)
    await views.start()
    assert (await views.fresh()).views == ()
    await build(made.view(HUBS), made.engines, made.catalog)
    async with asyncio.timeout(30):
        assert only(await views.fresh()).unusable is None
    assert only(views.known()).name.table == "v"
    await views.close()


async def test_a_look_that_fails_leaves_what_was_known(made: World) -> None:
    answers: list[KnownViews | Exception] = [KnownViews((), facts=NO_VIEWS.facts, index="first"), RuntimeError("away")]

    async def look(_: KnownViews) -> KnownViews:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    views = Views(look, every=3600)
    await views.start()
    while answers:
        await views.fresh()
    assert views.known().index == "first"
    await views.close()
