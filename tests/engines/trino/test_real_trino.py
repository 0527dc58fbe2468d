"""The relay on the real Trino: what comes through it is what Trino says."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from catalog.objects import SchemaName, TableName
from catalog.types import parse_type
from engines.base import EngineStatement, ResultPage
from engines.executions import PageGone, PageUnknown
from engines.trino import TrinoEngine
from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import TrinoServer, open_lake

CAPABILITIES = ("X-Trino-Client-Capabilities", "PARAMETRIC_DATETIME,SESSION_AUTHORIZATION")


@asynccontextmanager
async def relay(server: TrinoServer, compression: str = "identity") -> AsyncIterator[TrinoEngine]:
    engine = TrinoEngine("trino", server.catalogs, server.url, recover_seconds=5.0, compression=compression)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def statement(sql: str, **members: object) -> EngineStatement:
    defaults = {"user": "ann", "catalog": "tpch", "schema": "tiny", "time_zone": "UTC", "headers": (CAPABILITIES,)}
    return EngineStatement(sql=sql, **{**defaults, **members})  # type: ignore[arg-type]  # the words of a test


async def drain(engine: TrinoEngine, asked: EngineStatement) -> list[ResultPage]:
    cursor: str | None = (await engine.submit(asked, "q")).cursor
    pages = []
    while cursor:
        pages.append(await engine.page(cursor))
        cursor = pages[-1].next
    return pages


async def rows(engine: TrinoEngine, sql: str, **members: object) -> list[list[object]]:
    pages = await drain(engine, statement(sql, **members))
    assert [page.failed for page in pages if page.failed] == []
    return [row for page in pages for row in json.loads(page.members.get("data", b"[]"))]


async def first_data_page(engine: TrinoEngine, sql: str) -> tuple[str, ResultPage]:
    """Poll until a page with data comes that is not the last; return its cursor and the page."""
    cursor = (await engine.submit(statement(sql), "q")).cursor
    while True:
        page = await engine.page(cursor)
        assert page.next is not None
        if page.rows:
            return cursor, page
        cursor = page.next


def directly(server: TrinoServer, sql: str) -> list[dict[str, bytes]]:
    """Run a statement on Trino itself with a client of the standard library; return its pages' raw members."""
    headers = {"X-Trino-User": "ann", "X-Trino-Catalog": "tpch", "X-Trino-Schema": "tiny", "X-Trino-Time-Zone": "UTC"}
    request = urllib.request.Request(
        f"{server.url}/v1/statement", sql.encode(), {**headers, CAPABILITIES[0]: CAPABILITIES[1]}
    )
    pages: list[dict[str, bytes]] = []
    while True:
        with urllib.request.urlopen(request) as answer:
            members = msgspec.json.decode(answer.read(), type=dict[str, msgspec.Raw])
        pages.append({name: bytes(value) for name, value in members.items()})
        if "nextUri" not in members:
            return pages
        request = urllib.request.Request(json.loads(pages[-1]["nextUri"]))


EVERY_TYPE = """
SELECT
  true, TINYINT '-1', SMALLINT '2', 3, 9223372036854775807, REAL '1.5', DOUBLE '42', nan(), -infinity(),
  DECIMAL '123.4500', CAST('12345678901234567890.123456789' AS decimal(38,9)), 'né"\\', CAST('ab' AS char(4)),
  X'00ff', DATE '2026-03-08', TIME '01:02:03.123456', TIMESTAMP '2026-03-08 01:02:03.123456789',
  TIMESTAMP '2026-03-08 01:02:03.000 America/Los_Angeles', TIME '01:02:03 +02:00', INTERVAL '2' DAY, INTERVAL '3' MONTH,
  UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59', IPADDRESS '10.0.0.1', JSON '{"nextUri":"http://x"}',
  ARRAY[1, NULL], MAP(ARRAY['nextUri', 'data'], ARRAY['a', 'b']), ROW(1, 'x'),
  CAST(ROW(1, 2.5) AS row(a bigint, b double)), approx_set(1), NULL
"""

QUERIES = {
    "every type": EVERY_TYPE,
    "a table": "SELECT * FROM nation ORDER BY nationkey",
    "several pages": "SELECT orderkey, comment FROM orders ORDER BY orderkey, comment",
    "no rows": "SELECT * FROM nation WHERE false",
    "a map with a key nextUri on the last page": "SELECT MAP(ARRAY['nextUri'], ARRAY['http://evil/'])",
    "SHOW": "SHOW TABLES",
    "EXPLAIN": "EXPLAIN (TYPE VALIDATE) SELECT 1",
}


@pytest.mark.asyncio
@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES.keys())
async def test_data_and_columns_are_trinos_own_bytes(trino_server: TrinoServer, sql: str) -> None:
    async with relay(trino_server) as engine:
        through = await drain(engine, statement(sql))
    direct = await asyncio.to_thread(directly, trino_server, sql)
    expected = [row for page in direct for row in msgspec.json.decode(page.get("data", b"[]"), type=list[msgspec.Raw])]
    got = [
        row for page in through for row in msgspec.json.decode(page.members.get("data", b"[]"), type=list[msgspec.Raw])
    ]
    assert [bytes(row) for row in got] == [bytes(row) for row in expected]
    assert sum(page.rows for page in through) == len(expected)
    columns = {page["columns"] for page in direct if "columns" in page}
    assert {page.members["columns"] for page in through if "columns" in page.members} == columns


@pytest.mark.asyncio
@pytest.mark.parametrize("compression", ["gzip", "zstd", "gzip, zstd"])
async def test_pages_may_be_compressed_on_the_way_from_the_engine(trino_server: TrinoServer, compression: str) -> None:
    async with relay(trino_server, compression) as engine:
        got = await rows(engine, QUERIES["a table"])
    assert len(got) == 25


@pytest.mark.asyncio
async def test_a_single_row_of_twenty_megabytes_comes_whole(trino_server: TrinoServer) -> None:
    sql = "SELECT array_agg(lpad('', 1000000, 'ab')) FROM UNNEST(sequence(1, 20))"
    async with relay(trino_server) as engine:
        got = await rows(engine, sql)
    assert got == [[["ab" * 500_000] * 20]]


@pytest.mark.asyncio
async def test_the_engine_sees_the_session_not_the_gateway(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        told = await rows(
            engine,
            "SELECT current_user, current_timezone(), current_catalog, current_schema",
            user="bob",
            time_zone="Asia/Kathmandu",
            schema="sf1",
        )
        properties = {"query_max_planning_time": "7m"}
        shown = await rows(engine, "SHOW SESSION LIKE 'query_max_planning_time'", session_properties=properties)
    assert told == [["bob", "Asia/Kathmandu", "tpch", "sf1"]]
    assert shown[0][1] == "7m"


@pytest.mark.asyncio
async def test_without_the_capability_datetimes_are_cut_by_the_engine(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        got = await rows(engine, "SELECT TIMESTAMP '2026-01-01 00:00:00.123456'", headers=())
    assert got == [["2026-01-01 00:00:00.123"]]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "headers"),
    [
        ("USE tpch.sf1", (("X-Trino-Set-Catalog", "tpch"), ("X-Trino-Set-Schema", "sf1"))),
        ("SET SESSION query_max_run_time = '5m'", (("X-Trino-Set-Session", "query_max_run_time=5m"),)),
        ("RESET SESSION query_max_run_time", (("X-Trino-Clear-Session", "query_max_run_time"),)),
        ("PREPARE s FROM SELECT 1", ()),
    ],
)
async def test_session_effects_come_back_filtered(
    trino_server: TrinoServer, sql: str, headers: tuple[tuple[str, str], ...]
) -> None:
    async with relay(trino_server) as engine:
        pages = await drain(engine, statement(sql))
    told = {tuple(page.headers) for page in pages if page.headers}  # Trino says it again on every page that follows
    assert told == ({headers} if headers else set())


@pytest.mark.asyncio
async def test_a_user_error_is_relayed_with_code_and_place(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        last = (await drain(engine, statement("SELECT nope FROM nation")))[-1]
    assert last.failed == "COLUMN_NOT_FOUND"
    assert json.loads(last.members["error"])["errorLocation"] == {"lineNumber": 1, "columnNumber": 8}


LONG = "SELECT a.* FROM tpch.sf1.lineitem a, tpch.tiny.nation"


@pytest.mark.asyncio
async def test_a_page_asked_for_twice_is_the_same_and_older_ones_are_gone(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine, relay(trino_server) as another_replica:
        cursor, page = await first_data_page(engine, LONG)
        again = await another_replica.page(cursor)
        assert again.members["data"] == page.members["data"]
        assert again.next == page.next
        assert page.next is not None
        await another_replica.page(page.next)
        later = (await engine.page(page.next)).next
        assert later is not None
        with pytest.raises(PageGone):
            await engine.page(cursor)
        with pytest.raises(PageUnknown):
            await engine.page(later.rpartition("/")[0] + "/9999")
        await engine.cancel(cursor)


@pytest.mark.asyncio
async def test_a_heartbeat_moves_nothing(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        cursor, page = await first_data_page(engine, LONG)
        assert page.next is not None
        for _ in range(5):
            assert await engine.heartbeat(page.next)
        assert (await engine.page(cursor)).members["data"] == page.members["data"]
        await engine.cancel(cursor)


@pytest.mark.asyncio
async def test_a_query_nobody_knows_is_unknown(trino_server: TrinoServer) -> None:
    cursor = "/v1/statement/executing/20200101_000000_00000_aaaaa/yaaaaaaaaaa/0"
    async with relay(trino_server) as engine:
        with pytest.raises(PageUnknown):
            await engine.page(cursor)
        assert not await engine.heartbeat(cursor)
        await engine.cancel(cursor)


@pytest.mark.asyncio
async def test_a_cancelled_query_ends_on_the_engine(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        submission = await engine.submit(statement(LONG), "q")
        following: str | None = submission.cursor
        while following and not (page := await engine.page(following)).rows:
            following = page.next
        assert following is not None
        await engine.cancel(following)
        await engine.cancel(following)
        sql = f"SELECT state, error_code FROM system.runtime.queries WHERE query_id = '{submission.query_id}'"
        assert await rows(engine, sql) == [["FAILED", "USER_CANCELED"]]


@pytest.mark.asyncio
async def test_a_partial_cancel_ends_the_query_early_but_well(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        _, last = await first_data_page(engine, "SELECT * FROM tpch.sf10.lineitem")
        assert last.partial_cancel is not None
        await engine.cancel(last.partial_cancel)
        total = last.rows
        while last.next:
            last = await engine.page(last.next)
            total += last.rows
    assert (last.failed, last.state) == (None, "FINISHED")
    assert 0 < total < 50_000_000


@pytest.mark.asyncio
async def test_an_update_tells_its_kind_and_count(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        pages = await drain(engine, statement("CREATE TABLE memory.default.counted AS SELECT * FROM nation"))
        await drain(engine, statement("DROP TABLE memory.default.counted"))
    assert pages[-1].members["updateType"] == b'"CREATE TABLE"'
    assert pages[-1].members["updateCount"] == b"25"


@pytest.mark.asyncio
async def test_transactions_are_known_to_be_possible(trino_server: TrinoServer) -> None:
    headers = (CAPABILITIES, ("X-Trino-Transaction-Id", "NONE"))
    async with relay(trino_server) as engine:
        pages = await drain(engine, statement("START TRANSACTION", headers=headers))
    (header,) = {header for page in pages for header in page.headers}  # each page after it began may say so
    assert header[0] == "X-Trino-Started-Transaction-Id"


@pytest.mark.asyncio
async def test_health(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        assert (await engine.health()).healthy


@pytest.mark.asyncio
async def test_the_catalog_is_read_as_trino_describes_it(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        assert SchemaName("tpch", "tiny") in await engine.schemas("tpch")
        found = {table.name: table for table in await engine.tables("tpch")}
        alone = await engine.describe(TableName("tpch", "tiny", "orders"))
        assert await engine.describe(TableName("tpch", "tiny", "nope")) is None
    orders = found[TableName("tpch", "tiny", "orders")]
    assert len(found) == 72
    assert alone == orders
    assert [(c.name, str(c.type)) for c in orders.columns][:5] == [
        ("orderkey", "bigint"),
        ("custkey", "bigint"),
        ("orderstatus", "varchar(1)"),
        ("totalprice", "double"),
        ("orderdate", "date"),
    ]


@pytest.mark.asyncio
async def test_a_view_is_read_with_its_body(trino_server: TrinoServer) -> None:
    async with relay(trino_server) as engine:
        await drain(engine, statement("CREATE OR REPLACE VIEW memory.default.v AS SELECT name FROM tpch.tiny.nation"))
        view = await engine.describe(TableName("memory", "default", "v"))
        listed = {table.name: table for table in await engine.tables("memory")}
        await drain(engine, statement("DROP VIEW memory.default.v"))
    assert view is not None
    assert view.kind == "view"
    assert view.view is not None
    assert view.view.sql.split() == ["SELECT", "name", "FROM", "tpch.tiny.nation"]
    assert listed[view.name] == view


TYPES = [
    "boolean", "integer", "bigint", "real", "double", "decimal(9,2)", "varchar", "varbinary", "date", "time(6)",
    "timestamp(6)", "timestamp(6) with time zone", "uuid", "array(bigint)", "map(varchar, double)",
    'row(a bigint, "B c" varchar)', "array(row(x timestamp(6), y decimal(38,10)))",
]  # fmt: skip


@pytest.mark.asyncio
async def test_every_type_of_a_lake_table_is_understood(trino_server: TrinoServer) -> None:
    described = ", ".join(f"c{n} {kind}" for n, kind in enumerate(TYPES))
    async with relay(trino_server) as engine:
        await rows(engine, "CREATE SCHEMA IF NOT EXISTS iceberg.relay")
        await rows(engine, f"CREATE TABLE iceberg.relay.types ({described})")
        table = await engine.describe(TableName("iceberg", "relay", "types"))
        await rows(engine, "DROP TABLE iceberg.relay.types")
    assert table is not None
    assert [column.type for column in table.columns] == [parse_type(kind) for kind in TYPES]


@pytest.mark.asyncio
async def test_trino_and_pyiceberg_share_one_lake(
    trino_server: TrinoServer, postgres_server: PostgresServer, trino_warehouse: Path
) -> None:
    lake = open_lake(postgres_server, trino_warehouse)
    lake.create_namespace_if_not_exists("shared")
    data = pa.table({"a": pa.array([1, 2], pa.int64()), "b": ["x", "y"]})
    lake.create_table("shared.ours", data.schema).append(data)
    async with relay(trino_server) as engine:
        table = await engine.describe(TableName("iceberg", "shared", "ours"))
        assert table is not None
        assert [(column.name, str(column.type)) for column in table.columns] == [("a", "bigint"), ("b", "varchar")]
        assert await rows(engine, "SELECT * FROM iceberg.shared.ours ORDER BY a") == [[1, "x"], [2, "y"]]
        await rows(engine, "CREATE TABLE iceberg.shared.theirs AS SELECT nationkey FROM nation")
        assert lake.load_table("shared.theirs").scan().to_arrow().num_rows == 25
        await rows(engine, "DROP TABLE iceberg.shared.theirs")
    lake.drop_table("shared.ours")
    lake.engine.dispose()
