"""What ClickHouse says that queries read: compressed bytes, from its own log, however they ended."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

import clickhouse_connect
import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.types import BIGINT
from engines.clickhouse.connections import Block
from engines.clickhouse.query_log import QueryLog
from engines.estimates import AccountingEngine, Actuals
from tests.real.clickhouse import ROOT, ask, over_http, statement

IN_PROCESS = """
import asyncio, json, sys
from pathlib import Path
import clickhouse_connect
from catalog.errors import Refusal
from catalog.types import BIGINT
from engines.clickhouse.engine import embedded_engine
from tests.real.clickhouse import statement

MAKE = [
    "CREATE DATABASE d",
    "CREATE TABLE d.t (id Int64, noise Int64) ENGINE = MergeTree ORDER BY id SETTINGS min_bytes_for_wide_part = 0",
    "INSERT INTO d.t SELECT number, rand64() FROM numbers(1000000)",
]
ASKED = {
    "one column": "SELECT sum(noise) FROM d.t",
    "no row": "SELECT id FROM d.t WHERE noise = 7",
    "nothing": "SELECT 1",
    "failing": "SELECT sum(throwIf(noise != 0)) FROM d.t",
}

async def run(engine, name, sql):
    cursor = (await engine.submit(statement(sql, BIGINT), name)).cursor
    pages = 0
    try:
        while cursor:
            page = await engine.page(cursor)
            pages += 1
            cursor = page.next
    except Refusal:
        after = await engine.actuals(name, None)
        return ["refused", after.scanned_bytes, after.rows_read]
    assert page.scanned_bytes is None and page.scanned_soon
    after = await engine.actuals(name, None)
    return [pages, after.scanned_bytes, after.rows_read]

async def main():
    engine = embedded_engine("clickhouse", ["clickhouse"], Path(sys.argv[1]))
    client = clickhouse_connect.get_client
    for sql in MAKE:
        await engine._connection.rows("SELECT 1", {})
        with client(interface="chdb", path=sys.argv[1]) as opened:
            opened.command(sql)
    found = {name: await run(engine, name, sql) for name, sql in ASKED.items()}
    many = await asyncio.gather(*(run(engine, f"m{n}", ASKED["one column"]) for n in range(30)))
    sizes = "SELECT column, column_data_compressed_bytes FROM system.parts_columns WHERE database = 'd' AND active"
    stored = {name: int(size) for name, size in await engine._connection.rows(sizes, {})}
    print(json.dumps({"found": found, "stored": stored, "many": many, "unknown": await engine.actuals("x", None)}))
    await engine.close()

asyncio.run(main())
"""


def test_in_process_the_compressed_bytes_are_known_at_once_when_a_query_has_ended_however_it_did(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", IN_PROCESS, str(tmp_path / "folder")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    found, noise = told["found"], told["stored"]["noise"]
    assert found["one column"] == [1, pytest.approx(noise, rel=0.01), 1_000_000]
    assert found["no row"][1] >= noise * 0.99
    assert found["nothing"][1] == 0
    assert found["failing"][0] == "refused"
    assert found["failing"][1] > 0
    assert [size for _, size, _ in told["many"]] == [pytest.approx(noise, rel=0.01)] * 30
    assert told["unknown"] is None


@pytest.mark.asyncio
async def test_over_http_the_log_tells_it_afterwards(front: int) -> None:
    client = clickhouse_connect.get_client(host="127.0.0.1", port=front)
    client.command("CREATE TABLE default.accounted (id Int64, noise Int64) ENGINE = MergeTree ORDER BY id")
    client.command("INSERT INTO default.accounted SELECT number, rand64() FROM numbers(100000)")
    try:
        async with over_http(front) as engine:
            assert isinstance(engine, AccountingEngine)
            await ask(engine, statement("SELECT sum(noise) FROM default.accounted", BIGINT), "http-1")
            await asyncio.to_thread(client.command, "SYSTEM FLUSH LOGS query_log")
            found = await engine.actuals("http-1", None)
            assert await engine.actuals("never", None) is None
    finally:
        client.command("DROP TABLE default.accounted")
        client.close()
    assert found is not None
    assert found.rows_read == 100_000
    assert found.scanned_bytes is not None
    assert 790_000 < found.scanned_bytes < 1_000_000
    assert found.final


class Scripted:
    """A server whose log answers as told, and counts how often it was asked."""

    prompt = True

    def __init__(self, *answers: Refusal | Sequence[Sequence[str]]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def rows(self, sql: str, parameters: Mapping[str, str]) -> Sequence[Sequence[str]]:
        self.asked.append(parameters["tags"])
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def flush_log(self) -> None: ...

    async def kill(self, tag: str) -> None: ...

    async def close(self) -> None: ...

    async def stream(self, sql: str, settings: Mapping[str, str], tag: str) -> AsyncGenerator[Block, None]:
        raise AssertionError
        yield


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(ErrorCode.TABLE_NOT_FOUND, "x", detail="ClickHouse error 60 (UNKNOWN_TABLE)"),
        Refusal(ErrorCode.GENERIC_EXTERNAL, "x", detail="ClickHouse error 497 (ACCESS_DENIED)"),
    ],
    ids=["no log", "hidden"],
)
async def test_a_server_without_a_log_reports_nothing_and_nobody_waits_for_it_at_every_end(refusal: Refusal) -> None:
    server = Scripted(refusal)
    log = QueryLog(server, gather=0)
    assert log.prompt
    assert await log.of("a") == Actuals(None)
    assert not log.prompt
    server.answers.append([["a", "1", "2", "3"]])
    assert await log.of("a") == Actuals(1, 2, 0.003)
    assert log.prompt


@pytest.mark.asyncio
async def test_who_asks_meanwhile_is_answered_by_one_further_question() -> None:
    server = Scripted([["a", "1", "2", "3"]], [["b", "4", "5", "6000"]])
    log = QueryLog(server, gather=0)
    found = await asyncio.gather(log.of("a"), _later(log, "b"), _later(log, "c"), _later(log, "b"))
    assert found == [Actuals(1, 2, 0.003), Actuals(4, 5, 6.0), None, Actuals(4, 5, 6.0)]
    assert server.asked == ["a", "b,c"]


async def _later(log: QueryLog, tag: str) -> Actuals | None:
    while not log._connection.asked:  # type: ignore[attr-defined]  # the test looks inside
        await asyncio.sleep(0)
    return await log.of(tag)


@pytest.mark.asyncio
async def test_a_server_that_does_not_answer_is_said_so_to_all_and_asked_again_later() -> None:
    lost = Refusal(ErrorCode.NO_NODES_AVAILABLE, "gone")
    server = Scripted(lost, [["a", "1", "2", "3"]])
    log = QueryLog(server, gather=0)
    with pytest.raises(Refusal, match="gone"):
        await log.of("a")
    assert await log.of("a") == Actuals(1, 2, 0.003)


@pytest.mark.asyncio
async def test_those_who_ask_in_the_same_moment_cost_one_question_and_one_tag_on_two_queries_counts_both() -> None:
    server = Scripted([["a", "1", "2", "3"], ["b", "4", "5", "6"], ["a", "10", "20", "7"]])
    log = QueryLog(server)
    first = asyncio.create_task(log.of("a"))
    await asyncio.sleep(0.001)
    assert await asyncio.gather(log.of("b"), first) == [Actuals(4, 5, 0.006), Actuals(11, 22, 0.007)]
    assert server.asked == ["a,b"]


@pytest.mark.asyncio
async def test_nobody_waits_for_a_log_that_is_closed() -> None:
    log = QueryLog(Scripted(), gather=60)
    asked = asyncio.create_task(log.of("a"))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(Refusal, match="Closing"):
        await asked
