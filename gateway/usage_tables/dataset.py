"""A table of usage as DuckDB reads it: each scan asks the store for its columns and its days, and holds a batch or two.

DuckDB tells a dataset which columns and which rows it needs and leaves the choice of rows to it. The choice is Arrow's
own here; besides, whole days of which Arrow can prove that none of their rows is chosen are not asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from catalog.objects import Table
from gateway.usage_tables.batches import batch_of, schema_of
from gateway.usage_tables.queries import ALWAYS, Asked
from gateway.usage_tables.streaming import Rows

MOMENTS = {"statements": "received", "shares": "entered", "adjustments": "entered", "budgets": "begins"}
"""The column of each table by which days are left out."""
_TEXTS = frozenset({"query", "error_message"})
_ROWS, _LONG_ROWS = 10_000, 250
_FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)

Ask = Callable[[Sequence[str], tuple[float, float]], Asked]
"""What to ask the store for some columns in a range of milliseconds."""
Stream = Callable[[Asked, int], Generator[Rows, None, None]]


class _Scan:
    """What DuckDB asks of a scanner."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader
        self.projected_schema = reader.schema

    def to_reader(self) -> pa.RecordBatchReader:
        return self._reader


class StoredTable(ds.Dataset):  # type: ignore[misc]  # pyarrow has no types
    """A table whose rows come from the store anew for each scan."""

    def __init__(self, table: Table, ask: Ask, stream: Stream) -> None:
        """Ask nothing yet."""
        self._table = table
        self._ask = ask
        self._stream = stream

    @property
    def schema(self) -> pa.Schema:
        """Return the table's columns."""
        return schema_of(self._table)

    def scanner(self, columns: Sequence[str] | None = None, filter: ds.Expression | None = None) -> _Scan:  # noqa: A002  (pyarrow's own name)
        """Return what reads some columns of the rows that an expression chooses; the names are Arrow's."""
        shown = list(columns) if columns is not None else self.schema.names
        schema = schema_of(self._table, shown)
        return _Scan(pa.RecordBatchReader.from_batches(schema, self._batches(schema, filter)))

    def _batches(self, shown: pa.Schema, chosen: ds.Expression | None) -> Generator[pa.RecordBatch, None, None]:
        needed = shown.names if chosen is None else self.schema.names
        if chosen is not None:
            needed = [name for name in self.schema.names if name in shown.names or _mentions(chosen, name)]
        schema = schema_of(self._table, needed)
        within = ALWAYS if chosen is None else days_of(MOMENTS[self._table.name.table], self.schema, chosen)
        size = _LONG_ROWS if _TEXTS & set(needed) else _ROWS
        for rows in self._stream(self._ask(needed, within), size):
            batch = batch_of(rows, schema)
            yield (batch if chosen is None else batch.filter(chosen)).select(shown.names)


def _mentions(chosen: ds.Expression, name: str) -> bool:
    """Tell whether an expression may speak of a column: its text says so, perhaps in a constant."""
    return name in str(chosen)


def days_of(column: str, schema: pa.Schema, chosen: ds.Expression, now: float | None = None) -> tuple[float, float]:
    """Return the milliseconds between which all rows lie that an expression may choose, to whole days.

    Arrow is asked which of some files it would open, each of which is said to hold one day, or all before or after.
    """
    today = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    count = (today - _FIRST_DAY).days + 3
    points = [_FIRST_DAY + number * _DAY for number in range(count)]
    field = ds.field(column)
    spans = [field < _at(points[0])]
    spans += [(field >= _at(day)) & (field < _at(day + _DAY)) for day in points]
    spans.append(field >= _at(points[-1] + _DAY))
    form, files = ds.ParquetFileFormat(), LocalFileSystem()
    fragments = [form.make_fragment(str(n), files, partition_expression=span) for n, span in enumerate(spans)]
    plan = ds.FileSystemDataset(fragments, schema, form, files)
    kept = [int(each.path) for each in plan.get_fragments(chosen)]
    if not kept:
        return 0.0, 0.0
    bounds = [ALWAYS[0], *(_millis(day) for day in points), _millis(points[-1] + _DAY), ALWAYS[1]]
    first, last = bounds[kept[0]], bounds[kept[-1] + 1]
    return first, last


def _at(moment: datetime) -> pa.Scalar:
    return pa.scalar(moment, pa.timestamp("us", "UTC"))


def _millis(moment: datetime) -> float:
    return moment.timestamp() * 1000
