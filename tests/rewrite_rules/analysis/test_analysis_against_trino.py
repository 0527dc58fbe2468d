"""Names, types and errors of whole queries: as Trino 476 answered them over the same two tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import Refusal
from catalog.types import type_text
from tests.rewrite_rules.analysis.conftest import analyzed

FOLDER = Path(__file__).with_name("trino_476")


def _cases() -> Iterator[Any]:
    for area in ("names", "aggregates", "types"):
        for number, line in enumerate((FOLDER / f"{area}.jsonl").read_text().splitlines(), 1):
            yield pytest.param(json.loads(line), id=f"{area}:{number}")


def _answer(sql: str, *, strict: bool) -> object:
    try:
        _, analysis = analyzed(sql, strict=strict)
    except Refusal as refusal:
        return refusal.code.name
    return [[column.name, type_text(column.type) if column.type else None] for column in analysis.columns]


@pytest.mark.parametrize("case", list(_cases()))
def test_a_query_has_the_columns_or_the_error_that_trino_gives(case: dict[str, Any]) -> None:
    expected = case.get("ours", case.get("columns", case.get("error")))
    assert _answer(case["sql"], strict=True) == expected
    assert _answer(case["sql"], strict=False) == case.get("left_to_trino", expected)


EXACT = [
    "select t.a from t join u using (a)",
    "select a, a from t order by a",
    "select a.b.c from t",
    "select b, count(*) from t",
    "select b+2, count(*) from t group by b+1",
    "select sum(sum(a)) from t",
    "select a from t group by 5",
    "select grouping(b) from t group by a",
    "select row_number() from t",
    "select 1 = 'a'",
    "select date '2020-01-01' + 1",
    "select a between 'a' and 'b' from t",
    "select coalesce(a, 'x') from t",
    "select case when true then 1 else 'a' end",
    "select case a when 'x' then 1 end from t",
    "select foo(1)",
    "select upper(1)",
    "select md5('a')",
    "select 'a' + 1",
    "select c like 1 from t",
    "select a is distinct from 'x' from t",
    "select transform(array[1], x -> x + y)",
]


@pytest.mark.parametrize("sql", EXACT)
def test_messages_and_places_are_trinos_own(sql: str) -> None:
    lines = [json.loads(line) for area in FOLDER.glob("*.jsonl") for line in area.read_text().splitlines()]
    expected = {line["sql"]: line["message"] for line in lines if "message" in line}
    if sql not in expected:
        pytest.fail(f"no answer of Trino's is kept for {sql}")
    with pytest.raises(Refusal) as caught:
        analyzed(sql)
    assert caught.value.text == expected[sql]
