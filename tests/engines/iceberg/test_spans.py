"""A partition's value encloses every value that it is made from, and none of the next partition."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    TruncateTransform,
    VoidTransform,
    YearTransform,
)
from pyiceberg.typedef import Record

from engines.iceberg.boxes import Range
from engines.iceberg.constants import stored
from engines.iceberg.spans import box_of, partition_ranges
from tests.engines.iceberg.tables import MANY_TYPES

EDGES = [
    date(year, month, day) + timedelta(days=off)
    for year in (1, 1969, 1970, 2000, 2023, 2024, 2100, 9999)
    for month, day in ((1, 1), (2, 28), (3, 1), (12, 31))
    for off in (0, 1)
    if (year, month, day, off) != (9999, 12, 31, 1)
]
MOMENTS = [datetime(day.year, day.month, day.day, *time) for day in EDGES for time in ((0, 0), (23, 59, 59, 999_999))]
NUMBERS = [-(2**31), -11, -10, -1, 0, 1, 9, 10, 2**31 - 1]
TEXTS = ["", "a", "abc", "abcd", "ab\ud7ff", "\U0010ffff" * 3, "é" * 5, "zz"]
VALUES: list[tuple[str, Any, list[Any]]] = [
    *(
        (column, each(), MOMENTS)
        for column in ("ts",)
        for each in (YearTransform, MonthTransform, DayTransform, HourTransform)
    ),
    *(("day", each(), EDGES) for each in (YearTransform, MonthTransform, DayTransform, IdentityTransform)),
    *(("i", each, NUMBERS) for each in (IdentityTransform(), TruncateTransform(10), TruncateTransform(3))),
    *(("s", each, TEXTS) for each in (IdentityTransform(), TruncateTransform(1), TruncateTransform(3))),
    (
        "dec",
        TruncateTransform(50),
        [Decimal("-1.50"), Decimal("-0.01"), Decimal("0.00"), Decimal("0.49"), Decimal("0.50")],
    ),
]


def _file(value: Any, **metrics: Any) -> DataFile:
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path="file:///f",
        file_format=FileFormat.PARQUET,
        partition=Record(value),
        record_count=3,
        file_size_in_bytes=1,
        **metrics,
    )
    file.spec_id = 0
    return file


def _range(column: str, transform: Any, value: Any) -> Range | None:
    field = MANY_TYPES.find_field(column)
    spec = PartitionSpec(PartitionField(field.field_id, 1000, transform, "p"))
    return partition_ranges(_file(value), spec, MANY_TYPES).get(field.field_id)


@pytest.mark.parametrize(("column", "transform", "values"), VALUES, ids=lambda each: str(each)[:30])
def test_values_lie_within_the_range_of_their_own_partition_alone(
    column: str, transform: Any, values: list[Any]
) -> None:
    type_ = MANY_TYPES.find_field(column).field_type
    apply = transform.transform(type_)
    kept = {value: stored(value, type_) for value in values}
    internal = {value: value if isinstance(value, str) else kept[value] for value in values}
    ranges = {value: _range(column, transform, apply(internal[value])) for value in values}
    for value, found in ranges.items():
        assert found is not None
        assert not found.nulls
        for other in values:
            low = found.low is None or found.low <= kept[other]  # type: ignore[operator]  # of one type
            high = found.high is None or kept[other] <= found.high  # type: ignore[operator]  # of one type
            together = apply(internal[other]) == apply(internal[value])
            assert (low and high) or not together, (value, other)
            if not isinstance(value, str):
                assert together or not (low and high), (value, other)


@pytest.mark.parametrize("transform", [BucketTransform(4), VoidTransform()])
def test_transforms_that_hide_their_values_tell_no_range(transform: Any) -> None:
    assert _range("i", transform, 3) is None


def test_a_partition_of_nulls_tells_no_range() -> None:
    assert _range("i", IdentityTransform(), None) is None


def test_bounds_that_contradict_their_partition_are_not_believed() -> None:
    field = MANY_TYPES.find_field("i")
    spec = PartitionSpec(PartitionField(field.field_id, 1000, IdentityTransform(), "p"))
    bound = {field.field_id: (9).to_bytes(4, "little", signed=True)}
    file = _file(3, lower_bounds=bound, upper_bounds=bound, null_value_counts={field.field_id: 0})
    assert box_of(file, spec, MANY_TYPES) == {}
