"""What is said to have changed between two versions of an Iceberg table."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.expressions import EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform
from pyiceberg.types import LongType

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Bound, Change
from catalog.objects import TableName
from engines.iceberg import differing_rows
from tests.engines.iceberg.past import NAME, World, lies_in, row
from tests.engines.lake.conftest import EVERY_TYPE, ROW


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Make a lake with an empty, unpartitioned table."""
    made = World(tmp_path)
    made.create()
    yield made
    made.catalog.close()


def test_where_nothing_happened_nothing_is_said(world: World) -> None:
    world.append(row(0))
    version = world.version
    assert world.since(version) == Change(NAME)
    with world.table.transaction() as transaction:
        transaction.set_properties(owner="ana")
    assert world.version != version
    assert world.since(version) == Change(NAME)


def test_appended_rows_are_enclosed_and_nothing_else_is_touched(world: World) -> None:
    world.append(row(0), row(5))
    version = world.version
    world.append(row(100), row(101, "NP15"))
    change = world.since(version)
    assert (change.appended_only, change.unknown) == (True, None)
    (region,) = change.regions
    bounds = {bound.column: bound for bound in region.bounds}
    assert bounds["ts"] == Bound(
        "ts", "TIMESTAMP '2024-03-13 04:00:00.000000'", "TIMESTAMP '2024-03-13 05:00:00.000000'"
    )
    assert bounds["tz"].high == "TIMESTAMP '2024-03-13 05:00:00.000000 UTC'"
    assert bounds["day"] == Bound("day", "DATE '2024-03-13'", "DATE '2024-03-13'")
    assert bounds["hub"] == Bound("hub", "'NP15'", "'SP15'")
    assert bounds["price"] == Bound("price", "DECIMAL '1.50'", "DECIMAL '1.50'")
    assert "d" not in bounds
    assert not lies_in(row(0), region)


def test_rows_of_a_first_commit_are_all_new(world: World) -> None:
    version = world.version
    world.append(row(0), row(50, None))
    change = world.since(version)
    assert change.appended_only
    assert all(any(lies_in(each, region) for region in change.regions) for each in world.rows())


def test_a_late_row_beside_new_ones_leaves_the_days_between_alone(world: World) -> None:
    world.append(row(0), row(300), row(600))
    version = world.version
    world.append(row(1), row(601))
    change = world.since(version)
    assert change.appended_only
    assert not any(lies_in(row(300), region) for region in change.regions)


def test_a_row_deleted_from_a_file_written_anew_is_all_that_differs(world: World) -> None:
    world.append(*(row(hour) for hour in range(0, 240, 5)))
    version = world.version
    world.table.delete(EqualTo("ts", row(50)["ts"]))
    change = world.since(version)
    assert not change.appended_only
    (region,) = change.regions
    assert lies_in(row(50), region)
    assert not lies_in(row(45), region)
    assert not lies_in(row(55), region)


def test_a_compaction_by_pyiceberg_is_no_change(world: World) -> None:
    for hour in range(4):
        world.append(row(hour), row(hour, None, None))
    version = world.version
    world.replace(*world.rows())
    assert world.since(version) == Change(NAME)


def test_the_sign_of_zero_is_a_change(world: World) -> None:
    world.append(row(0, d=0.0), row(1, d=float("nan")))
    version = world.version
    world.replace(row(0, d=-0.0), row(1, d=float("nan")))
    change = world.since(version)
    assert any(lies_in(row(0), region) for region in change.regions)
    assert not any(lies_in(row(1), region) for region in change.regions)


def test_one_of_two_equal_rows_deleted_is_a_change(world: World) -> None:
    world.append(row(0), row(0))
    version = world.version
    world.replace(row(0))
    change = world.since(version)
    assert not change.appended_only
    assert any(lies_in(row(0), region) for region in change.regions)


def test_large_changes_are_enclosed_by_partitions_and_bounds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing_rows, "MOST_BYTES", 0)
    world.create(PartitionSpec(PartitionField(2, 1000, DayTransform(), "by_day")))
    for hour in (0, 30, 60):
        world.append(row(hour), row(hour + 1, None))
    version = world.version
    world.written.change(lambda rows: [each for each in rows if each != row(31, None)])
    change = world.since(version)
    assert not change.appended_only
    assert any(lies_in(row(31, None), region) for region in change.regions)
    assert not any(lies_in(row(hour), region) for hour in (0, 60) for region in change.regions)


def test_partitions_speak_where_bounds_are_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing_rows, "MOST_BYTES", 0)
    spec = PartitionSpec(
        PartitionField(2, 1000, DayTransform(), "by_day"),
        PartitionField(1, 1001, IdentityTransform(), "hub"),
        PartitionField(5, 1002, BucketTransform(4), "bucket"),
    )
    world.create(spec, **{"write.metadata.metrics.default": "none"})
    world.append(row(0))
    version = world.version
    world.append(row(30))
    (region,) = world.since(version).regions
    assert region.bounds == (
        Bound("hub", "'SP15'", "'SP15'"),
        Bound("ts", "TIMESTAMP '2024-03-10 00:00:00.000000'", "TIMESTAMP '2024-03-10 23:59:59.999999'"),
    )


def test_many_scattered_changes_are_told_in_few_regions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing_rows, "MOST_BYTES", 0)
    world.create(PartitionSpec(PartitionField(2, 1000, DayTransform(), "by_day")))
    version = world.version
    world.append(*(row(48 * day + extra) for day in range(70) for extra in (0, 1)), row(24 * 1000))
    change = world.since(version)
    assert len(change.regions) == 50
    assert all(any(lies_in(each, region) for region in change.regions) for each in world.rows())
    assert not any(lies_in(row(24 * 500), region) for region in change.regions)


def test_a_version_that_was_rolled_back_is_compared_as_it_was(world: World) -> None:
    world.append(row(0))
    early = world.version
    snapshot = world.table.current_snapshot()
    world.append(row(100))
    late = world.version
    assert snapshot is not None
    world.table.manage_snapshots().rollback_to_snapshot(snapshot.snapshot_id).commit()
    assert world.since(early) == Change(NAME)
    change = world.since(late)
    assert not change.appended_only
    assert any(lies_in(row(100), region) for region in change.regions)
    assert not any(lies_in(row(0), region) for region in change.regions)


def test_a_version_whose_files_are_gone_is_unknown(world: World) -> None:
    world.append(row(0))
    version = world.version
    snapshot = world.table.current_snapshot()
    world.append(row(1))
    assert snapshot is not None
    Path(snapshot.manifest_list.removeprefix("file://")).unlink()
    change = world.since(version)
    assert change.unknown is not None
    assert "does not reach back" in change.unknown


def test_a_version_whose_snapshot_has_expired_is_unknown(world: World) -> None:
    world.append(row(0))
    version = world.version
    snapshot = world.table.current_snapshot()
    world.append(row(100))
    assert snapshot is not None
    world.table.maintenance.expire_snapshots().by_id(snapshot.snapshot_id).commit()
    assert "expired" in str(world.since(version).unknown)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("label", ["append", "replace"])
def test_what_a_commit_calls_itself_hides_no_change(
    world: World, label: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differing_rows, "MOST_BYTES", differing_rows.MOST_BYTES if small else 0)
    world.append(row(0), row(50))
    version = world.version
    world.written.change(lambda rows: rows[1:])
    relabel(world, label)
    change = world.since(version)
    assert not change.appended_only
    assert any(lies_in(row(0), region) for region in change.regions)
    world.append(row(100))
    assert any(lies_in(row(0), region) for region in world.since(version).regions)


def test_a_large_compaction_that_says_so_is_no_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing_rows, "MOST_BYTES", 0)
    world.append(row(0), row(50))
    version = world.version
    world.written.change(lambda rows: rows[::-1])
    relabel(world, "replace")
    assert world.since(version) == Change(NAME)
    world.append(row(100))
    change = world.since(version)
    assert change.appended_only
    assert not any(lies_in(row(50), region) for region in change.regions)


def test_a_compaction_on_another_line_of_commits_hides_no_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing_rows, "MOST_BYTES", 0)
    world.append(row(0), row(50))
    root = world.table.current_snapshot()
    assert root is not None
    world.written.change(lambda rows: [row(1), row(51)])
    version = world.version
    world.table.manage_snapshots().rollback_to_snapshot(root.snapshot_id).commit()
    world.written.change(lambda rows: rows[::-1])
    relabel(world, "replace")
    change = world.since(version)
    assert all(any(lies_in(each, region) for region in change.regions) for each in (row(0), row(1), row(50)))


def test_storage_that_does_not_answer_is_no_word_about_the_past(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.append(row(0))
    version = world.version
    world.append(row(1))

    def failing(*_: object) -> None:
        raise OSError("the network is down")

    with monkeypatch.context() as patch:
        patch.setattr("engines.iceberg.history.changed_files", failing)
        with pytest.raises(Refusal) as refused:
            world.since(version)
    assert refused.value.code is ErrorCode.GENERIC_EXTERNAL
    assert world.since(version).unknown is None


def relabel(world: World, operation: str) -> None:
    """Have the newest commit call itself by another operation, in a metadata file beside its own."""
    table = world.table
    here = Path(table.metadata_location.removeprefix("file://"))
    metadata = json.loads(here.read_text())
    for snapshot in metadata["snapshots"]:
        if snapshot["snapshot-id"] == metadata["current-snapshot-id"]:
            snapshot["summary"]["operation"] = operation
    there = here.with_name(f"{int(here.name[:5]) + 1:05}-{uuid.uuid4()}.metadata.json")
    there.write_text(json.dumps(metadata))
    world.catalog.drop_table("s.prices")
    world.catalog.register_table("s.prices", there.as_uri())


def test_a_table_made_anew_is_unknown(world: World) -> None:
    world.append(row(0))
    version = world.version
    world.create()
    world.append(row(0))
    assert world.since(version).unknown == "it was dropped and made anew"


def test_a_column_added_changes_nothing(world: World) -> None:
    world.append(row(0))
    version = world.version
    with world.table.update_schema() as update:
        update.add_column("note", LongType())
    assert world.since(version) == Change(NAME)
    world.append(row(100, note=1))
    change = world.since(version)
    assert (change.unknown, change.appended_only) == (None, True)
    assert not any(lies_in(row(0), region) for region in change.regions)


def test_a_column_made_anew_by_its_old_name_is_unknown(world: World) -> None:
    world.append(row(0))
    version = world.version
    with world.table.update_schema() as update:
        update.delete_column("mw")
    with world.table.update_schema() as update:
        update.add_column("mw", LongType())
    assert world.since(version).unknown == "column mw is another than it was"


def test_a_column_renamed_and_renamed_back_is_the_same(world: World) -> None:
    world.append(row(0))
    version = world.version
    for old, new in (("mw", "power"), ("power", "mw")):
        with world.table.update_schema() as update:
            update.rename_column(old, new)
    assert world.since(version) == Change(NAME)


def test_two_columns_that_change_names_are_unknown(world: World) -> None:
    with world.table.update_schema() as update:
        update.add_column("power", LongType())
    world.append(row(0, power=1))
    version = world.version
    for old, new in (("mw", "x"), ("power", "mw"), ("x", "power")):
        with world.table.update_schema() as update:
            update.rename_column(old, new)
    assert "is another than it was" in str(world.since(version).unknown)


def test_each_pair_of_versions_is_read_once(world: World) -> None:
    world.append(row(0))
    version = world.version
    world.append(row(1))
    assert world.since(version) == world.since(version)
    assert world.history.read == 1


def test_values_that_no_literal_can_name_leave_the_end_open(world: World) -> None:
    version = world.version
    world.append(row(0, hub="a\x01", mw=-(2**63)), row(0, hub="b'c", mw=5, ts=datetime(9999, 12, 31, 23)))
    bounds = {bound.column: bound for region in world.since(version).regions for bound in region.bounds}
    assert bounds["mw"].high == "5" or bounds["mw"].low is None
    assert bounds["hub"].high == "'b''c'"


def test_a_snapshot_is_named_for_a_version_as_long_as_it_can_be_read(world: World) -> None:
    assert world.history._snapshot(NAME, world.version) is None
    world.append(row(0))
    version, snapshot = world.version, world.table.current_snapshot()
    assert snapshot is not None
    world.append(row(1))
    assert world.history._snapshot(NAME, version) == snapshot.snapshot_id
    world.table.maintenance.expire_snapshots().by_id(snapshot.snapshot_id).commit()
    assert world.history._snapshot(NAME, version) is None


@pytest.mark.long
def test_values_of_every_type_are_told_apart(world: World) -> None:
    world.catalog.create_table("s.every", EVERY_TYPE)
    table, name = world.catalog.load_table("s.every"), TableName("lake", "s", "every")
    others = {
        "u": bytes(16), "fixed": b"xy", "bytes": b"\x01", "list": [1, 2], "map": [("k", 2)], "row": {"a": 2}, "flag": False,
        "r": -0.1, "clock": time(1), "i": None,
    }  # fmt: skip
    schema = table.schema().as_arrow()
    table.append(pa.Table.from_pylist([{**ROW, "id": 5}, ROW], schema=schema))
    version = table.metadata_location
    table.overwrite(pa.Table.from_pylist([ROW, {**ROW, "id": 5}], schema=schema))
    assert world.history.compare(name, version, table.metadata_location) == Change(name)
    for column, other in others.items():
        table.overwrite(pa.Table.from_pylist([{**ROW, column: other}, {**ROW, "id": 5}], schema=schema))
        (region,) = world.history.compare(name, version, table.metadata_location).regions
        assert Bound("id", "1", "1") in region.bounds, column
