"""Every ClickHouse type, described, queried and shown as the Trino protocol shows it, both ways to the engine."""

from __future__ import annotations

import pytest

from catalog.objects import TableName
from engines.clickhouse.engine import ClickHouseEngine
from tests.engines.clickhouse.world import WIRE
from tests.real.clickhouse import ask
from tests.rewrite_rules.translate_clickhouse.planning import plan

EVERYTHING = TableName("clickhouse", "types", "everything")


@pytest.mark.asyncio
async def test_every_value_of_every_type_is_shown_exactly(engine: ClickHouseEngine) -> None:
    table = await engine.describe(EVERYTHING)
    assert table is not None
    answer = await ask(engine, plan("SELECT * FROM everything ORDER BY id", [table]))
    assert [name for name, _ in answer.columns] == [column.name for column in table.columns]
    assert answer.rows == WIRE
    assert str(answer.rows[0][12]) == "-0.0"


@pytest.mark.asyncio
async def test_columns_are_typed_as_trino_types_them(engine: ClickHouseEngine) -> None:
    table = await engine.describe(EVERYTHING)
    assert table is not None
    answer = await ask(engine, plan("SELECT * FROM everything", [table]))
    shown = dict(answer.columns)
    assert shown["u64"] == "decimal(20, 0)"
    assert shown["tz3"] == "timestamp(3) with time zone"
    assert shown["tu"] == "row(a integer, b varchar)"
    assert shown["mt"] == "map(bigint, timestamp(3))"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT id FROM everything WHERE u64 > 1 AND u8 + 1 = 256", [[1]]),
        ("SELECT tu.b, tu.a + 1 FROM everything WHERE tu.a > 0 ORDER BY 2", [["", 2], [None, 6]]),
        ("SELECT id FROM everything WHERE en = 'down' OR fs = X'616200' ORDER BY id", [[1], [2]]),
        ("SELECT id FROM everything WHERE ip4 = IPADDRESS '1.2.3.4'", [[3]]),
        ("SELECT year(tz0), hour(tz0), CAST(tz0 AS date) FROM everything WHERE id = 1", [[2026, 3, "2026-03-08"]]),
        ("SELECT max(dt), min(dt32) FROM everything", [["2149-06-06", "0001-01-01"]]),
        ("SELECT sum(u64), sum(i128), max(i256) FROM everything",
         [["18446744073709551616", "12345678901234567890123456789012345679", "1"]]),
        ("SELECT u FROM everything WHERE u = UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'",
         [["12151fd2-7586-11e9-8f9e-2a86e4085a59"]]),
        ("SELECT CAST(tz3 AS timestamp(3)), tz3 AT TIME ZONE 'UTC' FROM everything WHERE id = 1",
         [["2026-02-01 00:00:00.500", "2026-01-31 18:30:00.500 UTC"]]),
    ],
)  # fmt: skip
async def test_types_are_computed_with_as_trino_computes(engine: ClickHouseEngine, sql: str, rows: object) -> None:
    table = await engine.describe(EVERYTHING)
    assert table is not None
    assert (await ask(engine, plan(sql, [table]))).rows == rows
