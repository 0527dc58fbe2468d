"""Large texts are parsed in processes that may die without harm."""

from __future__ import annotations

import asyncio

import pytest
from sqlglot import exp

from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_statement
from catalog.dialect.statements import Query
from catalog.dialect.worker import ParseWorkers
from catalog.errors import ErrorCode, Refusal

BOUNDLESS = Limits(max_depth=1_000_000, max_nodes=50_000_000, max_tokens=50_000_000, max_bytes=100_000_000)
DEADLY = "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "t" + ")" * 10_000
ENDLESS = "SELECT * FROM a" + " JOIN b" * 60


@pytest.mark.asyncio
async def test_statements_and_refusals_come_back_whole() -> None:
    sql = "SELECT a FROM t WHERE b IN (" + ", ".join(map(str, range(5000))) + ")"
    async with ParseWorkers(1, deadline=20) as workers:
        statement = await workers.parse(sql)
        assert isinstance(statement, Query)
        assert statement == parse_statement(sql)
        column = statement.tree.find(exp.Column)
        assert column is not None
        assert column.this.meta["col"] == 8
        with pytest.raises(Refusal) as refused:
            await workers.parse("SELECT FROM")
        assert refused.value.text == "line 1:8: mismatched input 'FROM'. Expecting: '*', <expression>"


@pytest.mark.asyncio
async def test_a_worker_that_dies_is_replaced_and_its_statement_refused() -> None:
    async with ParseWorkers(1, deadline=20, limits=BOUNDLESS) as workers:
        with pytest.raises(Refusal) as refused:
            await workers.parse(DEADLY)
        assert refused.value.code is ErrorCode.GENERIC_USER_ERROR
        assert isinstance(await workers.parse("SELECT 1"), Query)


@pytest.mark.asyncio
async def test_a_worker_that_is_late_is_killed_and_its_statement_refused() -> None:
    async with ParseWorkers(1, deadline=0.5, limits=BOUNDLESS) as workers:
        await workers.start()
        with pytest.raises(Refusal) as refused:
            await workers.parse(ENDLESS)
        assert refused.value.code is ErrorCode.EXCEEDED_TIME_LIMIT
        assert isinstance(await workers.parse("SELECT 1"), Query)


@pytest.mark.asyncio
async def test_memory_is_limited() -> None:
    async with ParseWorkers(1, deadline=6, memory_bytes=300_000_000, limits=BOUNDLESS) as workers:
        with pytest.raises(Refusal) as refused:
            await workers.parse("SELECT " + "+".join(["a"] * 1_500_000))
        # At the very edge each small allocation is tried again and again, until the deadline.
        assert refused.value.code in (ErrorCode.GENERIC_USER_ERROR, ErrorCode.EXCEEDED_TIME_LIMIT)
        assert isinstance(await workers.parse("SELECT 1"), Query)


@pytest.mark.asyncio
async def test_a_cancelled_caller_leaves_a_fresh_worker_behind() -> None:
    async with ParseWorkers(1, deadline=20, limits=BOUNDLESS) as workers:
        await workers.start()
        late = asyncio.create_task(workers.parse(ENDLESS))
        await asyncio.sleep(0.1)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        statement = await workers.parse("SELECT 1")
        assert isinstance(statement, Query)
        assert statement.text == "SELECT 1"


@pytest.mark.asyncio
async def test_many_callers_share_few_workers() -> None:
    async with ParseWorkers(2, deadline=20) as workers:
        answers = await asyncio.gather(*(workers.parse(f"SELECT {i}") for i in range(12)))
        assert [answer.text for answer in answers if isinstance(answer, Query)] == [f"SELECT {i}" for i in range(12)]


@pytest.mark.asyncio
async def test_after_close_texts_are_refused_and_those_under_way_end() -> None:
    workers = ParseWorkers(1, deadline=20, limits=BOUNDLESS)
    await workers.start()
    late = asyncio.create_task(workers.parse(ENDLESS))
    await asyncio.sleep(0.1)
    await workers.close()
    with pytest.raises(Refusal):
        await late
    with pytest.raises(Refusal) as refused:
        await workers.parse("SELECT 1")
    assert refused.value.code is ErrorCode.SERVER_SHUTTING_DOWN
