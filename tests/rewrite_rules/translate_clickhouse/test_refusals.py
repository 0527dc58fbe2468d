"""What is not proved is refused by name, before anything is sent; the list is data."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, DATE, DOUBLE, UNKNOWN, VARCHAR, array, decimal, map_of, timestamp
from tests.rewrite_rules.translate_clickhouse.planning import plan

FILE = Path(__file__).resolve().parents[2] / "fixtures" / "translate_clickhouse" / "refusals.txt"
CASES = [tuple(line.split(" | ")) for line in FILE.read_text("utf-8").splitlines()]
COLUMNS = (
    Column("node", VARCHAR),
    Column("hour", timestamp(0, zone=True), native_type="DateTime('UTC')"),
    Column("lmp", decimal(9, 2)),
    Column("mwh", DOUBLE),
    Column("n", BIGINT),
    Column("day", DATE),
    Column("tags", array(VARCHAR)),
    Column("attrs", map_of(VARCHAR, BIGINT)),
    Column("doc", UNKNOWN, native_type="JSON"),
)
USES = (
    "SELECT n FROM prices WHERE doc IS NULL",
    "SELECT count(doc) FROM prices",
    "SELECT n FROM prices ORDER BY doc",
    "SELECT coalesce(doc, n) FROM prices",
    "SELECT n FROM prices GROUP BY n, doc",
    "SELECT n = doc FROM prices",
    "SELECT x FROM (SELECT doc AS x, n FROM prices)",
)
PRICES = Table(TableName("clickhouse", "marts", "prices"), COLUMNS, "clickhouse")


@pytest.mark.parametrize(("sql", "what"), CASES)
def test_refused_by_name(sql: str, what: str) -> None:
    with pytest.raises(Refusal) as refused:
        plan(sql, [PRICES])
    assert refused.value.code is ErrorCode.NOT_SUPPORTED
    assert what in refused.value.message
    assert "not supported on ClickHouse" in refused.value.text
    assert "Trino" in refused.value.text


def test_a_column_of_a_type_without_exact_counterpart_is_refused_by_name_only_where_it_is_used() -> None:
    assert "doc" not in plan("SELECT n FROM prices", [PRICES]).sql
    for sql in ("SELECT doc FROM prices", "SELECT * FROM prices", *USES):
        with pytest.raises(Refusal) as refused:
            plan(sql, [PRICES])
        assert "Column 'doc' of the ClickHouse type JSON" in refused.value.message


def test_text_that_checks_repeat_cannot_grow_without_bound() -> None:
    nested = "node"
    for _ in range(12):
        nested = f"substr({nested}, n)"
    with pytest.raises(Refusal) as refused:
        plan(f"SELECT {nested} FROM prices", [PRICES])
    assert "nested so deeply" in refused.value.message


def test_an_expression_without_a_type_is_refused() -> None:
    from catalog.dialect.parse import parse_query
    from rewrite_rules.resolve import resolve
    from rewrite_rules.translate_clickhouse import translate

    tree = parse_query("SELECT n + 1 FROM clickhouse.marts.prices")
    resolve(tree, None, None)
    with pytest.raises(Refusal) as refused:
        translate(tree, {PRICES.name: PRICES})
    assert "type is not known" in refused.value.message


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT date_trunc('decade', day) FROM prices", ErrorCode.INVALID_FUNCTION_ARGUMENT),
        ("SELECT slice(tags, 0, 1) FROM prices", ErrorCode.INVALID_FUNCTION_ARGUMENT),
        ("SELECT split_part(node, ',', 0) FROM prices", ErrorCode.INVALID_FUNCTION_ARGUMENT),
        ("SELECT lpad(node, -1, 'x') FROM prices", ErrorCode.INVALID_FUNCTION_ARGUMENT),
        ("SELECT date_format(hour, '%w') FROM prices", ErrorCode.INVALID_FUNCTION_ARGUMENT),
        ("SELECT node LIKE 'a' ESCAPE 'xy' FROM prices", ErrorCode.INVALID_FUNCTION_ARGUMENT),
    ],
)
def test_what_trino_refuses_is_refused_with_its_code(sql: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as refused:
        plan(sql, [PRICES])
    assert refused.value.code is code
