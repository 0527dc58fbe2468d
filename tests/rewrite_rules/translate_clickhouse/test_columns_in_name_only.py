"""A column that ClickHouse may not read is carried along, and refused by name wherever its values count."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, VARCHAR
from tests.rewrite_rules.translate_clickhouse.planning import plan

STATES = Column("st", VARCHAR, native_type="AggregateFunction(sum, Int64)")
T = Table(TableName("c", "s", "t"), (Column("id", BIGINT, native_type="Int64"), STATES), "", native_name=("s", "t"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT st FROM t",
        "SELECT count(*) FROM (SELECT DISTINCT id, st FROM t)",
        "SELECT id FROM (SELECT DISTINCT * FROM t)",
        "SELECT (SELECT st FROM t) FROM t",
        "SELECT id FROM t WHERE 'a' IN (SELECT st FROM t)",
        "SELECT id FROM t WHERE (id, 'a') IN (SELECT id, st FROM t)",
        "SELECT count(*) FROM (SELECT * FROM t INTERSECT SELECT * FROM t)",
        "SELECT count(*) FROM (SELECT st FROM t UNION ALL SELECT st FROM t)",
        "WITH RECURSIVE r(a, b) AS (SELECT id, st FROM t UNION ALL SELECT a + 1, b FROM r WHERE a < 3) SELECT a FROM r",
        "SELECT a.id FROM t a LEFT JOIN t b ON a.st = b.st",
        "SELECT count(st) FROM t",
        "SELECT id FROM t GROUP BY id, st",
        "SELECT id FROM t ORDER BY st",
        "SELECT id, row_number() OVER (ORDER BY st) FROM t",
        "SELECT id FROM t WHERE st IS NULL",
    ],
)
def test_reading_it_is_refused_by_its_name(sql: str) -> None:
    with pytest.raises(Refusal, match="Column 'st', which keeps states") as refused:
        plan(sql, [T])
    assert refused.value.code is ErrorCode.NOT_SUPPORTED


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM (SELECT id, st FROM t)",
        "SELECT id FROM t WHERE EXISTS (SELECT st FROM t)",
        "SELECT id FROM (SELECT * FROM t ORDER BY id LIMIT 3)",
    ],
)
def test_what_does_not_read_it_is_answered(sql: str) -> None:
    assert "`st`" in plan(sql, [T]).sql
