"""A table with arrays, maps and rows is kept whole in ClickHouse, and answers from there as it does itself."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from tests.rewriting.gateway import EVERYBODY, MASKED, SOUTH, World

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


HUBS = pa.table({"hub": ["H0", "H1", "H2", None], "region": ["north", "south", None, "nowhere"]})
OF_ANY_SHAPE = [
    "SELECT h.region, p.node, count(*) AS n, grouping(h.region, p.node) AS level FROM lmp p JOIN hubs h ON p.hub = h.hub "
    "GROUP BY ROLLUP (h.region, p.node)",
    "SELECT node, ts, rank() OVER (PARTITION BY hub ORDER BY lmp DESC, ts, node) AS r FROM lmp WHERE hub IN (SELECT hub FROM hubs)",
    "SELECT DISTINCT (p.hub) FROM lmp p WHERE p.lmp > (SELECT avg(o.lmp) FROM lmp o WHERE o.hub = p.hub)",
    "WITH d AS (SELECT hub, max(ts) AS latest FROM lmp GROUP BY hub) "
    "SELECT d.latest, h.region FROM d FULL JOIN hubs h ON d.hub = h.hub UNION ALL SELECT NULL, node FROM lmp",
]


def test_queries_of_any_shape_over_copied_tables_run_in_clickhouse_after_policy(changing: World) -> None:
    changing.iceberg.create_table("grid.hubs", schema=HUBS.schema).append(HUBS)
    changing.gateway.run(changing.gateway.house.catalog.invalidate_catalog("lake"))
    changing.build("all_lmp", "SELECT * FROM lmp")
    assert changing.ask(OF_ANY_SHAPE[0]).record.engine == "lake"  # one table has no copy yet
    changing.build("all_hubs", "SELECT * FROM hubs")
    for user in (EVERYBODY, SOUTH, MASKED):
        for sql in OF_ANY_SHAPE:
            from_copies, from_base = changing.both(sql, user)
            assert (from_copies.record.engine, from_base.record.engine) == ("clickhouse", "lake"), (user, sql)
            assert (from_copies.rows, from_copies.columns) == (from_base.rows, from_base.columns), (user, sql)
    changing.append(3)
    assert changing.ask(OF_ANY_SHAPE[1]).record.engine == "lake"  # the copy is behind
    changing.know()
    behind, base = changing.both(OF_ANY_SHAPE[1])
    assert behind.rows == base.rows
