"""A table with arrays, maps and rows is kept whole in ClickHouse, and answers from there as it does itself."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from tests.rewriting.gateway import World

THINGS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "tags": pa.array([["a", None, "é"], [], ["z"]], pa.list_(pa.string())),
        "nums": pa.array([[1.5, None], [], [float("nan")]], pa.list_(pa.float64())),
        "m": pa.array([[("k", 1), ("l", None)], [], [("q", 9)]], pa.map_(pa.string(), pa.int64())),
        "r": pa.array(
            [{"a": 1, "b": "x"}, {"a": None, "b": None}, {"a": 3, "b": "y"}],
            pa.struct([("a", pa.int32()), ("b", pa.string())]),
        ),
        "aa": pa.array([[[1], []], [], [[2, None]]], pa.list_(pa.list_(pa.int64()))),
        "price": pa.array([Decimal("1.20"), None, Decimal("3.00")], pa.decimal128(10, 2)),
    }
)
ASKED = [
    "SELECT * FROM things ORDER BY id",
    "SELECT id, element_at(m, 'k'), contains(tags, 'a') FROM things ORDER BY id",
    "SELECT nums, r FROM things WHERE id < 3 ORDER BY id",
    "SELECT aa, price FROM things WHERE cardinality(aa) > 0 ORDER BY id",
]


@pytest.mark.long
def test_a_whole_table_with_nested_values_answers_from_clickhouse_with_the_same_types(changing: World) -> None:
    changing.iceberg.create_table("grid.things", schema=THINGS.schema).append(THINGS)
    changing.gateway.run(changing.gateway.house.catalog.invalidate_catalog("lake"))
    changing.build("things", "SELECT * FROM things")
    for sql in ASKED:
        from_view, from_base = changing.both(sql)
        assert from_view.views, sql
        assert from_view.record.engine == "clickhouse"
        assert repr(from_view.rows) == repr(from_base.rows)
        assert from_view.columns == from_base.columns
