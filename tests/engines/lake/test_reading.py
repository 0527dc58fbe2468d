"""Reading Iceberg tables: types, snapshots, evolution, deletes, limits, errors, cancelling."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.table import DataScan, FileScanTask, Table
from pyiceberg.types import DoubleType, LongType, NestedField, StringType

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from engines.executions import PageUnknown
from engines.lake.database import Limits, open_cursor, open_database
from engines.lake.engine import LakeEngine
from engines.lake.iceberg_types import folded_columns
from engines.lake.queries import shown_zone
from engines.lake.reading import files_query, find_leaves
from tests.engines.lake.asking import Lake

EVERY = TableName("lake", "s", "every")


@pytest.mark.asyncio
async def test_tables_are_described_as_trinos_connector_shows_them(lake: Lake) -> None:
    table = await lake.engine.describe(EVERY)
    assert table is not None
    assert [(c.name, str(c.type)) for c in table.columns] == [
        ("id", "bigint"),
        ("flag", "boolean"),
        ("i", "integer"),
        ("r", "real"),
        ("d", "double"),
        ("dec", "decimal(38,10)"),
        ("name", "varchar"),
        ("bytes", "varbinary"),
        ("fixed", "varbinary"),
        ("day", "date"),
        ("clock", "time(6)"),
        ("ts", "timestamp(6)"),
        ("tz", "timestamp(6) with time zone"),
        ("u", "uuid"),
        ("list", "array(bigint)"),
        ("map", "map(varchar, bigint)"),
        ("row", "row(a bigint, B b varchar)"),
    ]
    assert table.comment == "all types"
    assert (table.columns[0].comment, table.columns[0].nullable) == ("number of the row", False)
    assert table.by_name["name"].native_name == "Name"
    assert await lake.engine.describe(TableName("lake", "s", "none")) is None
    assert await lake.engine.describe(TableName("lake", "none", "none")) is None
    assert [str(s) for s in await lake.engine.schemas("lake")] == ["lake.s"]


@pytest.mark.asyncio
async def test_values_of_every_type_arrive_exactly(lake: Lake) -> None:
    rows = await lake.ask("SELECT * FROM every ORDER BY id")
    assert rows[0] == [
        1,
        True,
        -5,
        0.1,
        1e22,
        "1.0000000001",
        "é'\"",
        "AA==",
        "YWI=",
        "1969-12-31",
        "01:02:03.000004",
        "0001-01-01 00:00:00.000000",
        "2020-03-08 07:30:00.000000 UTC",
        "12151fd2-7586-11e9-8f9e-2a86e4085a59",
        [1, None],
        {"k": 1, "z": None},
        [1, "x"],
    ]
    assert rows[1] == [2] + [None] * 16


@pytest.mark.asyncio
async def test_a_description_changes_with_the_columns_and_not_with_the_rows(lake: Lake, catalog: SqlCatalog) -> None:
    before = await lake.engine.describe(EVERY)
    table = catalog.load_table("s.every")
    table.append(pa.Table.from_pylist([{"id": 3}], schema=table.schema().as_arrow()))
    appended = await lake.engine.describe(EVERY)
    assert before is not None
    assert appended is not None
    assert appended.version == before.version
    with table.update_schema() as update:
        update.add_column("more", LongType())
    evolved = await lake.engine.describe(EVERY)
    assert evolved is not None
    assert evolved.version != before.version


@pytest.mark.asyncio
async def test_row_fields_arrays_and_maps_can_be_reached_into(lake: Lake) -> None:
    sql = 'SELECT "row".a, "row"."B b", list[1], map[\'k\'], cardinality(list), t.k, t.v FROM every, UNNEST(map) AS t(k, v) ORDER BY t.k'
    assert await lake.ask(sql) == [[1, "x", 1, 1, 2, "k", 1], [1, "x", 1, 1, 2, "z", None]]


@pytest.mark.asyncio
async def test_columns_are_followed_by_id_through_renames_additions_and_widening(
    lake: Lake, catalog: SqlCatalog
) -> None:
    schema = Schema(NestedField(1, "a", LongType(), required=False), NestedField(2, "b", StringType(), required=False))
    table = catalog.create_table("s.evolving", schema)
    table.append(pa.table({"a": [1], "b": ["old"]}))
    with table.update_schema() as update:
        update.rename_column("b", "c")
        update.delete_column("a")
    with table.update_schema() as update:
        update.add_column("b", DoubleType())
    table.append(pa.table({"c": pa.array(["new"]), "b": pa.array([0.5])}))
    assert await lake.ask("SELECT * FROM evolving ORDER BY c") == [["new", 0.5], ["old", None]]


@pytest.mark.asyncio
async def test_nested_columns_that_changed_are_read_by_icebergs_own_reader(lake: Lake, catalog: SqlCatalog) -> None:
    table = catalog.load_table("s.every")
    with table.update_schema() as update:
        update.rename_column(("row", "a"), "renamed")
        update.add_column(("row", "later"), LongType())
    rows = await lake.ask(
        'SELECT x."row".renamed, x."row".later, y.id FROM every x JOIN every y ON x.id = y.id ORDER BY y.id'
    )
    assert rows == [[1, None, 1], [None, None, 2]]


@pytest.mark.asyncio
async def test_an_empty_table_has_no_rows(lake: Lake, catalog: SqlCatalog) -> None:
    catalog.create_table("s.empty", Schema(NestedField(1, "a", LongType(), required=False)))
    assert await lake.ask("SELECT count(*), max(a) FROM empty") == [[0, None]]


@pytest.mark.asyncio
async def test_time_travel_reads_older_snapshots(lake: Lake, catalog: SqlCatalog) -> None:
    table = catalog.load_table("s.every")
    first = table.current_snapshot()
    assert first is not None
    await asyncio.sleep(0.05)
    table.append(pa.Table.from_pylist([{"id": 3}], schema=table.schema().as_arrow()))
    statement = await lake.prepare(f"SELECT count(*) FROM every FOR VERSION AS OF {first.snapshot_id}")
    assert (await lake.run(statement)).rows == [[2]]
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime((first.timestamp_ms + 20) / 1000))
    millis = (first.timestamp_ms + 20) % 1000
    travelled = f"SELECT count(*) FROM every FOR TIMESTAMP AS OF TIMESTAMP '{moment}.{millis:03d} UTC'"
    assert await lake.ask(travelled) == [[2]]
    assert await lake.ask("SELECT count(*) FROM every") == [[3]]
    with pytest.raises(Refusal) as refusal:
        await lake.ask("SELECT 1 FROM every FOR VERSION AS OF 99999999999")
    assert refusal.value.code is ErrorCode.INVALID_ARGUMENTS


@pytest.mark.asyncio
async def test_branches_and_tags_are_read_by_their_names(lake: Lake, catalog: SqlCatalog) -> None:
    table = catalog.load_table("s.every")
    first = table.current_snapshot()
    assert first is not None
    table.manage_snapshots().create_branch(first.snapshot_id, "dev@x'").create_tag(first.snapshot_id, "audit").commit()
    rows = pa.Table.from_pylist([{"id": 3}], schema=table.schema().as_arrow())
    table.append(rows, branch="dev@x'")
    table.append(rows)
    table.append(rows)
    counts = {"": 4, "dev@x''": 3, "audit": 2, "main": 4}
    for name, count in counts.items():
        version = f" FOR VERSION AS OF '{name}'" if name else ""
        assert await lake.ask(f"SELECT count(*) FROM every{version}") == [[count]]
    with pytest.raises(Refusal, match="Cannot find snapshot with reference name: none") as refusal:
        await lake.ask("SELECT 1 FROM every FOR VERSION AS OF 'none'")
    assert refusal.value.code is ErrorCode.INVALID_ARGUMENTS


@pytest.mark.asyncio
async def test_a_statement_keeps_the_snapshot_of_its_first_page(lake: Lake, catalog: SqlCatalog) -> None:
    schema = Schema(NestedField(1, "n", LongType(), required=False), NestedField(2, "t", StringType(), required=False))
    table = catalog.create_table("s.growing", schema)
    table.append(pa.table({"n": range(50_000), "t": ["x" * 100] * 50_000}))
    statement = await lake.prepare("SELECT n, t FROM growing")
    cursor = (await lake.engine.submit(statement, "slow")).cursor
    page = await lake.engine.page(cursor)
    table.overwrite(pa.table({"n": [1], "t": ["y"]}))
    rows = page.rows
    while page.next is not None:
        page = await lake.engine.page(page.next)
        rows += page.rows
    assert rows == 50_000


def test_rows_named_by_position_deletes_are_left_out(catalog: SqlCatalog, tmp_path: Path) -> None:
    table = catalog.load_table("s.every")
    (task,) = table.scan().plan_files()
    deletes = tmp_path / "warehouse" / "deletes.parquet"
    pq.write_table(pa.table({"file_path": [task.file.file_path], "pos": pa.array([0], pa.int64())}), deletes)
    delete_file = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES, file_path=deletes.as_uri(), file_format=FileFormat.PARQUET
    )
    scan = FileScanTask(task.file, delete_files={delete_file})
    with duckdb.connect() as connection:
        query = files_query(folded_columns(table.schema()), [scan])
        assert connection.sql(f"SELECT id FROM ({query})").fetchall() == [(2,)]


@pytest.mark.asyncio
async def test_zones_come_from_the_session_a_literal_or_the_column(lake: Lake) -> None:
    sql = (
        "SELECT tz, tz AT TIME ZONE 'America/New_York', CAST(ts AS timestamp(3) with time zone), "
        "hour(tz AT TIME ZONE '+05:30'), TIMESTAMP '2020-01-01 00:00:00 Europe/Berlin' FROM every WHERE id = 1"
    )
    rows = await lake.ask(sql.replace("ts AS", "TIMESTAMP '2020-07-01 00:00:00.5' AS"), "Asia/Kolkata")
    assert rows == [
        [
            "2020-03-08 07:30:00.000000 UTC",
            "2020-03-08 03:30:00.000000 America/New_York",
            "2020-07-01 00:00:00.500 Asia/Kolkata",
            13,
            "2020-01-01 00:00:00 Europe/Berlin",
        ]
    ]


@pytest.mark.parametrize("zone", ["Etc/UTC", "GMT", "Z", "+00:00", "Zulu", "UTC"])
def test_all_names_of_utc_are_shown_as_utc(zone: str) -> None:
    assert shown_zone(zone) == "UTC"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT 1 / (id - id) FROM every", ErrorCode.DIVISION_BY_ZERO),
        ("SELECT CAST(CAST(d AS decimal(30,2)) AS bigint) FROM every", ErrorCode.INVALID_CAST_ARGUMENT),
        ("SELECT CAST(id + 1000 AS tinyint) FROM every", ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE),
        ("SELECT (SELECT id FROM every)", ErrorCode.SUBQUERY_MULTIPLE_ROWS),
        ("SELECT list[3] FROM every WHERE id = 1", ErrorCode.INVALID_FUNCTION_ARGUMENT),
        (
            "SELECT CAST(date_add('year', 700 + id, DATE '2000-01-01') AS timestamp(9)) FROM every",
            ErrorCode.NOT_SUPPORTED,
        ),
        ("SELECT CAST(ts + INTERVAL '900' YEAR AS timestamp(9)) FROM every", ErrorCode.NOT_SUPPORTED),
    ],
)
async def test_failures_have_trinos_codes_and_quote_no_data(lake: Lake, sql: str, code: ErrorCode) -> None:
    with pytest.raises(Refusal) as refusal:
        await lake.ask(sql)
    assert refusal.value.code is code
    assert "é" not in refusal.value.text
    assert "parquet" not in refusal.value.text


@pytest.mark.asyncio
async def test_cancelling_interrupts_a_long_query_and_frees_its_thread(lake: Lake) -> None:
    numbers = "(SELECT * FROM UNNEST(sequence(1, 10000)) AS t(n))"
    heavy = f"SELECT sum(a.n * b.n % 7 + c.n) FROM {numbers} a, {numbers} b, {numbers} c"
    cursors = [(await lake.engine.submit(await lake.prepare(heavy), f"long{i}")).cursor for i in range(4)]
    polls = [asyncio.create_task(lake.engine.page(cursor)) for cursor in cursors]
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await asyncio.gather(*(lake.engine.cancel(cursor) for cursor in cursors))
    await asyncio.gather(*polls, return_exceptions=True)
    assert time.monotonic() - began < 5
    assert await lake.ask("SELECT 1") == [[1]]


@pytest.mark.asyncio
async def test_a_large_result_streams_in_bounded_memory(lake: Lake) -> None:
    numbers = "UNNEST(sequence(1, 1000))"
    sql = f"SELECT a.n, b.n, 'some text that fills the page' AS t FROM {numbers} AS a(n), {numbers} AS b(n)"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cursor: str | None = (await lake.engine.submit(await lake.prepare(sql), "large")).cursor
    rows = size = 0
    while cursor is not None:
        page = await lake.engine.page(cursor)
        rows, size, cursor = rows + page.rows, size + page.bytes, page.next
        assert page.bytes < 2_500_000
    assert rows == 1_000_000
    assert size > 40_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.asyncio
async def test_many_statements_share_few_threads(lake: Lake) -> None:
    answers = await asyncio.gather(*(lake.ask(f"SELECT {n}, count(*) FROM every") for n in range(40)))
    assert [rows[0][0] for rows in answers] == list(range(40))


@pytest.mark.asyncio
async def test_hundreds_of_statements_at_once_all_get_their_answer(lake: Lake, catalog: SqlCatalog) -> None:
    plain(catalog, [1, 2])
    statement = await lake.prepare("SELECT sum(n) FROM plain")
    answers = await asyncio.gather(*(lake.run(statement) for _ in range(600)))
    assert all(answer.rows == [[3]] for answer in answers)


@pytest.mark.asyncio
async def test_the_files_of_a_table_are_looked_up_once_until_it_changes(
    lake: Lake, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = plain(catalog, [1, 2])
    scanned: list[DataScan] = []
    plan_files = DataScan.plan_files

    def planned(scan: DataScan) -> Iterable[FileScanTask]:
        scanned.append(scan)
        return plan_files(scan)

    monkeypatch.setattr(DataScan, "plan_files", planned)
    assert [await lake.ask("SELECT count(*) FROM plain") for _ in range(3)] == [[[2]]] * 3
    assert len(scanned) == 1
    table.append(pa.table({"n": [3]}))
    assert [await lake.ask("SELECT count(*) FROM plain") for _ in range(3)] == [[[3]]] * 3
    assert len(scanned) == 2


def plain(catalog: SqlCatalog, numbers: list[int]) -> Table:
    table = catalog.create_table("s.plain", Schema(NestedField(1, "n", LongType(), required=False)))
    table.append(pa.table({"n": numbers}))
    return table


@pytest.mark.asyncio
async def test_health_says_when_the_catalog_is_away(tmp_path: Path) -> None:
    engine = LakeEngine("lake", {"lake": {"uri": f"sqlite:///{tmp_path}/no/such/catalog.db", "warehouse": "file:///x"}})
    await engine.start()
    assert not (await engine.health()).healthy
    with pytest.raises(Refusal) as refusal:
        await engine.tables("lake")
    assert refusal.value.code is ErrorCode.GENERIC_EXTERNAL
    await engine.close()


@pytest.mark.asyncio
async def test_a_table_outside_the_plan_cannot_be_read(lake: Lake) -> None:
    statement = replace(await lake.prepare("SELECT id FROM every"), tables=())
    with pytest.raises(Refusal):
        await lake.run(statement)
    with pytest.raises(PageUnknown):
        await lake.engine.page("nobody.0")


def test_duckdb_reads_only_the_warehouse_and_cannot_be_configured(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("secret")
    (tmp_path / "in").mkdir()
    database = open_database(Limits(), [f"{tmp_path}/in/"])
    cursor = open_cursor(database, "Europe/Berlin")
    for statement in (
        f"SELECT * FROM read_csv('{tmp_path}/outside.csv')",
        f"SELECT * FROM '{tmp_path}/in/../outside.csv'",
        "SET threads = 7",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        f"ATTACH '{tmp_path}/other.db'",
    ):
        with pytest.raises(duckdb.Error):
            cursor.execute(statement)
    database.close()


def test_leaves_are_found_by_the_lexer_and_only_those_of_the_plan() -> None:
    tables = [TableName("c", "s", "t"), TableName("c", "é", 'q"t')]
    sql = """SELECT '"c.s.u"', "c.s.t" FROM "c.s.t@snapshot:12", "c.é.q""t@millis:5", "c.s.x" -- "c.s.t@snapshot:9" """
    assert [leaf.identifier for leaf in find_leaves(sql, tables)] == ["c.s.t", "c.s.t@snapshot:12", 'c.é.q"t@millis:5']
