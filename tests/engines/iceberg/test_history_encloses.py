"""Every row that differs between two versions lies in a region of what is said to have changed between them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, LongType, NestedField

from catalog.materialized_views import Change
from catalog.objects import TableName
from engines.iceberg import differing_rows
from engines.iceberg.boxes import Box, Range, few
from engines.iceberg.catalogs import Catalogs
from engines.iceberg.history import History
from tests.engines.iceberg.past import lies_in
from tests.engines.iceberg.tables import MANY_TYPES, Row, Written
from tests.engines.iceberg.test_pruning_is_sound import FIELDS, ROWS, SPECS, VALUES

_NUMBERS = itertools.count()
_SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
METRICS = st.sampled_from(["truncate(16)", "truncate(1)", "full", "counts", "none"])
COLUMNS = st.sampled_from(sorted(set(VALUES) - {"bin", "flag"}))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), ROWS),
        st.tuples(st.just("delete"), st.integers(2, 4)),
        st.tuples(st.just("update"), st.tuples(st.integers(2, 4), COLUMNS)),
        st.tuples(st.just("reorder"), st.none()),
        st.tuples(st.just("partition"), FIELDS),
        st.tuples(st.just("widen"), st.none()),
        st.tuples(st.just("property"), st.none()),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqlCatalog, History]]:
    """One lake for all examples, each of which makes its own table."""
    folder: Path = tmp_path_factory.mktemp("history")
    properties = {"uri": f"sqlite:///{folder}/c.db", "warehouse": (folder / "w").as_uri()}
    catalog = SqlCatalog("lake", **properties)
    catalog.create_namespace("s")
    yield catalog, History(Catalogs({"lake": {"type": "sql", **properties}}))
    catalog.close()


def _table(catalog: SqlCatalog, spec: Sequence[tuple[str, Any]], metrics: str) -> Written:
    fields = [
        PartitionField(MANY_TYPES.find_field(column).field_id, 1000 + number, transform, f"p{number}")
        for number, (column, transform) in enumerate(spec)
    ]
    name = f"s.t{next(_NUMBERS)}"
    properties = {"format-version": "2", "write.metadata.metrics.default": metrics}
    catalog.create_table(name, MANY_TYPES, partition_spec=PartitionSpec(*fields), properties=properties)
    return Written(catalog, name)


def _step(written: Written, kind: str, argument: Any) -> None:
    match kind:
        case "append":
            written.add(argument)
        case "delete":
            written.change(lambda rows: [row for at, row in enumerate(rows) if at % argument])
        case "update":
            every, column = argument
            other = VALUES[column][-1]
            written.change(lambda rows: [row if at % every else {**row, column: other} for at, row in enumerate(rows)])
        case "reorder":
            written.change(lambda rows: list(rows)[::-1])
        case "partition":
            column, transform = argument
            taken = {field.source_id for field in written.table.spec().fields}
            if MANY_TYPES.find_field(column).field_id not in taken and "void" not in str(transform):
                with written.table.update_spec() as update:
                    update.add_field(column, transform, f"later{next(_NUMBERS)}")
        case "widen":
            with written.table.update_schema() as update:
                update.add_column(f"more{next(_NUMBERS)}", LongType())
        case "property":
            with written.table.transaction() as transaction:
                transaction.set_properties(owner=f"o{next(_NUMBERS)}")


def _rows(written: Written) -> list[Row]:
    return [row for path in written.paths() for row in written.rows[path]]


def _keyed(rows: Sequence[Row]) -> tuple[Counter[str], dict[str, Row]]:
    named = {repr(sorted(row.items())): row for row in rows}
    return Counter(repr(sorted(row.items())) for row in rows), named


def _check(change: Change, before: Sequence[Row], after: Sequence[Row], *, exact: bool) -> None:
    (old, old_rows), (new, new_rows) = _keyed(before), _keyed(after)
    assert change.unknown is None
    differing = (new - old) + (old - new)
    for key in differing:
        row = {**old_rows, **new_rows}[key]
        assert any(lies_in(row, region) for region in change.regions), row
    if change.appended_only:
        assert not old - new
    if exact:
        assert bool(change.regions) == bool(differing)
        assert change.appended_only == (bool(differing) and not old - new)


@settings(max_examples=8, **_SETTINGS)  # type: ignore[arg-type]  # the words of a test
@given(SPECS, ROWS, STEPS, METRICS, st.booleans())
def test_every_row_that_differs_lies_in_a_region(
    lake: tuple[SqlCatalog, History], spec: list[Any], first: list[Row], several: list[Any], metrics: str, exact: bool
) -> None:
    catalog, history = lake
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differing_rows, "MOST_BYTES", (1 << 20) if exact else 0)
        written = _table(catalog, spec, metrics)
        written.add(first)
        seen = [(written.table.metadata_location, _rows(written))]
        for kind, argument in several:
            _step(written, kind, argument)
            seen.append((written.table.metadata_location, _rows(written)))
        name = TableName("lake", *written.name.split("."))
        for (since, before), (until, after) in ((seen[0], seen[-1]), (seen[-2], seen[-1])):
            _check(history.compare(name, since, until), before, after, exact=exact)


@pytest.mark.long
@settings(max_examples=150, **_SETTINGS)  # type: ignore[arg-type]  # the words of a test
@given(SPECS, ROWS, STEPS, METRICS, st.booleans())
def test_every_row_that_differs_lies_in_a_region_many_more_times(
    lake: tuple[SqlCatalog, History], spec: list[Any], first: list[Row], several: list[Any], metrics: str, exact: bool
) -> None:
    test_every_row_that_differs_lies_in_a_region.hypothesis.inner_test(lake, spec, first, several, metrics, exact)


RANGES = st.tuples(st.integers(-20, 20), st.integers(0, 8), st.booleans()).map(
    lambda each: Range(each[0], each[0] + each[1], each[2])
)
HALF = st.integers(-20, 20).map(lambda each: Range(each, None, nulls=False))
BOXES = st.lists(st.dictionaries(st.sampled_from([1, 2]), RANGES | HALF, max_size=2), max_size=12)
PLANE = Schema(NestedField(1, "x", IntegerType()), NestedField(2, "y", IntegerType()))


def _inside(inner: Box, outer: Box) -> bool:
    """Tell whether one box lies within another."""
    for number, around in outer.items():
        each = inner.get(number, Range(None, None, nulls=True))
        if around.low is not None and (each.low is None or each.low < around.low):  # type: ignore[operator]  # ends of one column are of one type
            return False
        if around.high is not None and (each.high is None or each.high > around.high):  # type: ignore[operator]  # ends of one column are of one type
            return False
        if each.nulls and not around.nulls:
            return False
    return True


@given(BOXES, st.lists(st.sampled_from([1, 2]), unique=True), st.integers(2, 5))
def test_few_boxes_cover_what_many_do(boxes: list[Box], partitioned: list[int], most: int) -> None:
    found = few(boxes, PLANE, partitioned, most)
    assert len(found) <= most
    for box in boxes:
        assert any(_inside(box, each) for each in found)
