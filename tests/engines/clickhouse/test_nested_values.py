"""Views keep arrays, maps and rows element by element, and say which column has a NULL that ClickHouse cannot hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.types import parse_type
from engines.clickhouse.engine import ClickHouseEngine
from engines.views import Filled
from tests.engines.clickhouse.kept_views import MARK, engine, filling, pages, view
from tests.real.clickhouse import ask, statement

__all__ = ["engine", "view"]
pytestmark = pytest.mark.asyncio

KEPT: list[tuple[str, list[Any]]] = [
    ("array(bigint)", [[9007199254740993, None, -1], [], [None]]),
    ("array(varchar)", [["a", None, "", "null", 'é"\\\n\t', "{0}", "[1]", "a\u0000b", "😀"], [""]]),
    (
        "array(double)",
        [
            ["NaN", "Infinity", "-Infinity", -0.0, 4.9e-324, 1.0, None],
            [0.30000000000000004, 1.7976931348623157e308, 123456789.12345678, 1e22],
        ],
    ),
    ("array(real)", [[1.1, "NaN", None]]),
    ("array(boolean)", [[True, False, None]]),
    ("array(decimal(38,4))", [["-9999999999999999999999999999999999.9999", "0.0001", None]]),
    ("array(date)", [["0001-01-01", "9999-12-31", None]]),
    ("array(timestamp(6))", [["0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999", None]]),
    ("array(array(integer))", [[[1, None], []], []]),
    ("map(varchar, bigint)", [{"a": 1, "": None, 'q"\\': 3, "null": 4}, {}]),
    ("map(bigint, varchar)", [{"9007199254740993": "x", "-1": None}]),
    ("map(date, array(double))", [{"2024-02-29": [1.5, None]}]),
    ("row(a integer, b varchar)", [[1, "x"], [None, None]]),
    ("row(a array(varchar), m map(varchar, double))", [[["x", None], {"k": "NaN"}]]),
    ("array(row(a bigint, b decimal(5,2)))", [[[1, "2.50"], [None, None]], []]),
]


async def test_nested_values_come_back_as_they_came(engine: ClickHouseEngine, view: TableName) -> None:
    columns = [Filled("n", parse_type("integer")), *(Filled(kind, parse_type(kind)) for kind, _ in KEPT)]
    most = max(len(values) for _, values in KEPT)
    rows = [[n, *(values[min(n, len(values) - 1)] for _, values in KEPT)] for n in range(most)]
    await engine.fill(filling(view, columns, ["n"]), pages(rows), lambda: MARK)
    for at, (kind, _) in enumerate(KEPT, start=1):
        sql = f"SELECT `{kind}` AS c0 FROM filling.{view.table} ORDER BY n"
        found = await ask(engine, statement(sql, parse_type(kind)))
        assert [json.dumps(row[0]) for row in found.rows] == [json.dumps(row[at]) for row in rows], kind


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("array(bigint)", None),
        ("array(array(bigint))", [[1], None]),
        ("map(varchar, array(bigint))", {"a": None}),
        ("map(varchar, bigint)", None),
        ("row(a bigint)", None),
        ("array(row(a bigint))", [[1], None]),
        ("row(a row(b bigint))", [None]),
    ],
)
async def test_a_null_that_clickhouse_cannot_hold_ends_the_filling_by_the_columns_name(
    engine: ClickHouseEngine, view: TableName, kind: str, value: Any
) -> None:
    columns = [Filled("k", parse_type("integer")), Filled("held", parse_type(kind))]
    with pytest.raises(Refusal, match="Column held of a view has NULL in the place of") as refused:
        await engine.fill(filling(view, columns), pages([[1, value]]), lambda: MARK)
    assert refused.value.code is ErrorCode.NOT_SUPPORTED


@pytest.mark.parametrize(
    "kind", ["map(double, bigint)", "map(array(bigint), bigint)", "array(varbinary)", "array(timestamp(9))"]
)
async def test_nested_types_that_cannot_be_held_are_refused_by_name(
    engine: ClickHouseEngine, view: TableName, kind: str
) -> None:
    with pytest.raises(Refusal, match="A view cannot hold") as refused:
        await engine.fill(filling(view, [Filled("k", parse_type(kind))]), pages([]), lambda: MARK)
    assert refused.value.code is ErrorCode.NOT_SUPPORTED
