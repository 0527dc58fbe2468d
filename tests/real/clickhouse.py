"""The real ClickHouse for tests: the engine in process on one folder, and the same over HTTP in a process of its own."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from catalog.types import TrinoType
from engines.base import EngineStatement, OutputColumn
from engines.clickhouse.engine import ClickHouseEngine, embedded_engine, http_engine
from engines.clickhouse.http import HttpTarget

ROOT = Path(__file__).resolve().parents[2]
CAPABLE = frozenset({"PARAMETRIC_DATETIME"})


@functools.cache
def folder() -> Path:
    """Return the one ClickHouse folder that this process can open, removed when it ends."""
    path = Path(tempfile.mkdtemp(prefix="penstock-clickhouse-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@contextmanager
def client() -> Iterator[Client]:
    """Open the folder to make tables in it."""
    opened = clickhouse_connect.get_client(interface="chdb", path=str(folder()), settings={"session_timezone": "UTC"})
    try:
        yield opened
    finally:
        opened.close()


def run_script(statements: Iterator[str] | Sequence[str]) -> None:
    """Run statements that make tables."""
    with client() as opened:
        for statement in statements:
            if statement.strip():
                opened.command(statement)


@asynccontextmanager
async def embedded(**limits: str) -> AsyncIterator[ClickHouseEngine]:
    """Open an engine on the folder."""
    engine = embedded_engine("clickhouse", ["clickhouse"], folder(), limits=limits)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@contextmanager
def http_front(path: Path) -> Iterator[int]:
    """Serve another folder over HTTP and give the port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.real.clickhouse_http", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@asynccontextmanager
async def over_http(
    port: int, *, read_seconds: float = 60.0, catalog: str = "clickhouse"
) -> AsyncIterator[ClickHouseEngine]:
    """Open an engine on a server's HTTP interface."""
    target = HttpTarget("127.0.0.1", port, connect_seconds=2.0, read_seconds=read_seconds)
    engine = http_engine("clickhouse", [catalog], target)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """A result as a client of the protocol sees it."""

    columns: list[tuple[str, str]]
    rows: list[list[object]]
    pages: int


def statement(sql: str, *types: TrinoType, names: Sequence[str] | None = None) -> EngineStatement:
    """Make a statement with columns of these types."""
    named = names or [f"c{at}" for at in range(len(types))]
    columns = tuple(OutputColumn(name, kind) for name, kind in zip(named, types, strict=True))
    return EngineStatement(
        sql=sql, user="test", catalog=None, schema=None, time_zone="UTC", columns=columns, capabilities=CAPABLE
    )


async def ask(engine: ClickHouseEngine, asked: EngineStatement, query_id: str = "q") -> Answer:
    """Run a statement to its end. Raises Refusal."""
    cursor: str | None = (await engine.submit(asked, query_id)).cursor
    columns: list[tuple[str, str]] = []
    rows: list[list[object]] = []
    pages = 0
    while cursor is not None:
        page = await engine.page(cursor)
        pages += 1
        cursor = page.next
        if "columns" in page.members:
            columns = [(c["name"], c["type"]) for c in json.loads(page.members["columns"])]
        if "data" in page.members:
            rows += json.loads(page.members["data"])
    return Answer(columns, rows, pages)
