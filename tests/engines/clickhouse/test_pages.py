"""Results in pages: their size, retries, bounded memory, settings that travel, and cancelling."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from catalog.errors import ErrorCode, Refusal
from catalog.types import BIGINT, VARCHAR, timestamp
from engines.clickhouse.engine import ClickHouseEngine
from engines.clickhouse.settings import PINNED
from engines.executions import PageGone, PageUnknown
from tests.real.clickhouse import CAPABLE, ask, statement

MILLION = "SELECT toInt64(number) AS c1, repeat('x', 60) AS c2 FROM numbers(1000000)"
ENDLESS = "SELECT toInt64(sum(sipHash64(number))) AS c1 FROM numbers(1000000000000)"
ENDLESS_ROWS = "SELECT toInt64(number) AS c1 FROM numbers(1000000000000)"


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.asyncio
async def test_a_million_rows_come_in_pages_of_about_a_megabyte_in_bounded_memory(engine: ClickHouseEngine) -> None:
    await ask(engine, statement("SELECT toInt64(1)", BIGINT), "warm")
    cursor: str | None = (await engine.submit(statement(MILLION, BIGINT, VARCHAR), "million")).cursor
    rows, sizes, before = 0, [], resident_mb()
    highest = before
    while cursor is not None:
        page = await engine.page(cursor)
        rows, cursor = rows + page.rows, page.next
        sizes.append(page.bytes)
        highest = max(highest, resident_mb())
    assert rows == 1_000_000
    assert 500_000 < sorted(sizes)[len(sizes) // 2] < 2_000_000
    assert highest - before < 64


@pytest.mark.asyncio
async def test_the_same_cursor_gives_the_same_page_and_others_are_gone_or_unknown(engine: ClickHouseEngine) -> None:
    first = (await engine.submit(statement(MILLION, BIGINT, VARCHAR), "again")).cursor
    one, same = await engine.page(first), await engine.page(first)
    assert one is same
    second = one.next
    assert second is not None
    twins = await asyncio.gather(engine.page(second), engine.page(second))
    assert twins[0] is twins[1]
    with pytest.raises(PageGone):
        await engine.page(first)
    with pytest.raises(PageUnknown):
        await engine.page("again.7")
    with pytest.raises(PageUnknown):
        await engine.page("nobody.0")
    assert await engine.heartbeat(second)
    assert not await engine.heartbeat("nobody.0")
    await engine.cancel(second)


@pytest.mark.asyncio
async def test_an_empty_result_has_columns_and_ends(engine: ClickHouseEngine) -> None:
    answer = await ask(engine, statement("SELECT toInt64(1) AS c1 WHERE 0", BIGINT))
    assert (answer.columns, answer.rows) == ([("c0", "bigint")], [])


async def running(engine: ClickHouseEngine, tag: str) -> int:
    sql = f"SELECT toString(count()) FROM system.processes WHERE Settings['log_comment'] = '{tag}'"
    return int((await engine._connection.rows(sql, {}))[0][0])


async def until_gone(engine: ClickHouseEngine, tag: str) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if await running(engine, tag) == 0:
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.asyncio
@pytest.mark.parametrize("sql", [ENDLESS, ENDLESS_ROWS])
async def test_cancelling_ends_the_query_on_the_server(engine: ClickHouseEngine, sql: str) -> None:
    cursor = (await engine.submit(statement(sql, BIGINT), "endless")).cursor
    cursor = (await engine.page(cursor)).next or ""
    assert await running(engine, "endless") == 1
    start = time.monotonic()
    await engine.cancel(cursor)
    assert time.monotonic() - start < 15
    assert await until_gone(engine, "endless")
    with pytest.raises(Refusal) as refused:
        await engine.page(cursor)
    assert refused.value.code is ErrorCode.USER_CANCELED
    await engine.cancel(cursor)
    assert (await ask(engine, statement("SELECT toInt64(7)", BIGINT), "after")).rows == [[7]]


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["query_max_run_time", "query_max_execution_time"])
@pytest.mark.parametrize("sql", [ENDLESS, ENDLESS_ROWS])
async def test_a_query_over_its_sessions_time_limit_is_ended_on_the_server(
    engine: ClickHouseEngine, sql: str, name: str
) -> None:
    limited = replace(statement(sql, BIGINT), session_properties={name: "300ms"})
    cursor = (await engine.submit(limited, "limited")).cursor
    async with asyncio.timeout(30):
        with pytest.raises(Refusal) as refused:
            while True:
                cursor = (await engine.page(cursor)).next or ""
    assert refused.value.code is ErrorCode.EXCEEDED_TIME_LIMIT
    assert await until_gone(engine, "limited")


@pytest.mark.asyncio
async def test_long_queries_keep_neither_the_catalog_nor_the_health_check_waiting(engine: ClickHouseEngine) -> None:
    cursors = [(await engine.submit(statement(ENDLESS, BIGINT), f"long{at}")).cursor for at in range(6)]
    pages = await asyncio.gather(*(engine.page(cursor) for cursor in cursors))
    async with asyncio.timeout(10):
        assert (await engine.health()).healthy
        assert await engine.tables("clickhouse")
    await asyncio.gather(*(engine.cancel(page.next or "") for page in pages))


@pytest.mark.asyncio
async def test_closing_the_engine_ends_what_runs(engine: ClickHouseEngine) -> None:
    cursor = (await engine.submit(statement(ENDLESS, BIGINT), "left")).cursor
    await engine.page(cursor)
    start = time.monotonic()
    await engine.close()
    assert time.monotonic() - start < 20


@pytest.mark.asyncio
async def test_a_condition_that_held_for_no_row_says_nothing_of_one_with_another_lambda(
    engine: ClickHouseEngine,
) -> None:
    run = engine._connection.run
    await run("CREATE DATABASE IF NOT EXISTS lambdas", {})
    await run("CREATE OR REPLACE TABLE lambdas.t (a Nullable(String)) ENGINE = MergeTree ORDER BY tuple()", {})
    await run("INSERT INTO lambdas.t VALUES ('x'), ('y')", {})
    asked = "SELECT t.a AS c1 FROM lambdas.t AS t WHERE arrayExists(e -> {}, ['p', 'q'])"
    for _ in range(2):
        assert (await ask(engine, statement(asked.format("e = t.a"), VARCHAR), "none")).rows == []
        assert len((await ask(engine, statement(asked.format("e != t.a"), VARCHAR), "all")).rows) == 2


@pytest.mark.asyncio
async def test_the_pinned_settings_and_the_tag_reach_every_query(engine: ClickHouseEngine) -> None:
    names = [*PINNED, "readonly", "log_comment"]
    sql = f"SELECT {', '.join(f'toString(getSetting({name!r})) AS s{at}' for at, name in enumerate(names))}"
    answer = await ask(engine, statement(sql, *[VARCHAR] * len(names)), "tagged")
    found = dict(zip(names, answer.rows[0], strict=True))
    assert found.pop("readonly") == "2"
    assert found.pop("log_comment") == "tagged"
    truths = {"true": "1", "false": "0"}
    assert {name: truths.get(str(value), str(value)) for name, value in found.items()} == dict(PINNED)


@pytest.mark.asyncio
@pytest.mark.parametrize("sql", ["CREATE TABLE types.made (a Int8) ENGINE = Memory", "DROP TABLE types.everything"])
async def test_nothing_can_be_changed_through_the_engine(engine: ClickHouseEngine, sql: str) -> None:
    with pytest.raises(Refusal):
        await ask(engine, statement(sql, BIGINT), "change")
    tables = {t.name.table for t in await engine.tables("clickhouse") if t.name.schema == "types"}
    assert tables == {"everything"}


@pytest.mark.asyncio
async def test_many_queries_run_beside_each_other(engine: ClickHouseEngine) -> None:
    async def one(at: int) -> object:
        sql = f"SELECT toInt64(sum(number) + {at}) FROM numbers(1000)"
        return (await ask(engine, statement(sql, BIGINT), f"many{at}")).rows[0][0]

    assert await asyncio.gather(*(one(at) for at in range(12))) == [499500 + at for at in range(12)]


@pytest.mark.asyncio
async def test_old_clients_get_timestamps_with_three_digits(engine: ClickHouseEngine) -> None:
    asked = statement("SELECT toDateTime64('2026-02-01 00:00:00.123456', 6)", timestamp(6))
    page = await engine.page((await engine.submit(replace(asked, capabilities=CAPABLE - CAPABLE), "old")).cursor)
    while "data" not in page.members:
        page = await engine.page(page.next or "")
    assert json.loads(page.members["columns"])[0]["type"] == "timestamp"
    assert json.loads(page.members["data"]) == [["2026-02-01 00:00:00.123"]]
