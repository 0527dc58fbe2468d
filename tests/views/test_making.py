"""One thing at a time happens to a view, and rows of one definition are never taken for those of another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from catalog.errors import Refusal
from catalog.objects import TableName
from gateway.config.materialized_views import ViewDefinition
from gateway.events import ViewBuilt
from gateway.views.building import build
from gateway.views.keeping import due
from gateway.views.known import NO_VIEWS, KnownViews
from gateway.views.making import Maker
from gateway.views.registry import Views
from tests.views.world import World, looking, prices

pytestmark = pytest.mark.asyncio

BY_HUB = "SELECT hub AS k, count(*) AS n FROM lmp GROUP BY hub"
BY_NODE = "SELECT node AS k, count(*) AS n FROM lmp GROUP BY node"


def maker(made: World, told: list[ViewBuilt]) -> Maker:
    """Make a maker whose gateway looks all the time."""
    return Maker(made.engines, made.catalog, Views(looking(made).look), told.append, look_seconds=0.0)


async def test_what_was_built_and_what_was_not_is_told(made: World) -> None:
    told: list[ViewBuilt] = []
    makes = maker(made, told)
    await makes.build(made.view(BY_HUB))
    with pytest.raises(Refusal):
        await makes.build(made.view("SELECT hub FROM nothing"))
    assert [(each.ok, each.rows, each.reason) for each in told] == [(True, 4, ""), (False, 0, "TABLE_NOT_FOUND")]


async def test_the_old_rows_are_gone_everywhere_before_those_of_another_definition_come(made: World) -> None:
    makes = maker(made, [])
    await makes.build(made.view(BY_HUB))
    seen: list[int] = []

    async def announced(names: Sequence[TableName]) -> None:
        (count,) = (
            await made.rows(f"SELECT count() FROM system.tables WHERE database = '{{v}}' AND name = '{names[0].table}'")
        )[0]
        seen.append(int(str(count)))

    makes.announce = announced
    await makes.build(made.view(BY_NODE))
    assert seen == [0, 1]
    assert await made.rows("SELECT countIf(startsWith(ifNull(k, 'n'), 'n')) = count() FROM {v}.v") == [(1,)]


@pytest.mark.long
async def test_the_old_rows_stay_while_the_same_definition_is_built_again(made: World) -> None:
    makes = maker(made, [])
    await makes.build(made.view(BY_HUB))
    seen: list[Sequence[TableName]] = []

    async def announced(names: Sequence[TableName]) -> None:
        seen.append(names)

    makes.announce = announced
    await makes.build(made.view(BY_HUB))
    assert len(seen) == 1


async def test_a_view_that_is_being_built_is_not_built_or_dropped_by_somebody_else(made: World) -> None:
    makes = maker(made, [])
    first, second = await asyncio.gather(
        makes.build(made.view(BY_HUB)), makes.drop(made.view(BY_HUB).name), return_exceptions=True
    )
    assert not isinstance(first, BaseException)
    assert isinstance(second, Refusal)
    assert "being built or dropped already" in second.message


@pytest.mark.long
async def test_a_kept_view_is_due_when_it_is_not_there_not_current_or_not_as_defined(made: World) -> None:
    name = str(made.view(BY_HUB).name)
    wanted = ViewDefinition.model_validate(
        {"name": name, "sql": BY_HUB, "catalog": "lake", "schema": "grid", "rebuild": "on_change"}
    )
    looks = looking(made)
    assert not due(wanted, NO_VIEWS)  # nobody has looked yet
    await build(wanted.definition, made.engines, made.catalog)
    known = await looks.look(NO_VIEWS)
    assert not due(wanted, known)
    assert due(wanted.model_copy(update={"sql": BY_NODE}), known)
    unfilled = KnownViews(tuple(replace(view, watermark=None) for view in known.views))
    assert due(wanted, unfilled)
    made.lmp.append(prices(3, first=500))
    assert due(wanted, await looks.look(known))
