"""No file that holds a matching row is ever left out, whatever the types, partitions and conditions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And
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

from catalog.statistics import AllOf, AnyOf, Comparison, Condition, Opaque, Scan
from engines.iceberg.columns import named_fields
from engines.iceberg.conditions import bind, expression
from engines.iceberg.pruning import files_left, files_whole, in_partitions, partitions_left
from engines.iceberg.readers import DUCKDB
from engines.iceberg.scans import Version, estimate_scan
from tests.engines.iceberg.tables import MANY_TYPES, NAME, Row, Written

DAY = datetime(2026, 3, 8, 5, 59, 59, 999999)
VALUES: dict[str, list[Any]] = {
    "i": [-2, -1, 0, 1, 7, 2**31 - 1],
    "l": [-(2**62), -1, 0, 5, 2**62],
    "dec": [Decimal("-1.50"), Decimal("0.00"), Decimal("0.01"), Decimal("9999999.99")],
    "s": ["", "a", "ab", "ab" * 12, "ab" * 12 + "c", "z", "é", "\U0001f600"],
    "day": [date(1969, 12, 31), date(1970, 1, 1), date(2026, 3, 8), date(2026, 4, 1)],
    "ts": [datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(1970, 1, 1), DAY, DAY + timedelta(hours=1)],
    "tz": [datetime(1969, 12, 31, 23, 59, tzinfo=UTC), DAY.replace(tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)],
    "d": [-0.0, 0.0, 0.1, -math.inf, 1e300, math.nan],
    "r": [0.0, 0.5, -1.25],
    "bin": [b"", b"\x00", b"\xff" * 3, b"\xff" * 30],
    "flag": [True, False],
}
MORE: dict[str, list[Any]] = {
    "i": [Decimal("0.5"), 2**40, 7.0, "7", True],
    "l": [Decimal("4.999"), 2**70, -0.5],
    "dec": [1, Decimal("0.005"), Decimal("-1.499"), 0.25, 10**12],
    "d": [Decimal("0.1"), 3],
    "r": [Decimal("0.1"), 0.1],
    "day": [datetime(2026, 3, 8), datetime(2026, 3, 8, 1)],
    "ts": [date(2026, 3, 8), datetime(2026, 3, 8, tzinfo=UTC)],
    "tz": [DAY],
}
"""Constants of other types, or that the column's type does not have."""
TRANSFORMS: dict[str, list[Any]] = {
    "i": [IdentityTransform(), BucketTransform(3), TruncateTransform(2), VoidTransform()],
    "l": [IdentityTransform(), BucketTransform(3), TruncateTransform(10)],
    "dec": [IdentityTransform(), BucketTransform(3), TruncateTransform(100)],
    "s": [IdentityTransform(), BucketTransform(3), TruncateTransform(1)],
    "day": [IdentityTransform(), BucketTransform(3), DayTransform(), MonthTransform(), YearTransform()],
    "ts": [IdentityTransform(), BucketTransform(3), HourTransform(), DayTransform(), MonthTransform(), YearTransform()],
    "tz": [HourTransform(), DayTransform(), MonthTransform(), YearTransform()],
    "bin": [BucketTransform(3)],
    "flag": [IdentityTransform()],
}
_COMPARE = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def holds(condition: Condition, row: Row) -> bool:
    """Tell whether a row fulfils a condition in SQL; an opaque one is fulfilled by every other row."""
    match condition:
        case AllOf(parts):
            return all(holds(part, row) for part in parts)
        case AnyOf(parts):
            return any(holds(part, row) for part in parts)
        case Opaque():
            return hash(str(row)) % 2 == 0
        case Comparison():
            return _compares(condition, row[condition.column])


def _compares(comparison: Comparison, value: Any) -> bool:
    if type(value) is date and any(isinstance(each, datetime) for each in comparison.values):
        value = datetime(value.year, value.month, value.day)
    operator, constants = comparison.operator, [_like(each, value) for each in comparison.values]
    if operator in ("is null", "is not null"):
        return (value is None) == (operator == "is null")
    if value is None or any(each is NotImplemented for each in constants):
        return False
    match operator:
        case "between":
            return constants[0] <= value <= constants[1]
        case "in":
            return value in constants
        case "not in":
            return value not in constants
        case "starts with":
            return value.startswith(constants[0])
    return _COMPARE[operator](value, constants[0])


def _like(constant: Any, value: Any) -> Any:
    """Return a constant as engines compare it with a value; NotImplemented where they would refuse to."""
    if isinstance(value, float) and isinstance(constant, Decimal):
        return float(constant)
    if isinstance(value, datetime) and type(constant) is date:
        constant = datetime(constant.year, constant.month, constant.day)
    if isinstance(value, datetime) and (constant.tzinfo is None) != (value.tzinfo is None):
        return NotImplemented
    if isinstance(value, bool) is not isinstance(constant, bool) or isinstance(value, str) is not isinstance(
        constant, str
    ):
        return NotImplemented
    return constant


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    column = draw(st.sampled_from(sorted(VALUES)))
    constant = st.sampled_from([*VALUES[column], *MORE.get(column, [])])
    operators = ["=", "<>", "<", "<=", ">", ">=", "between", "in", "not in", "is null", "is not null"]
    operator: Any = draw(st.sampled_from([*operators, "starts with"] if column == "s" else operators))
    if operator in ("is null", "is not null"):
        return Comparison(column, operator)
    if operator in ("in", "not in"):
        return Comparison(column, operator, tuple(draw(st.lists(constant, max_size=4))))
    return Comparison(column, operator, tuple(draw(constant) for _ in range(2 if operator == "between" else 1)))


CONDITIONS = st.recursive(
    comparisons() | st.just(Opaque(("i",))),
    lambda inner: (
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=5,
)
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | st.sampled_from(values) for name, values in VALUES.items()}),
    min_size=1,
    max_size=8,
)
FIELDS = st.sampled_from([(column, each) for column, several in sorted(TRANSFORMS.items()) for each in several])
SPECS = st.lists(FIELDS, max_size=2, unique_by=lambda each: each[0])
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    """One catalog for all examples, each of which makes its own table."""
    folder: Path = tmp_path_factory.mktemp("pruning")
    catalog = SqlCatalog("lake", uri=f"sqlite:///{folder}/c.db", warehouse=(folder / "w").as_uri())
    catalog.create_namespace("s")
    yield catalog
    catalog.close()


def _table(catalog: SqlCatalog, spec: list[tuple[str, Any]]) -> Written:
    fields = [
        PartitionField(MANY_TYPES.find_field(column).field_id, 1000 + number, transform, f"p{number}")
        for number, (column, transform) in enumerate(spec)
    ]
    name = f"s.t{next(_NUMBERS)}"
    catalog.create_table(name, MANY_TYPES, partition_spec=PartitionSpec(*fields))
    return Written(catalog, name)


def _evolve(written: Written, column: str, transform: Any) -> None:
    taken = {field.source_id for field in written.table.spec().fields}
    if MANY_TYPES.find_field(column).field_id not in taken and not isinstance(transform, VoidTransform):
        with written.table.update_spec() as update:
            update.add_field(column, transform, "later")


def _check(version: Version, rows: list[list[Row]], condition: Condition) -> None:
    bound = bind(condition, named_fields(version.schema))
    partitions = partitions_left(bound, version.figures, version.metadata, version.schema)
    left = [
        a and b
        for a, b in zip(
            in_partitions(partitions, version.figures).to_pylist(),
            files_left(bound, version.figures).to_pylist(),
            strict=True,
        )
    ]
    whole = files_whole(bound, version.figures).to_pylist()
    for kept, proven, members in zip(left, whole, rows, strict=True):
        matching = [row for row in members if holds(condition, row)]
        assert kept or not matching
        if kept and proven:
            assert matching == members
    estimate = estimate_scan(Scan(NAME, ("i",), condition), version, DUCKDB)
    matching_rows = sum(holds(condition, row) for members in rows for row in members)
    assert estimate.rows.low <= matching_rows <= estimate.rows.high
    assert estimate.rows.low <= estimate.rows.likely <= estimate.rows.high
    assert estimate.bytes.low <= estimate.bytes.likely <= estimate.bytes.high


_SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@settings(max_examples=8, **_SETTINGS)  # type: ignore[arg-type]  # the words of a test
@given(SPECS, FIELDS, st.lists(ROWS, min_size=1, max_size=3), st.lists(CONDITIONS, min_size=20, max_size=20))
def test_files_with_matching_rows_always_survive(
    catalog: SqlCatalog, spec: list[Any], later: Any, commits: list[list[Row]], conditions: list[Condition]
) -> None:
    written = _table(catalog, spec)
    for members in commits[:-1]:
        written.add(members)
    _evolve(written, *later)
    written.add(commits[-1])
    version, rows = written.version(), [written.rows[path] for path in written.paths()]
    for condition in conditions:
        _check(version, rows, condition)


@pytest.mark.long
@settings(max_examples=100, **_SETTINGS)  # type: ignore[arg-type]  # the words of a test
@given(SPECS, FIELDS, st.lists(ROWS, min_size=1, max_size=4), st.lists(CONDITIONS, min_size=25, max_size=25))
def test_files_with_matching_rows_always_survive_many_more(
    catalog: SqlCatalog, spec: list[Any], later: Any, commits: list[list[Row]], conditions: list[Condition]
) -> None:
    test_files_with_matching_rows_always_survive.hypothesis.inner_test(catalog, spec, later, commits, conditions)


@settings(max_examples=4, **_SETTINGS)  # type: ignore[arg-type]  # the words of a test
@given(SPECS, ROWS, ROWS, st.lists(CONDITIONS, min_size=10, max_size=10))
def test_as_many_files_are_left_out_as_by_pyiceberg_itself(
    catalog: SqlCatalog, spec: list[Any], first: list[Row], second: list[Row], conditions: list[Condition]
) -> None:
    written = _table(catalog, spec)
    written.add(first)
    written.add(second)
    table, version = written.table, written.version()
    for condition in conditions:
        whole = expression(bind(condition, named_fields(version.schema)))
        theirs = len(list(table.scan(row_filter=And(whole, whole)).plan_files()))
        ours = estimate_scan(Scan(NAME, (), condition), version, DUCKDB).files
        assert ours is not None
        assert ours[0] <= theirs
