"""States of aggregates merge to Trino's values on the real ClickHouse, and are read in no other way."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.errors import Refusal
from tests.real import clickhouse
from tests.rewriting.views import VIEW, reading, statements, text, types_of

U, A = ("uniqExact", "bigint", ""), ("uniq", "bigint", "")
Q, D, DI = (
    ("quantileExact", "integer", "0.9"),
    ("quantileTDigest", "double", "0.5"),
    ("quantileTDigest", "integer", "1"),
)
M = ("argMax", "varchar", "")


@pytest.fixture(scope="module", autouse=True)
def _view() -> None:
    clickhouse.run_script(statements())


async def _rows(sql: str, **merged: tuple[str, str, str]) -> list[list[Any]]:
    tree = reading(sql, **merged)
    async with clickhouse.embedded() as engine:
        return (await clickhouse.ask(engine, clickhouse.statement(text(tree), *types_of(tree)))).rows


@pytest.mark.asyncio
async def test_states_of_distinct_values_merge_over_all_groups() -> None:
    assert await _rows(f"SELECT min(u), min(a), sum(n) FROM {VIEW}", u=U, a=A) == [[4, 4, 7]]


@pytest.mark.asyncio
async def test_states_merge_within_each_group_also_that_of_null_and_that_of_no_values() -> None:
    rows = await _rows(f"SELECT k, min(u), min(q), min(m) FROM {VIEW} GROUP BY k ORDER BY k", u=U, q=Q, m=M)
    assert rows == [["a", 2, 9, None], ["b", 2, 7, "z"], ["none", 0, None, None], [None, 1, 100, "q"]]


@pytest.mark.asyncio
async def test_over_no_rows_a_count_is_zero_and_all_else_null() -> None:
    rows = await _rows(
        f"SELECT min(u), min(a), min(q), min(d), min(m), sum(n), count(*) FROM {VIEW} WHERE k = 'nowhere'",
        u=U, a=A, q=Q, d=D, m=M,
    )  # fmt: skip
    assert rows == [[0, 0, None, None, None, None, 0]]


@pytest.mark.asyncio
async def test_quantiles_merge_at_any_level() -> None:
    for level, expected in (("0", 1), ("0.5", 5), ("0.99", 100), ("1", 100), ("9E-1", None)):
        asked = reading(f"SELECT min(q) FROM {VIEW}", q=("quantileExact", "integer", level))
        if expected is None:
            with pytest.raises(Refusal):
                text(asked)
            continue
        assert await _rows(f"SELECT min(q) FROM {VIEW}", q=("quantileExact", "integer", level)) == [[expected]]


@pytest.mark.asyncio
async def test_digests_of_whole_numbers_give_whole_numbers() -> None:
    ((greatest, middle),) = await _rows(f"SELECT min(di), min(d) FROM {VIEW} WHERE k IN ('a', 'b')", di=DI, d=D)
    assert greatest == 9
    assert 3.0 <= middle <= 5.0


@pytest.mark.asyncio
async def test_states_are_merged_through_a_subquery_that_filters() -> None:
    rows = await _rows(f"SELECT min(u) FROM (SELECT u, k FROM {VIEW} WHERE k <> 'b') AS p WHERE k = 'a'", u=U)
    assert rows == [[2]]


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT u FROM {VIEW}",
        f"SELECT max(u) FROM {VIEW}",
        f"SELECT count(u) FROM {VIEW}",
        f"SELECT count(*) FROM {VIEW} GROUP BY u",
        f"SELECT k FROM {VIEW} WHERE u > 1",
        f"SELECT DISTINCT u FROM {VIEW}",
        f"SELECT k FROM {VIEW} ORDER BY u",
    ],
)
def test_a_state_is_read_in_no_other_way(sql: str) -> None:
    with pytest.raises(Refusal, match=r"keeps states|not supported"):
        text(reading(sql))


def test_a_state_that_merges_at_one_level_only_is_refused() -> None:
    tree = reading(f"SELECT min(level) FROM {VIEW}", level=("quantileExact", "double", "0.9"))
    with pytest.raises(Refusal, match="quantileExact over Nullable"):
        text(tree)


def test_merging_what_is_no_state_is_refused() -> None:
    with pytest.raises(Refusal, match="no state"):
        text(reading(f"SELECT min(n) FROM {VIEW}", n=("uniqExact", "bigint", "")))


def test_nobody_can_write_the_merging_of_states() -> None:
    with pytest.raises(Refusal):
        reading(f'SELECT "$merge"(u) FROM {VIEW}')
