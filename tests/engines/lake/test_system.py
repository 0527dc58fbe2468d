"""Metadata tables: rows made per caller by the gateway, queried like any others."""

from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest
from msgspec.structs import replace

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, Table
from catalog.types import BIGINT, VARCHAR
from engines.base import EngineStatement
from engines.lake.system import SystemEngine
from tests.engines.lake.asking import describe, prepare, read

TABLES = describe("tables", [Column("owner", VARCHAR), Column("size", BIGINT)])


def rows_of_caller(table: Table, statement: EngineStatement) -> pa.Table:
    """Show three rows of the caller's own."""
    return pa.table({"owner": [statement.user] * 3, "size": pa.array([1, 2, None], pa.int64())})


@pytest.mark.asyncio
async def test_each_caller_sees_own_rows_also_at_the_same_time() -> None:
    engine = SystemEngine(rows_of_caller)
    await engine.start()
    statement = prepare("SELECT a.owner, count(b.size) FROM tables a, tables b GROUP BY a.owner", [TABLES])
    answers = await asyncio.gather(*(read(engine, replace(statement, user=f"u{n}"), f"q{n}") for n in range(6)))
    assert [answer.rows for answer in answers] == [[[f"u{n}", 6]] for n in range(6)]
    assert (await engine.health()).healthy
    await engine.close()


@pytest.mark.asyncio
async def test_a_provider_that_refuses_ends_the_statement_with_its_refusal() -> None:
    def refuse(table: Table, statement: EngineStatement) -> pa.Table:
        raise Refusal(ErrorCode.GENERIC_EXTERNAL, "not now")

    engine = SystemEngine(refuse)
    await engine.start()
    with pytest.raises(Refusal, match="not now"):
        await read(engine, prepare("SELECT * FROM tables", [TABLES]), "q")
    await engine.close()
