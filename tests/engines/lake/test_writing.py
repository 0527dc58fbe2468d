"""Statements that change the lake: one atomic commit each, counted as Trino counts, right under concurrency."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Transaction
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, SchemaName, TableName
from catalog.types import parse_type
from engines.base import Write
from tests.engines.lake.asking import Answer, Lake

EVERY = TableName("lake", "s", "every")
NEW = TableName("lake", "s", "new")


def columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, parse_type(type_)) for name, type_ in types.items())


async def create(lake: Lake, rows: int = 10) -> None:
    """Make `new(a, b)` with numbered rows."""
    query = (await lake.prepare(f"SELECT n, CAST(n % 3 AS varchar) FROM UNNEST(sequence(1, {rows})) AS t(n)")).sql
    await lake.write(Write("create table as", NEW, columns(a="bigint", b="varchar"), query=query))


async def refused(lake: Lake, write: Write) -> ErrorCode:
    with pytest.raises(Refusal) as refusal:
        await lake.write(write)
    return refusal.value.code


def is_count(answer: Answer, count: int) -> bool:
    return answer.columns == [("rows", "bigint")] and answer.rows == [[count]] and answer.update_count == count


@pytest.mark.asyncio
async def test_a_table_is_created_with_icebergs_types_and_comments(lake: Lake, catalog: SqlCatalog) -> None:
    wanted = (
        Column("a", parse_type("bigint"), "first", nullable=False),
        *columns(
            b="timestamp(3)", c="tinyint", d="char(3)", e="row(x bigint, y array(varchar))", f="map(varchar, double)"
        ),
    )
    answer = await lake.write(Write("create table", NEW, wanted))
    assert (answer.columns, answer.rows, answer.update_count) == ([], [], None)
    described = await lake.engine.describe(NEW)
    assert described is not None
    assert [str(c.type) for c in described.columns] == [
        "bigint",
        "timestamp(6)",
        "integer",
        "varchar",
        "row(x bigint, y array(varchar))",
        "map(varchar, double)",
    ]
    assert (described.columns[0].comment, described.columns[0].nullable) == ("first", False)
    assert catalog.load_table("s.new").metadata.format_version == 2
    assert await refused(lake, Write("create table", NEW, wanted)) is ErrorCode.TABLE_ALREADY_EXISTS
    await lake.write(Write("create table", NEW, wanted, tolerate=True))
    elsewhere = Write("create table", TableName("lake", "none", "t"), wanted)
    assert await refused(lake, elsewhere) is ErrorCode.SCHEMA_NOT_FOUND
    json = Write("create table", TableName("lake", "s", "j"), columns(a="json"))
    assert await refused(lake, json) is ErrorCode.NOT_SUPPORTED


@pytest.mark.asyncio
async def test_create_table_as_writes_every_type_in_one_snapshot(lake: Lake, catalog: SqlCatalog) -> None:
    source = await lake.engine.describe(EVERY)
    assert source is not None
    query = (await lake.prepare("SELECT * FROM every")).sql
    answer = await lake.write(Write("create table as", NEW, source.columns, query=query))
    assert is_count(answer, 2)
    assert await lake.ask("SELECT * FROM new ORDER BY id") == await lake.ask("SELECT * FROM every ORDER BY id")
    assert len(catalog.load_table("s.new").snapshots()) == 1
    again = Write("create table as", NEW, source.columns, query=query)
    assert await refused(lake, again) is ErrorCode.TABLE_ALREADY_EXISTS
    assert is_count(await lake.write(Write("create table as", NEW, source.columns, query=query, tolerate=True)), 0)


@pytest.mark.asyncio
async def test_create_table_as_without_data_or_with_a_failing_query_leaves_no_rows_and_no_table(
    lake: Lake, catalog: SqlCatalog
) -> None:
    query = (await lake.prepare("SELECT id FROM every")).sql
    await lake.write(Write("create table as", NEW, columns(id="bigint"), query=query, with_data=False))
    assert await lake.ask("SELECT count(*) FROM new") == [[0]]
    failing = (await lake.prepare("SELECT 1 / (id - 2) FROM every")).sql
    other = TableName("lake", "s", "other")
    assert (
        await refused(lake, Write("create table as", other, columns(x="bigint"), query=failing))
        is ErrorCode.DIVISION_BY_ZERO
    )
    assert not catalog.table_exists("s.other")


@pytest.mark.asyncio
async def test_inserts_fill_the_columns_named_and_leave_the_others_null(lake: Lake) -> None:
    await create(lake, 2)
    query = (await lake.prepare("SELECT 'x', 7")).sql
    chosen = (Column("b", parse_type("varchar")), Column("a", parse_type("bigint")))
    assert is_count(await lake.write(Write("insert", NEW, chosen, query=query)), 1)
    only_b = (await lake.prepare("SELECT 'y' UNION ALL SELECT 'z'")).sql
    assert is_count(await lake.write(Write("insert", NEW, chosen[:1], query=only_b)), 2)
    nothing = (await lake.prepare("SELECT 'y' WHERE false")).sql
    assert is_count(await lake.write(Write("insert", NEW, chosen[:1], query=nothing)), 0)
    rows = await lake.ask("SELECT a, b FROM new ORDER BY a, b")
    assert rows == [[1, "1"], [2, "2"], [7, "x"], [None, "y"], [None, "z"]]


@pytest.mark.asyncio
async def test_null_in_a_column_that_must_have_a_value_is_refused(lake: Lake) -> None:
    query = (await lake.prepare("SELECT 'x'")).sql
    write = Write("insert", EVERY, columns(name="varchar"), query=query)
    assert await refused(lake, write) is ErrorCode.CONSTRAINT_VIOLATION
    assert await lake.ask("SELECT count(*) FROM every") == [[2]]


@pytest.mark.asyncio
async def test_a_table_can_be_inserted_into_from_itself(lake: Lake) -> None:
    await create(lake, 3)
    query = (await lake.prepare("SELECT a + 3, b FROM new")).sql
    assert is_count(await lake.write(Write("insert", NEW, columns(a="bigint", b="varchar"), query=query)), 3)
    assert await lake.ask("SELECT max(a), count(*) FROM new") == [[6, 6]]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("predicate", "deleted", "left"),
    [
        ('"new"."a" > 5', 5, [1, 2, 3, 4, 5]),
        ('"new"."b" = \'1\'', 4, [2, 3, 5, 6, 8, 9]),
        ('"new"."a" > 100', 0, list(range(1, 11))),
        ('CAST(NULL AS BOOLEAN) OR "new"."a" = 1', 1, list(range(2, 11))),
        (None, 10, []),
    ],
)
async def test_deletes_take_exactly_the_rows_for_which_the_condition_is_true(
    lake: Lake, predicate: str | None, deleted: int, left: list[int]
) -> None:
    await create(lake)
    assert is_count(await lake.write(Write("delete", NEW, predicate=predicate)), deleted)
    assert await lake.ask("SELECT a FROM new ORDER BY a") == [[a] for a in left]


@pytest.mark.asyncio
async def test_conditions_may_read_other_tables_and_the_same_one(lake: Lake) -> None:
    await create(lake)
    predicate = '"new"."a" IN (SELECT r."id" FROM "lake.s.every" AS r) OR "new"."a" = (SELECT max(r."a") FROM "lake.s.new" AS r)'
    assert is_count(await lake.write(Write("delete", NEW, predicate=predicate)), 3)
    assert await lake.ask("SELECT min(a), max(a) FROM new") == [[3, 9]]


@pytest.mark.asyncio
async def test_updates_change_only_what_they_name_and_read_old_values(lake: Lake) -> None:
    await create(lake)
    write = Write(
        "update",
        NEW,
        predicate='"new"."a" <= 2',
        assignments=(("a", '"new"."a" * 100'), ("b", 'CAST("new"."a" AS VARCHAR)')),
    )
    assert is_count(await lake.write(write), 2)
    rows = await lake.ask("SELECT a, b FROM new WHERE a > 10 OR a < 4 ORDER BY a")
    assert rows == [[3, "0"], [100, "1"], [200, "2"]]
    assert await lake.ask("SELECT count(*) FROM new") == [[10]]


@pytest.mark.asyncio
async def test_updates_keep_every_type_exact(lake: Lake, catalog: SqlCatalog) -> None:
    plain = catalog.load_table("s.every")
    with plain.update_schema() as update:
        update.delete_column("row")
    with pytest.raises(Refusal):
        await lake.write(Write("update", EVERY, predicate='"every"."id" = 2', assignments=(("i", "7"),)))
    source = await lake.engine.describe(EVERY)
    assert source is not None
    query = (await lake.prepare("SELECT * FROM every")).sql
    await lake.write(Write("create table as", NEW, source.columns, query=query))
    before = await lake.ask("SELECT * FROM new WHERE id = 1")
    assert is_count(await lake.write(Write("update", NEW, predicate='"new"."id" = 2', assignments=(("i", "7"),))), 1)
    assert await lake.ask("SELECT * FROM new WHERE id = 1") == before
    assert await lake.ask("SELECT i, d FROM new WHERE id = 2") == [[7, None]]


@pytest.mark.asyncio
async def test_rows_of_partitioned_tables_go_to_their_partitions_and_only_touched_files_are_written_anew(
    lake: Lake, catalog: SqlCatalog
) -> None:
    schema = Schema(NestedField(1, "k", StringType(), required=False), NestedField(2, "n", LongType(), required=False))
    spec = PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "k"))
    table = catalog.create_table("s.parts", schema, partition_spec=spec)
    query = (await lake.prepare("SELECT CAST(n % 3 AS varchar), n FROM UNNEST(sequence(1, 9)) AS t(n)")).sql
    name = TableName("lake", "s", "parts")
    assert is_count(await lake.write(Write("insert", name, columns(k="varchar", n="bigint"), query=query)), 9)
    files = {task.file.file_path for task in table.refresh().scan().plan_files()}
    assert len(files) == 3
    assert is_count(await lake.write(Write("delete", name, predicate='"parts"."n" = 4')), 1)
    after = {task.file.file_path for task in table.refresh().scan().plan_files()}
    assert len(files & after) == 2
    assert await lake.ask("SELECT k, sum(n) FROM parts GROUP BY k ORDER BY k") == [["0", 18], ["1", 8], ["2", 15]]


@pytest.mark.asyncio
async def test_concurrent_inserts_all_arrive(lake: Lake) -> None:
    await create(lake, 1)
    queries = [(await lake.prepare(f"SELECT {n}, 'w'")).sql for n in range(100, 108)]
    writes = [Write("insert", NEW, columns(a="bigint", b="varchar"), query=query) for query in queries]
    answers = await asyncio.gather(*(lake.write(write) for write in writes), return_exceptions=True)
    arrived = sum(1 for answer in answers if isinstance(answer, Answer))
    conflicts = [answer for answer in answers if isinstance(answer, Refusal)]
    assert all(conflict.code is ErrorCode.TRANSACTION_CONFLICT for conflict in conflicts)
    assert await lake.ask("SELECT count(*) FROM new") == [[1 + arrived]]
    assert arrived >= 4


@pytest.mark.asyncio
async def test_concurrent_updates_of_one_file_are_never_lost(lake: Lake) -> None:
    await create(lake, 8)
    writes = [Write("update", NEW, predicate=f'"new"."a" = {n}', assignments=(("b", "'done'"),)) for n in range(1, 9)]
    answers = await asyncio.gather(*(lake.write(write) for write in writes), return_exceptions=True)
    arrived = sum(1 for answer in answers if isinstance(answer, Answer))
    assert all(
        isinstance(a, Answer) or (isinstance(a, Refusal) and a.code is ErrorCode.TRANSACTION_CONFLICT) for a in answers
    )
    assert arrived >= 1
    assert await lake.ask("SELECT count(*), count_if(b = 'done') FROM new") == [[8, arrived]]


@pytest.mark.asyncio
async def test_a_lasting_conflict_is_a_transaction_conflict_and_leaves_no_files(
    lake: Lake, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await create(lake)
    data = tmp_path / "warehouse" / "s" / "new" / "data"
    before = set(data.iterdir())

    def conflicting(self: Transaction) -> None:
        raise CommitFailedException("another commit was first")

    monkeypatch.setattr(Transaction, "commit_transaction", conflicting)
    write = Write("update", NEW, predicate='"new"."a" = 1', assignments=(("a", "5"),))
    assert await refused(lake, write) is ErrorCode.TRANSACTION_CONFLICT
    monkeypatch.undo()
    assert set(data.iterdir()) == before
    assert await lake.ask("SELECT count(*) FROM new WHERE a = 1") == [[1]]


@pytest.mark.asyncio
async def test_dropping_a_table_removes_it_and_its_files(lake: Lake, tmp_path: Path) -> None:
    await create(lake)
    await lake.write(Write("drop table", NEW))
    assert await lake.engine.describe(NEW) is None
    assert not list((tmp_path / "warehouse" / "s" / "new").rglob("*.parquet"))
    assert await refused(lake, Write("drop table", NEW)) is ErrorCode.TABLE_NOT_FOUND
    await lake.write(Write("drop table", NEW, tolerate=True))


@pytest.mark.asyncio
async def test_schemas_are_created_and_dropped_when_empty_or_with_their_tables(lake: Lake) -> None:
    made = SchemaName("lake", "made")
    await lake.write(Write("create schema", made))
    assert made in await lake.engine.schemas("lake")
    assert await refused(lake, Write("create schema", made)) is ErrorCode.SCHEMA_ALREADY_EXISTS
    await lake.write(Write("create schema", made, tolerate=True))
    await lake.write(Write("create table", TableName("lake", "made", "t"), columns(a="bigint")))
    assert await refused(lake, Write("drop schema", made)) is ErrorCode.SCHEMA_NOT_EMPTY
    await lake.write(Write("drop schema", made, cascade=True))
    assert await refused(lake, Write("drop schema", made)) is ErrorCode.SCHEMA_NOT_FOUND
    await lake.write(Write("drop schema", made, tolerate=True))


def test_the_tables_of_another_writer_are_seen_at_once(catalog: SqlCatalog) -> None:
    assert catalog.load_table("s.every").scan().to_arrow().num_rows == 2
    assert pa.types.is_int64(catalog.load_table("s.every").scan().to_arrow().schema.field("id").type)
