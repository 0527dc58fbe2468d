"""What exists on ClickHouse, in Trino's terms."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.objects import SchemaName, Table, TableName
from catalog.types import TINYINT, UNKNOWN, VARBINARY, char
from engines.clickhouse.describe import columns_parameters, schemas_of, table_of, tables_of, with_declared
from engines.clickhouse.engine import ClickHouseEngine
from tests.real.clickhouse import ask
from tests.rewrite_rules.translate_clickhouse.planning import plan


async def _names(engine: ClickHouseEngine) -> dict[str, Table]:
    return {t.name.table: t for t in await engine.tables("clickhouse") if t.name.schema == "names"}


@pytest.mark.asyncio
async def test_databases_are_schemas_and_the_servers_own_are_left_out(engine: ClickHouseEngine) -> None:
    schemas = await engine.schemas("clickhouse")
    assert SchemaName("clickhouse", "types") in schemas
    assert not {s.schema for s in schemas} & {"system", "information_schema"}
    assert not {t.name.schema for t in await engine.tables("clickhouse")} & {"system", "information_schema"}


@pytest.mark.asyncio
async def test_names_are_folded_and_the_engines_spelling_is_kept(engine: ClickHouseEngine) -> None:
    table = await engine.describe(TableName("clickhouse", "types", "everything"))
    assert table is not None
    assert table.native_name == ("Types", "Everything")
    assert table.comment == "one of each"
    assert table.by_name["id"].comment == "number of the row"
    assert table.by_name["id"].native_type == "Int64"
    assert not table.by_name["id"].nullable
    assert table.by_name["lc"].nullable
    assert table == next(t for t in await engine.tables("clickhouse") if t.name == table.name)


@pytest.mark.asyncio
async def test_tables_that_differ_only_by_case_are_ambiguous_by_name(engine: ClickHouseEngine) -> None:
    assert "twice" not in await _names(engine)
    with pytest.raises(Refusal) as refused:
        await engine.describe(TableName("clickhouse", "names", "twice"))
    assert refused.value.code is ErrorCode.AMBIGUOUS_NAME
    assert "clickhouse.names.twice" in refused.value.message


@pytest.mark.asyncio
async def test_a_table_that_does_not_exist_is_none(engine: ClickHouseEngine) -> None:
    assert await engine.describe(TableName("clickhouse", "names", "nowhere")) is None
    assert await engine.describe(TableName("clickhouse", "x' OR 1 = 1 --", "odd")) is None


@pytest.mark.asyncio
async def test_odd_names_are_read_by_their_own_spelling(engine: ClickHouseEngine) -> None:
    table = (await _names(engine))["odd name.x"]
    answer = await ask(engine, plan('SELECT "a b", "c.d", "tick`s" FROM "odd name.x"', [table]))
    assert answer.rows == [[1, 2, 3]]
    assert [name for name, _ in answer.columns] == ["a b", "c.d", "tick`s"]


@pytest.mark.asyncio
async def test_columns_that_no_client_can_mean_or_that_show_others_are_left_out(engine: ClickHouseEngine) -> None:
    table = (await _names(engine))["columns"]
    assert [column.name for column in table.columns] == ["a", "ma", "js"]
    assert table.by_name["js"].type == UNKNOWN
    assert (await ask(engine, plan("SELECT a, ma FROM columns", [table]))).rows == [[1, 3]]


@pytest.mark.asyncio
async def test_views_are_tables_that_need_a_grant_of_their_own(engine: ClickHouseEngine) -> None:
    tables = await _names(engine)
    assert {"shown", "kept", "inner"} <= set(tables)
    assert not any(name.startswith(".inner") for name in tables)
    assert all(tables[name].view is None and tables[name].kind == "table" for name in ("shown", "kept"))
    assert (await ask(engine, plan("SELECT wide FROM shown", [tables["shown"]]))).rows == [[1]]


def test_a_version_changes_with_the_columns_and_with_what_the_table_is() -> None:
    rows = [("d", "t", "a", "Int8", "", "", "", "1"), ("d", "t", "b", "Int8", "", "", "", "1")]
    changed = [("d", "t", "a", "Int8", "", "", "", "1"), ("d", "t", "b", "Int16", "", "", "", "1")]
    became = [(*row[:-1], "2") for row in rows]
    (first,), (again,), (other,), (view,) = (tables_of("c", "e", r) for r in (rows, rows, changed, became))
    assert first.version == again.version
    assert first.version not in (other.version, view.version)


def test_databases_that_differ_only_by_case_or_cannot_be_written_are_left_out() -> None:
    assert schemas_of("c", ["a", "B", "b", "Ünder"]) == (SchemaName("c", "a"),)


def test_a_table_of_two_databases_that_fold_alike_is_ambiguous() -> None:
    rows = [("D", "t", "a", "Int8", "", "", "", "1"), ("d", "t", "a", "Int8", "", "", "", "1")]
    assert tables_of("c", "e", rows) == ()
    with pytest.raises(Refusal):
        table_of(TableName("c", "d", "t"), "e", rows)


def test_text_columns_may_be_declared_char_or_varbinary_and_no_others() -> None:
    rows = [("d", "t", "a", "String", "", "", "", "1"), ("d", "t", "b", "Int8", "", "", "", "1")]
    (table,) = tables_of("c", "e", rows)
    declared = {"d.t.a": char(5), "d.t.b": VARBINARY}
    assert [c.type for c in with_declared(table, declared).columns] == [char(5), TINYINT]
    assert with_declared(table, {}) is table


def test_names_travel_as_parameters() -> None:
    assert columns_parameters(TableName("c", "s'", "t")) == {"schema": "s'", "table": "t"}
