"""A view's owner is as whom the real Trino reads what the view reads, and nobody where Trino does not tell."""

from __future__ import annotations

import asyncio
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest
import trino

from catalog.objects import Table, TableName, View
from engines.base import EngineStatement, ResultPage, Submission
from engines.reads import Unanswered
from engines.trino import TrinoEngine, owners
from engines.trino.attest import info_path
from engines.trino.owners import Owners
from gateway.demo.trino_server import TrinoServer


class Counting(TrinoEngine):
    """An engine that keeps the questions that it was asked, and gives no page of some."""

    def __init__(self, server: TrinoServer) -> None:
        super().__init__("trino", ("memory", "iceberg"), server.url)
        self.asked: list[str] = []
        self.slow_at = ""
        self._slow: set[str] = set()

    async def submit(self, statement: EngineStatement, query_id: str) -> Submission:
        self.asked.append(statement.sql)
        submission = await super().submit(statement, query_id)
        if self.slow_at and self.slow_at in statement.sql:
            self._slow.add(submission.query_id or "")
        return submission

    async def page(self, cursor: str) -> ResultPage:
        if any(query_id in cursor for query_id in self._slow):
            await asyncio.Event().wait()
        return await super().page(cursor)


@asynccontextmanager
async def cluster(server: TrinoServer) -> AsyncIterator[tuple[Counting, Owners]]:
    """Offer the cluster, and one who asks it about owners."""
    engine = Counting(server)
    try:
        yield engine, Owners(engine, "penstock", information(server))
    finally:
        await engine.close()


def information(server: TrinoServer, change: Callable[[bytes], bytes] = lambda body: body) -> owners.InfoOf:
    async def ask(query_id: str) -> bytes:
        request = urllib.request.Request(server.url + info_path(query_id), headers={"X-Trino-User": "penstock"})
        return change(await asyncio.to_thread(lambda: urllib.request.urlopen(request).read()))

    return ask


def run(server: TrinoServer, user: str, *statements: str) -> None:
    with closing(trino.dbapi.connect(host=server.host, port=server.port, user=user)) as connection:
        for statement in statements:
            connection.cursor().execute(statement).fetchall()


def views(home: str, *names: str) -> list[Table]:
    """Return views as they are described before their owners are asked for."""
    return [
        Table(TableName(*home.split("."), name), (), "trino", "view", "1", view=View("", None, None)) for name in names
    ]


def told(tables: Sequence[Table]) -> dict[str, str | None]:
    return {table.name.table: table.view.owner for table in tables if table.view is not None}


@pytest.fixture(params=["memory", "iceberg"])
def home(request: pytest.FixtureRequest, trino_server: TrinoServer) -> Iterator[str]:
    """Make a schema with a table, in catalogs that keep views in different ways."""
    yield from schema(request.param, trino_server)


@pytest.fixture
def memory(trino_server: TrinoServer) -> Iterator[str]:
    yield from schema("memory", trino_server)


def schema(catalog: str, server: TrinoServer) -> Iterator[str]:
    name = f"{catalog}.owners_{uuid.uuid4().hex[:8]}"
    run(server, "admin", f"CREATE SCHEMA {name}", f"CREATE TABLE {name}.b AS SELECT 1 AS x, 2 AS y")
    yield name
    run(server, "admin", f"DROP SCHEMA {name} CASCADE")


@pytest.mark.asyncio
async def test_a_views_owner_is_as_whom_trino_reads_for_it(trino_server: TrinoServer, home: str) -> None:
    run(
        trino_server,
        "olga",
        f"CREATE VIEW {home}.plain AS SELECT x FROM {home}.b",
        f"CREATE VIEW {home}.asking SECURITY INVOKER AS SELECT x FROM {home}.b",
        f"CREATE VIEW {home}.nothing AS SELECT 1 AS x",
    )
    run(trino_server, "paul", f"CREATE VIEW {home}.above AS SELECT p.x FROM {home}.plain p, {home}.asking a")
    run(trino_server, "penstock", f"CREATE VIEW {home}.own AS SELECT x FROM {home}.b")
    expected = {"plain": "olga", "above": "paul", "asking": None, "nothing": None, "own": None}
    async with cluster(trino_server) as (engine, asking):
        assert told(await asking.of_catalog("any", views(home, *expected))) == expected
        assert len(engine.asked) == 1
        described = await engine.describe(TableName(*home.split("."), "above"))
        assert described is not None
        assert told([described]) == {"above": "paul"}


@pytest.mark.asyncio
async def test_another_owner_of_the_same_text_is_noticed_and_makes_another_version(
    trino_server: TrinoServer, home: str
) -> None:
    text = f"{home}.v AS SELECT x FROM {home}.b"
    async with cluster(trino_server) as (_, asking):
        run(trino_server, "olga", f"CREATE VIEW {text}")
        (before,) = await asking.of_catalog("any", views(home, "v"))
        run(trino_server, "eve", f"CREATE OR REPLACE VIEW {text}")
        (after,) = await asking.of_catalog("any", views(home, "v"))
        assert told([before, after]) == {"v": "eve"}
        assert before.version != after.version
        invoker = text.replace("AS", "SECURITY INVOKER AS", 1)
        run(trino_server, "eve", f"DROP VIEW {home}.v", f"CREATE VIEW {invoker}")
        assert await asking.of_catalog("any", views(home, "v")) == views(home, "v")


@pytest.mark.asyncio
async def test_views_that_cannot_be_read_keep_no_other_from_being_told_and_cost_little(
    trino_server: TrinoServer, memory: str
) -> None:
    names = [f"v{n}" for n in range(6)]
    run(trino_server, "admin", f"CREATE TABLE {memory}.gone AS SELECT 1 AS x")
    run(trino_server, "olga", *(f"CREATE VIEW {memory}.{name} AS SELECT x FROM {memory}.b" for name in names))
    run(trino_server, "olga", f"CREATE VIEW {memory}.stale AS SELECT x FROM {memory}.gone")
    run(trino_server, "admin", f"DROP TABLE {memory}.gone")
    async with cluster(trino_server) as (engine, asking):
        every = views(memory, *names, "stale")
        found = told(await asking.of_catalog("memory", every))
        assert found == {**dict.fromkeys(names, "olga"), "stale": None}
        engine.asked.clear()
        assert told(await asking.of_catalog("memory", every)) == found
        assert len(engine.asked) == 2, "one for those that are told, one for the one that fails"
        run(trino_server, "admin", f"CREATE TABLE {memory}.gone AS SELECT 1 AS x")
        assert told(await asking.of_catalog("memory", every))["stale"] == "olga"
        run(trino_server, "admin", f"DROP TABLE {memory}.gone")
        assert told(await asking.of_catalog("memory", every))["stale"] == "olga", (
            "that it fails is no news of its owner"
        )


@pytest.mark.asyncio
async def test_a_round_asks_the_new_views_and_those_asked_longest_ago(
    trino_server: TrinoServer, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "AT_ONCE", 4)
    monkeypatch.setattr(owners, "AGAIN", 3)
    names = [f"v{n}" for n in range(6)]
    run(trino_server, "olga", *(f"CREATE VIEW {memory}.{name} AS SELECT x FROM {memory}.b" for name in names))
    async with cluster(trino_server) as (engine, asking):
        for _ in range(3):
            assert told(await asking.of_catalog("memory", views(memory, *names))) == dict.fromkeys(names, "olga")
    asked = [[name for name in names if f'"{name}"' in text] for text in engine.asked]
    assert asked == [names[:4], names[4:], names[:3], names[3:]]


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_view_that_takes_too_long_is_ended_and_the_others_are_told(
    trino_server: TrinoServer, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "_SECONDS", 5.0)
    monkeypatch.setattr(owners, "_FEW", 1)
    run(trino_server, "olga", *(f"CREATE VIEW {memory}.{name} AS SELECT x FROM {memory}.b" for name in ("slow", "v")))
    async with cluster(trino_server) as (engine, asking):
        engine.slow_at = '"slow"'
        assert told(await asking.of_catalog("memory", views(memory, "slow", "v"))) == {"slow": None, "v": "olga"}
    catalog, _, schema_name = memory.partition(".")
    left = f"""SELECT query FROM system.runtime.queries WHERE "user" = 'penstock' AND state NOT IN ('FINISHED', 'FAILED')
        AND query LIKE '%"{catalog}"."{schema_name}"."slow"%'"""
    with closing(trino.dbapi.connect(host=trino_server.host, port=trino_server.port, user="admin")) as connection:
        assert connection.cursor().execute(left).fetchall() == []


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["refused", "cut", "another's"])
async def test_without_the_information_the_owner_stays_as_it_was_last_told(
    trino_server: TrinoServer, memory: str, fault: str
) -> None:
    run(trino_server, "olga", f"CREATE VIEW {memory}.v AS SELECT x FROM {memory}.b")
    broken = False

    def change(body: bytes) -> bytes:
        if not broken:
            return body
        if fault == "refused":
            raise Unanswered("status 403")
        return body[: len(body) // 2] if fault == "cut" else body.replace(b'"queryId":"2', b'"queryId":"1', 1)

    bare = views(memory, "v")
    async with cluster(trino_server) as (engine, _):
        known, never = (Owners(engine, "penstock", information(trino_server, change)) for _ in range(2))
        described = await known.of_catalog("memory", bare)
        assert told(described) == {"v": "olga"}
        broken = True
        assert await known.of_catalog("memory", bare) == described
        assert [await known.of_table(bare[0])] == described
        other_text = replace(bare[0], version="2")
        assert await known.of_table(other_text) == other_text
        assert await never.of_catalog("memory", bare) == bare
        broken = False
        assert await never.of_catalog("memory", bare) == described


@pytest.mark.asyncio
async def test_a_view_that_went_and_came_again_is_asked_anew(trino_server: TrinoServer, memory: str) -> None:
    text = f"{memory}.v AS SELECT x FROM {memory}.b"
    async with cluster(trino_server) as (_, asking):
        run(trino_server, "olga", f"CREATE VIEW {text}")
        assert told(await asking.of_catalog("memory", views(memory, "v"))) == {"v": "olga"}
        assert await asking.of_catalog("memory", []) == []
        run(trino_server, "eve", f"DROP VIEW {memory}.v", f"CREATE VIEW {text}")
        assert told([await asking.of_table(*views(memory, "v"))]) == {"v": "eve"}
