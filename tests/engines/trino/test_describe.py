"""Reading a Trino catalog through its own SQL, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from catalog.types import parse_type
from engines.trino import TrinoEngine
from tests.engines.trino.upstream import Reply, Upstream, page, reply, scripted

Rows = Sequence[Sequence[object]]


def answers(rows: Rows, per_page: int = 20_000) -> Iterator[Reply]:
    """Answer one statement: the POST, then its rows."""
    yield reply(page(0))
    starts = range(0, max(len(rows), 1), per_page)
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        yield reply(page(None if last else number + 1, data=list(rows[start : start + per_page])))


def columns(
    schema: str, table: str, *described: tuple[str, str], nullable: str = "YES", comment: str | None = None
) -> Rows:
    return [[schema, table, name, kind, nullable, number, comment] for number, (name, kind) in enumerate(described, 1)]


def no_owners(views: Rows) -> Iterator[Reply]:
    """Answer the question for the owners of views, where there are any, and keep the information about it back."""
    if any(not materialized for *_, materialized in views):
        yield from (*answers([]), reply(b"", "403 Forbidden"))


@asynccontextmanager
async def catalog(*statements: Rows, views: Rows = ()) -> AsyncIterator[tuple[TrinoEngine, Upstream]]:
    told = (answer for rows in statements for answer in answers(rows))
    async with scripted([*told, *no_owners(views)]) as upstream:
        engine = TrinoEngine("main", ("lake",), upstream.url, user="reader", recover_seconds=0.2)
        try:
            yield engine, upstream
        finally:
            await engine.close()


async def tables(view_rows: Rows, column_rows: Rows, comments: Rows = ()) -> dict[str, Table]:
    async with catalog(view_rows, comments, column_rows, views=view_rows) as (engine, _):
        return {str(table.name): table for table in await engine.tables("lake")}


@pytest.mark.asyncio
async def test_columns_keep_their_order_types_and_nullability() -> None:
    rows = columns("s", "t", ("b", "decimal(9,2)"), ("a", "row(x bigint, y varchar(3))"), nullable="NO")
    found = await tables([], [*reversed(rows)])
    assert [(c.name, c.type, c.nullable) for c in found["lake.s.t"].columns] == [
        ("b", parse_type("decimal(9,2)"), False),
        ("a", parse_type("row(x bigint, y varchar(3))"), False),
    ]
    assert (found["lake.s.t"].engine, found["lake.s.t"].kind) == ("main", "table")


@pytest.mark.asyncio
async def test_tables_and_columns_carry_their_comments() -> None:
    rows = columns("s", "t", ("a", "integer"), comment="one")
    found = await tables([], rows, [["s", "t", "about it"]])
    assert (found["lake.s.t"].comment, found["lake.s.t"].columns[0].comment) == ("about it", "one")
    assert found["lake.s.t"].version != (await tables([], rows))["lake.s.t"].version


@pytest.mark.asyncio
async def test_a_cluster_that_gives_no_comments_away_is_described_without_them() -> None:
    error = {"errorName": "PERMISSION_DENIED", "message": "Access Denied"}
    refused = [reply(page(0)), reply(page(None, error=error))]
    async with scripted([*answers([]), *refused, *answers(columns("s", "t", ("a", "integer")))]) as upstream:
        engine = TrinoEngine("main", ("lake",), upstream.url)
        (table,) = await engine.tables("lake")
        await engine.close()
    assert table.comment is None


@pytest.mark.asyncio
async def test_a_view_carries_its_body_and_claims_no_schema_for_its_names() -> None:
    found = await tables([["s", "v", "SELECT 1 AS a", False]], columns("s", "v", ("a", "integer")))
    view = found["lake.s.v"]
    assert view.kind == "view"
    assert view.view is not None
    assert (view.view.sql, view.view.catalog, view.view.schema) == ("SELECT 1 AS a", None, None)


@pytest.mark.asyncio
async def test_a_materialized_view_is_told_apart() -> None:
    bodies = [["s", "m", "SELECT 1 AS a", True], ["s", "m", "SELECT 1 AS a", False]]
    found = await tables(bodies, columns("s", "m", ("a", "integer")))
    assert found["lake.s.m"].kind == "materialized view"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("views", "rows"),
    [
        ([], columns("s", "t", ("a", "bigint"))),
        ([], columns("s", "t", ("b", "integer"))),
        ([], columns("s", "t", ("a", "integer"), nullable="NO")),
        ([], columns("s", "t", ("a", "integer"), ("b", "integer"))),
        ([["s", "t", "SELECT 2 AS a", False]], columns("s", "t", ("a", "integer"))),
    ],
    ids=["type", "name", "nullability", "a column more", "now a view"],
)
async def test_the_version_changes_with_whatever_a_plan_depends_on(views: Rows, rows: Rows) -> None:
    before = await tables([], columns("s", "t", ("a", "integer")))
    same = await tables([], columns("s", "t", ("a", "integer")))
    after = await tables(views, rows)
    assert same["lake.s.t"].version == before["lake.s.t"].version
    assert after["lake.s.t"].version != before["lake.s.t"].version


@pytest.mark.asyncio
async def test_what_no_statement_can_name_safely_is_left_out() -> None:
    rows = [
        *columns("s", "good", ("a", "integer")),
        *columns("s", "Upper", ("a", "integer")),
        *columns("s", "ſ", ("a", "integer")),
        *columns("s", "odd", ("a", ")(")),
        *columns("system", "iceberg_tables", ("table_name", "varchar")),
    ]
    assert set(await tables([], rows)) == {"lake.s.good"}


@pytest.mark.asyncio
async def test_one_table_is_described_alone_and_with_the_same_version() -> None:
    rows, views = columns("s", "v", ("a", "integer")), [["s", "v", "SELECT 1 AS a", False]]
    all_at_once = await tables(views, rows, [["s", "v", "about it"]])
    async with catalog(rows, views, [["s", "v", "about it"]], views=views) as (engine, upstream):
        alone = await engine.describe(TableName("lake", "s", "v"))
    assert alone == all_at_once["lake.s.v"]
    assert b"table_schema = 's' AND table_name = 'v'" in upstream.seen[0].body
    assert upstream.seen[0].header("x-trino-user") == "reader"


@pytest.mark.asyncio
async def test_a_table_that_is_not_there_is_none() -> None:
    async with catalog([]) as (engine, _):
        assert await engine.describe(TableName("lake", "s", "nothing")) is None


@pytest.mark.asyncio
@pytest.mark.parametrize(("schema", "table"), [("information_schema", "columns"), ("system", "iceberg_tables")])
async def test_tables_that_list_tables_are_not_described(schema: str, table: str) -> None:
    async with catalog() as (engine, upstream):
        assert await engine.describe(TableName("lake", schema, table)) is None
    assert not upstream.seen


@pytest.mark.asyncio
async def test_names_are_quoted_in_the_gateways_own_statements() -> None:
    async with catalog([]) as (engine, upstream):
        await engine.describe(TableName('la"ke', "s'", "t'); DROP TABLE x --"))
    sent = upstream.seen[0].body.decode()
    assert '"la""ke".information_schema' in sent
    assert "table_schema = 's''' AND table_name = 't''); DROP TABLE x --'" in sent


@pytest.mark.asyncio
async def test_ten_thousand_tables_take_three_statements() -> None:
    described = [(f"c{n}", "varchar(10)") for n in range(8)]
    rows = [row for n in range(10_000) for row in columns(f"s{n % 20}", f"t{n}", *described)]
    async with catalog([], [], rows) as (engine, upstream):
        found = await engine.tables("lake")
    assert len(found) == 10_000
    assert all(len(table.columns) == 8 for table in found)
    assert [seen.method for seen in upstream.seen].count("POST") == 3


@pytest.mark.asyncio
async def test_a_catalog_that_cannot_be_read_is_refused_with_the_cause_for_the_log_only() -> None:
    error = {"errorName": "PERMISSION_DENIED", "message": "Access Denied: secret_table"}
    async with scripted([reply(page(0)), reply(page(None, error=error))]) as upstream:
        engine = TrinoEngine("main", ("lake",), upstream.url)
        with pytest.raises(Refusal) as caught:
            await engine.tables("lake")
        await engine.close()
    assert caught.value.code is ErrorCode.GENERIC_EXTERNAL
    assert "secret_table" not in caught.value.text
    assert "secret_table" in (caught.value.detail or "")


@pytest.mark.asyncio
async def test_rows_of_another_shape_are_refused() -> None:
    async with catalog([["only", "three", "values"]]) as (engine, _):
        with pytest.raises(Refusal):
            await engine.tables("lake")
