"""Which version of a table shows what time travel asks for: the same snapshot, looked up as engines do, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.types import StringType

from engines.history import Asked
from tests.engines.iceberg.past import NAME, World

pytestmark = pytest.mark.asyncio
ROW = {"hub": "A", "mw": 1}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.create()
    made.append(ROW)
    yield made
    made.history._pool.shutdown()


async def shown(made: World, *versions: str, asked: Asked) -> set[str]:
    """Return those of the versions that show what is asked for, by the present metadata."""
    found = await made.history.shown_by(NAME, versions, made.version, asked)
    assert len(set(found.values())) <= 1
    return set(found)


async def test_a_version_shows_what_its_snapshot_is_called_by(world: World) -> None:
    first, table = world.version, world.table
    snapshot = table.current_snapshot()
    assert snapshot is not None
    table.manage_snapshots().create_branch(snapshot.snapshot_id, "dev").create_tag(snapshot.snapshot_id, "eod").commit()
    named = world.version
    world.append(ROW)
    second = world.version
    later = world.table.current_snapshot()
    assert later is not None
    every = (first, named, second)
    for asked in (Asked(snapshot.snapshot_id), Asked("dev"), Asked("eod"), Asked(millis=later.timestamp_ms - 1)):
        assert await shown(world, *every, asked=asked) == {first, named}, asked
    for asked in (Asked(later.snapshot_id), Asked("main"), Asked(millis=later.timestamp_ms)):
        assert await shown(world, *every, asked=asked) == {second}, asked
    for asked in (Asked(5), Asked("none"), Asked(millis=1)):
        assert await shown(world, *every, asked=asked) == set(), asked


async def test_a_snapshot_that_expired_is_shown_by_no_version(world: World) -> None:
    first = world.version
    snapshot = world.table.current_snapshot()
    assert snapshot is not None
    world.append(ROW)
    assert await shown(world, first, asked=Asked(snapshot.snapshot_id)) == {first}
    world.table.maintenance.expire_snapshots().by_id(snapshot.snapshot_id).commit()
    assert await shown(world, first, asked=Asked(snapshot.snapshot_id)) == set()


async def test_a_snapshot_with_other_columns_than_the_present_is_shown_by_no_version(world: World) -> None:
    first = world.version
    snapshot = world.table.current_snapshot()
    assert snapshot is not None
    with world.table.update_schema() as update:
        update.add_column("more", StringType())
    assert await shown(world, first, world.version, asked=Asked(snapshot.snapshot_id)) == set()
    with world.table.update_schema() as update:
        update.delete_column("more")
    assert await shown(world, first, asked=Asked(snapshot.snapshot_id)) == {first}


async def test_a_table_made_anew_shows_nothing_that_the_old_one_showed(world: World) -> None:
    first = world.version
    world.create()
    world.append(ROW)
    snapshot = world.table.current_snapshot()
    assert snapshot is not None
    assert await shown(world, first, world.version, asked=Asked(snapshot.snapshot_id)) == {world.version}
    assert await shown(world, first, asked=Asked("main")) == set()


async def test_a_rollback_is_followed_by_names_and_by_times(world: World) -> None:
    first, table = world.version, world.table
    snapshot = table.current_snapshot()
    assert snapshot is not None
    world.append(ROW)
    second = world.version
    assert await shown(world, first, second, asked=Asked("main")) == {second}
    world.table.manage_snapshots().set_current_snapshot(snapshot_id=snapshot.snapshot_id).commit()
    assert await shown(world, first, second, asked=Asked("main")) == {first}
    assert await shown(world, first, second, asked=Asked(millis=2**52)) == {first}
