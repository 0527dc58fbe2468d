"""What is said of scans from manifests: files, partitions, rows and bytes, at the snapshot asked for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import DataFileContent
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.partitioning import PartitionField as IcebergField
from pyiceberg.schema import Schema
from pyiceberg.table.statistics import BlobMetadata, StatisticsFile
from pyiceberg.transforms import DayTransform, IdentityTransform, MonthTransform
from pyiceberg.typedef import Record
from pyiceberg.types import IntegerType, LongType, NestedField, StringType

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.statistics import AllOf, Comparison, Interval, PartitionField, Scan
from engines.iceberg.catalogs import Catalogs
from engines.iceberg.estimates import ManifestEstimates
from engines.iceberg.manifests import _Gathered
from engines.iceberg.memory import Memory
from engines.iceberg.readers import DUCKDB, TRINO
from engines.iceberg.scans import EQUALITY_DELETES, NO_COLUMN_SIZES, Version, estimate_scan
from engines.iceberg.statistics import table_statistics
from tests.engines.iceberg.tables import MANY_TYPES, NAME, Written

START = datetime(2026, 1, 30)
ROWS = [
    {"i": n, "s": f"node{n % 4}", "day": (START + timedelta(days=n)).date(), "ts": START + timedelta(days=n)}
    for n in range(6)
]
TS = MANY_TYPES.find_field("ts").field_id


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    """An empty catalog."""
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/c.db", warehouse=(tmp_path / "w").as_uri())
    catalog.create_namespace("s")
    yield catalog
    catalog.close()


def _written(catalog: SqlCatalog, spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC, name: str = "s.t") -> Written:
    catalog.create_table(name, MANY_TYPES, partition_spec=spec)
    return Written(catalog, name)


@pytest.fixture
def daily(catalog: SqlCatalog) -> Written:
    """A table by `day(ts)`, a row a day."""
    written = _written(catalog, PartitionSpec(IcebergField(TS, 1000, DayTransform(), "ts_day")))
    written.add(ROWS)
    return written


@pytest_asyncio.fixture
async def estimates(catalog: SqlCatalog) -> AsyncIterator[ManifestEstimates]:
    """Estimates of the catalog's tables, as of one whose catalogs the gateway may read."""
    properties = {key: str(value) for key, value in catalog.properties.items() if key in ("uri", "warehouse")}
    catalogs = Catalogs({"lake": {"type": "sql", **properties}})
    estimates = ManifestEstimates(catalogs, lambda _: TRINO)
    yield estimates
    await estimates.close()
    catalogs.close()


def test_a_range_of_a_timestamp_prunes_days_hidden_behind_it(daily: Written) -> None:
    condition = Comparison("ts", "<", (START + timedelta(days=2),))
    estimate = daily.estimate(Scan(NAME, ("i",), condition))
    assert (estimate.partitions, estimate.files, estimate.unfiltered) == ((2, 6), (2, 6), ())
    assert estimate.rows == Interval.exactly(2)


def test_what_no_condition_speaks_of_is_unfiltered(daily: Written) -> None:
    estimate = daily.estimate(Scan(NAME, ("i",), Comparison("s", "=", ("node1",))))
    assert estimate.unfiltered == (PartitionField("ts", "day"),)
    assert estimate.partitions == (2, 6)  # bounds tell the rest
    assert estimate.statistics is not None
    assert estimate.statistics.partitioning == (PartitionField("ts", "day"),)


def test_each_spec_of_a_table_is_pruned_by_its_own_fields(daily: Written) -> None:
    with daily.table.update_spec() as update:
        update.remove_field("ts_day")
        update.add_field("day", MonthTransform(), "m")
    daily.add(ROWS)
    estimate = daily.estimate(Scan(NAME, ("i",), Comparison("day", ">=", (date(2026, 2, 1),))))
    assert estimate.files == (5, 8)  # four days of the first commit by their bounds, one month of the second
    assert estimate.unfiltered == ()
    assert daily.estimate(Scan(NAME, ("i",))).unfiltered == (PartitionField("day", "month"),)


def test_columns_are_followed_by_their_ids_through_renames(daily: Written) -> None:
    before = daily.estimate(Scan(NAME, ("i",), Comparison("ts", "=", (START,))))
    with daily.table.update_schema() as update:
        update.rename_column("ts", "At")
    after = daily.estimate(Scan(NAME, ("i",), Comparison("at", "=", (START,))))
    assert (after.bytes, after.rows, after.files) == (before.bytes, before.rows, before.files)
    assert after.statistics is not None
    assert after.statistics.partitioning == (PartitionField("at", "day"),)


def test_a_column_that_was_added_later_takes_nothing_in_older_files(daily: Written) -> None:
    with daily.table.update_schema() as update:
        update.add_column("later", StringType())
    estimate = daily.estimate(Scan(NAME, ("later",), Comparison("later", "=", ("x",))))
    assert estimate.files == (6, 6)  # old files may have a value by default: none is left out
    assert estimate.column_bytes == {"later": 0}


def test_an_empty_table_is_read_for_nothing(catalog: SqlCatalog) -> None:
    estimate = _written(catalog).estimate(Scan(NAME, ("i",), Comparison("i", "=", (1,))))
    assert (estimate.bytes, estimate.rows, estimate.files) == (Interval.exactly(0), Interval.exactly(0), (0, 0))
    assert estimate.partitions is None


def test_columns_not_asked_for_cost_nothing_where_files_are_large(daily: Written) -> None:
    one, two = (daily.estimate(Scan(NAME, columns)) for columns in (("i",), ("i", "s")))
    assert one.bytes.low == one.bytes.likely < two.bytes.likely < two.bytes.high == one.bytes.high
    assert set(two.column_bytes) == {"i", "s"}
    assert two.column_bytes["i"] == one.column_bytes["i"]


def test_columns_of_the_condition_are_read_too(daily: Written) -> None:
    assert set(daily.estimate(Scan(NAME, ("i",), Comparison("s", "<>", ("x",)))).column_bytes) == {"i", "s"}


def test_trino_reads_small_files_whole(daily: Written) -> None:
    size = sum(task.file.file_size_in_bytes for task in daily.table.scan().plan_files())
    estimate = daily.estimate(Scan(NAME, ("i",)), TRINO)
    assert estimate.bytes.likely >= size


def _gathered(file: dict[str, Any], *more: dict[str, Any]) -> Version:
    """Read files as a manifest would describe them."""
    table_schema = Schema(NestedField(1, "i", IntegerType(), required=False))
    gathered = _Gathered({1: IntegerType()})
    for each in (file, *more):
        told = {
            "content": DataFileContent.DATA,
            "file_size_in_bytes": 1_000_000,
            "record_count": 1000,
            "split_offsets": None,
            "spec_id": 0,
            "partition": Record(),
            "column_sizes": None,
            "null_value_counts": None,
            "nan_value_counts": None,
            "lower_bounds": None,
            "upper_bounds": None,
        }
        gathered.add(SimpleNamespace(**told | each))  # type: ignore[arg-type]  # the words of a test
    metadata: Any = SimpleNamespace(
        specs=lambda: {0: UNPARTITIONED_PARTITION_SPEC},
        partition_specs=[UNPARTITIONED_PARTITION_SPEC],
        spec=lambda: UNPARTITIONED_PARTITION_SPEC,
        statistics=[],
    )
    figures = gathered.figures(1)
    return Version(metadata, table_schema, figures, table_statistics(NAME, metadata, table_schema, figures))


def test_manifests_without_column_sizes_leave_the_files_as_bound_and_say_so() -> None:
    estimate = estimate_scan(Scan(NAME, ("i",)), _gathered({}), DUCKDB)
    assert estimate.why == NO_COLUMN_SIZES
    assert (estimate.bytes.low, estimate.bytes.high) == (16_384, 1_016_384)
    assert estimate.rows == Interval.exactly(1000)


def test_deletes_by_position_are_read_and_leave_fewer_rows() -> None:
    deletes = {"content": DataFileContent.POSITION_DELETES, "file_size_in_bytes": 50_000, "record_count": 100}
    sized = {"column_sizes": {1: 4000}}
    plain = estimate_scan(Scan(NAME, ("i",)), _gathered(sized), DUCKDB)
    estimate = estimate_scan(Scan(NAME, ("i",)), _gathered(sized, deletes), DUCKDB)
    assert estimate.bytes.likely == plain.bytes.likely + 50_000
    assert estimate.rows == Interval(900, 900, 1000)
    assert estimate.statistics is not None
    assert estimate.statistics.rows == 900


def test_deletes_by_value_leave_the_number_of_rows_open() -> None:
    deletes = {"content": DataFileContent.EQUALITY_DELETES, "file_size_in_bytes": 50_000, "record_count": 100}
    estimate = estimate_scan(Scan(NAME, ("i",)), _gathered({"column_sizes": {1: 4000}}, deletes), DUCKDB)
    assert estimate.why == EQUALITY_DELETES
    assert estimate.rows.low == 0
    assert estimate.statistics is not None
    assert estimate.statistics.rows is None


def test_bounds_that_cannot_be_read_leave_files_in() -> None:
    odd = {"column_sizes": {1: 10}, "lower_bounds": {1: b"\x01"}, "upper_bounds": {1: b""}}
    estimate = estimate_scan(Scan(NAME, ("i",), Comparison("i", "=", (5,))), _gathered(odd), DUCKDB)
    assert estimate.files == (1, 1)


def test_a_hundred_thousand_files_take_a_few_dozen_bytes_a_column() -> None:
    gathered = _Gathered({1: LongType(), 2: LongType()})
    bound = (7).to_bytes(8, "little")
    for _ in range(5_000):
        gathered.add(
            SimpleNamespace(  # type: ignore[arg-type]  # the words of a test
                content=DataFileContent.DATA,
                file_size_in_bytes=1,
                record_count=1,
                split_offsets=[4],
                spec_id=0,
                partition=Record(),
                column_sizes={1: 1, 2: 1},
                null_value_counts={1: 0, 2: 0},
                nan_value_counts={},
                lower_bounds={1: bound, 2: bound},
                upper_bounds={1: bound, 2: bound},
            )
        )
    assert gathered.figures(1).held < 5_000 * (24 + 2 * 32)


def test_keys_bounds_and_distinct_values_are_told_where_they_are_known(catalog: SqlCatalog) -> None:
    written = _written(catalog)
    written.add(ROWS)
    table = written.table
    schema = Schema(*table.schema().fields[:5], identifier_field_ids=[])
    keyed = Schema(
        NestedField(1, "i", IntegerType(), required=True), *table.schema().fields[1:], identifier_field_ids=[1]
    )
    snapshot = table.current_snapshot()
    assert snapshot is not None
    blob = BlobMetadata.model_validate(
        {
            "type": "apache-datasketches-theta-v1",
            "snapshot-id": snapshot.snapshot_id,
            "sequence-number": 1,
            "fields": [4],
            "properties": {"ndv": "4"},
        }
    )
    sketched = StatisticsFile.model_validate(
        {
            "snapshot-id": snapshot.snapshot_id,
            "statistics-path": "x",
            "file-size-in-bytes": 1,
            "file-footer-size-in-bytes": 1,
            "blob-metadata": [blob.model_dump(by_alias=True)],
        }
    )
    metadata = table.metadata.model_copy(update={"statistics": [sketched]})
    known = table_statistics(NAME, metadata, keyed, written.version().figures)
    assert known.keys == (("i",),)
    assert known.columns["s"].distinct == 4
    assert (known.columns["i"].low, known.columns["i"].high, known.columns["i"].distinct) == (0, 5, 6)
    assert known.columns["ts"].low == START
    assert known.columns["dec"].nulls == 6
    assert table_statistics(NAME, table.metadata, schema, written.version().figures).columns["s"].distinct is None


@pytest.mark.asyncio
async def test_manifests_are_read_once_for_each_version_whoever_asks_however_often(
    daily: Written, estimates: ManifestEstimates
) -> None:
    scans = [Scan(NAME, ("i",), Comparison("i", "=", (n,))) for n in range(20)]
    await asyncio.gather(*(estimates.estimate(scans) for _ in range(5)), estimates.statistics(NAME))
    assert estimates.read == 1
    version = await estimates.data_versions([NAME])
    daily.add(ROWS[:1])
    assert await estimates.data_versions([NAME]) != version
    (estimate,) = await estimates.estimate([Scan(NAME, ("i",))])
    assert (estimate.files, estimates.read) == ((7, 7), 2)


@pytest.mark.asyncio
async def test_the_snapshot_asked_for_is_the_one_estimated(daily: Written, estimates: ManifestEstimates) -> None:
    first = daily.table.current_snapshot()
    assert first is not None
    daily.add(ROWS)
    with daily.table.update_schema() as update:
        update.rename_column("i", "number")
    by_id, by_time, present = await estimates.estimate(
        [
            Scan(NAME, ("i",), snapshot=first.snapshot_id),
            Scan(NAME, ("i",), as_of_millis=first.timestamp_ms),
            Scan(NAME, ("number",)),
        ]
    )
    assert by_id.files == by_time.files == (6, 6)
    assert set(by_id.column_bytes) == {"i"}
    assert by_id.basis.version == str(first.snapshot_id)
    assert present.files == (12, 12)


@pytest.mark.parametrize("scan", [Scan(NAME, (), snapshot=5), Scan(NAME, (), as_of_millis=5)])
@pytest.mark.asyncio
async def test_a_snapshot_that_is_not_there_is_refused(
    daily: Written, estimates: ManifestEstimates, scan: Scan
) -> None:
    with pytest.raises(Refusal) as caught:
        await estimates.estimate([scan])
    assert caught.value.code is ErrorCode.INVALID_ARGUMENTS


@pytest.mark.asyncio
async def test_of_a_table_that_cannot_be_read_it_is_said_why(
    daily: Written, estimates: ManifestEstimates, tmp_path: Path
) -> None:
    for manifest in (tmp_path / "w").rglob("snap-*.avro"):
        manifest.unlink()
    gone = TableName("lake", "s", "gone")
    broken, missing = await estimates.estimate([Scan(NAME, ("i",)), Scan(gone, ("i",))])
    assert broken.basis.kind == missing.basis.kind == "none"
    assert broken.bytes.high == math.inf
    assert broken.why == "The table's metadata cannot be read"
    assert missing.why == "Table 'lake.s.gone' does not exist"
    assert set(await estimates.data_versions([NAME, gone])) == {NAME}


def test_a_partition_by_a_column_that_was_dropped_is_kept(catalog: SqlCatalog) -> None:
    written = _written(catalog, PartitionSpec(IcebergField(4, 1000, IdentityTransform(), "s")))
    written.add(ROWS)
    with written.table.update_spec() as update:
        update.remove_field("s")
    with written.table.update_schema() as schema:
        schema.delete_column("s")
    conditions = AllOf((Comparison("i", "<", (100,)), Comparison("s", "=", ("node9",))))
    assert written.estimate(Scan(NAME, ("i",), conditions)).files == (4, 4)


def test_memory_is_bounded_and_what_was_used_last_stays() -> None:
    memory: Memory[str, str] = Memory(10, len)
    assert [memory.get(key, lambda key=key: key * 4) for key in "abac"] == ["aaaa", "bbbb", "aaaa", "cccc"]  # type: ignore[misc]  # a lambda bound to this turn
    assert memory.bytes == 8
    assert memory.get("a", lambda: "made again") == "aaaa"
    assert memory.get("b", lambda: "made again") == "made again"


def test_a_failure_is_not_remembered() -> None:
    memory: Memory[str, int] = Memory(10, lambda _: 1)
    with pytest.raises(ZeroDivisionError):
        memory.get("a", lambda: 1 // 0)
    assert memory.get("a", lambda: 1) == 1
