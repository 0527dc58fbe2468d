"""Rows of the store as Arrow batches with the types that a table of usage has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pyarrow as pa

from catalog.objects import Column, Table
from gateway.usage_tables.streaming import Rows

_MONEY = pa.decimal128(18, 9)
_MOMENT = pa.timestamp("us", "UTC")
_MOST_NANO = 10**18 - 1

_TYPES: dict[str, pa.DataType] = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "decimal": _MONEY,
    "timestamp with time zone": _MOMENT,
    "array": pa.list_(pa.string()),
}


def schema_of(table: Table, columns: Sequence[str] | None = None) -> pa.Schema:
    """Return the Arrow schema of a table, or of some of its columns in their order."""
    known = {column.name: column for column in table.columns}
    chosen = [known[name] for name in columns] if columns is not None else table.columns
    return pa.schema([pa.field(column.name, _type_of(column)) for column in chosen])


def batch_of(rows: Rows, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as a batch; without columns it has a length all the same."""
    if not schema.names:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.record_batch(
        [_array(values, kind) for values, kind in zip(columns, schema.types, strict=True)], schema=schema
    )


def _type_of(column: Column) -> pa.DataType:
    return _TYPES[column.type.base]


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    make = _MAKERS.get(kind)
    return make(values) if make is not None else pa.array(values, kind)


def _money(values: Sequence[int | None]) -> pa.Array:
    """Read nanodollars as dollars: the same digits, with nine of them behind the point."""
    held = [None if value is None else max(-_MOST_NANO, min(value, _MOST_NANO)) for value in values]
    digits = pa.array(held, pa.int64()).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(_MONEY, len(digits), digits.buffers(), digits.null_count)


def _moments(values: Sequence[int | None]) -> pa.Array:
    return pa.array(values, pa.int64()).cast(pa.timestamp("ms", "UTC")).cast(_MOMENT)


def _names(values: Sequence[str | None]) -> pa.Array:
    """Return the tables' names of each statement, each once."""
    found = [None if text is None else list(dict.fromkeys(each[0] for each in orjson.loads(text))) for text in values]
    return pa.array(found, pa.list_(pa.string()))


_MAKERS: dict[pa.DataType, Callable[[Sequence[Any]], pa.Array]] = {
    _MONEY: _money,
    _MOMENT: _moments,
    pa.list_(pa.string()): _names,
}
