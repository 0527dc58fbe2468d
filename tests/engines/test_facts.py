"""Declared keys and foreign keys are believed only where the data hold them, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pyarrow as pa
import pytest
import pytest_asyncio
from pyiceberg.catalog.sql import SqlCatalog

from catalog.materialized_views import ForeignKey, Key
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.facts import fact_sql, verify
from engines.lake.engine import LakeEngine
from tests.real.clickhouse import client, embedded

BOOKS = {"book_id": [1, 2, 3, None, None], "name": ["a", "b", "b", None, "c"], "pair": [1, 1, 2, 2, 2]}
TRADES = {"id": [1, 2, 3], "book_id": [1, 2, None], "lost": [1, 9, None], "d": [0.5, 0.5, float("nan")]}
TYPES = {
    "book_id": pa.int64(),
    "name": pa.string(),
    "pair": pa.int32(),
    "id": pa.int64(),
    "lost": pa.int32(),
    "d": pa.float64(),
}


def _arrow(columns: Mapping[str, list[object]]) -> pa.Table:
    return pa.table({name: pa.array(values, TYPES[name]) for name, values in columns.items()})


@pytest_asyncio.fixture(params=["lake", "clickhouse"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """Open an engine that holds both tables."""
    if request.param == "lake":
        properties = {"uri": f"sqlite:///{tmp_path}/c.db", "warehouse": (tmp_path / "w").as_uri()}
        catalog = SqlCatalog("c", **properties)
        catalog.create_namespace("facts")
        for name, columns in (("books", BOOKS), ("trades", TRADES)):
            catalog.create_table(f"facts.{name}", _arrow(columns).schema).append(_arrow(columns))
        catalog.close()
        lake = LakeEngine("e", {"c": properties})
        await lake.start()
        yield lake
        await lake.close()
        return
    with client() as opened:
        opened.command("DROP DATABASE IF EXISTS facts")
        opened.command("CREATE DATABASE facts")
        for name, columns in (("books", BOOKS), ("trades", TRADES)):
            kinds = {"int64": "Int64", "int32": "Int32", "string": "String", "double": "Float64"}
            declared = ", ".join(f"{each} Nullable({kinds[str(TYPES[each])]})" for each in columns)
            opened.command(f"CREATE TABLE facts.{name} ({declared}) ENGINE = MergeTree ORDER BY tuple()")
            opened.insert(f"facts.{name}", list(zip(*columns.values(), strict=True)), column_names=list(columns))
        async with embedded() as clickhouse:
            yield clickhouse


async def _tables(engine: Engine) -> dict[TableName, Table]:
    catalog = engine.catalogs[0]
    return {table.name: table for table in await engine.tables(catalog) if table.name.schema == "facts"}


@pytest.mark.asyncio
async def test_facts_hold_where_the_data_say_so(engine: Engine) -> None:
    tables = await _tables(engine)
    books, trades = (next(name for name in tables if name.table == each) for each in ("books", "trades"))
    verdicts = {
        fact: await verify(engine, fact, tables)
        for fact in (
            Key(books, ("book_id",)),
            Key(books, ("name",)),
            Key(books, ("name", "pair")),
            ForeignKey(trades, ("book_id",), books, ("book_id",)),
            ForeignKey(trades, ("lost",), books, ("book_id",)),
            ForeignKey(trades, ("lost", "id"), books, ("book_id", "pair")),
        )
    }
    assert [each.holds for each in verdicts.values()] == [True, False, True, True, False, False]
    assert [each.broken for each in verdicts.values()] == [False, True, False, False, True, True]
    held = verdicts[Key(books, ("book_id",))]
    assert held.fact.status == "verified"
    assert held.versions.keys() == {books}


@pytest.mark.asyncio
async def test_what_cannot_be_tested_stays_declared_with_its_reason(engine: Engine) -> None:
    tables = await _tables(engine)
    books, trades = (next(name for name in tables if name.table == each) for each in ("books", "trades"))
    elsewhere = TableName("x", "y", "z")
    for fact, why in (
        (Key(trades, ("d",)), "type"),
        (Key(books, ("nothing",)), "does not exist"),
        (Key(elsewhere, ("a",)), "does not exist"),
        (ForeignKey(trades, ("book_id",), books, ("name",)), "type"),
        (ForeignKey(trades, ("book_id",), books, ("book_id", "pair")), "pairs"),
    ):
        verdict = await verify(engine, fact, tables)
        assert why in str(verdict.why)
        assert (verdict.holds, verdict.broken, verdict.fact.status) == (False, False, "declared")


def test_names_are_written_as_each_engine_quotes_them() -> None:
    name = TableName("c", "s", 'odd"`t')
    table = Table(name, (), "e")
    assert '"c.s.odd""`t"' in fact_sql("lake", Key(name, ()), {name: table})
    assert '"c"."s"."odd""`t"' in fact_sql("trino", Key(name, ()), {name: table})
    assert '`s`.`odd"\\`t`' in fact_sql("clickhouse", Key(name, ()), {name: table})
