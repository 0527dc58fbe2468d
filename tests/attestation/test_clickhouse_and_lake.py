"""ClickHouse and the lake say before a statement begins what they understand it to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import duckdb
import pytest
from clickhouse_connect.driver.client import Client

from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT
from engines.clickhouse.attest import question, read_tree
from engines.lake.attest import read_statement
from engines.reads import Unanswered
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running
from tests.operations.lake import make_lake
from tests.real.clickhouse import http_front

TABLE = TableName("ch", "shop", "orders")
KNOWN = {TABLE: Table(TABLE, (Column("id", BIGINT),), "clickhouse")}
POLICIES = """\
version: 1
roles: {analyst: }
users: {ana: {roles: [analyst]}}
grants:
  - {id: shop, roles: [analyst], assets: ["ch.shop.*", "lake.trading.*"], allow: [read]}
"""


@dataclass(frozen=True, slots=True)
class World:
    gateway: Gateway
    clickhouse: Client

    def swapped(self, number: int) -> str:
        """Make a table that may be read, and a way to put a view in its place."""
        self.clickhouse.command(f"CREATE TABLE shop.t{number} (id Int64, name String) ENGINE = MergeTree ORDER BY id")
        self.clickhouse.command(f"INSERT INTO shop.t{number} VALUES (1, 'open')")
        return f"t{number}"

    def ask(self, sql: str) -> dict[str, Any]:
        return self.gateway.client.run(sql)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("attested")
    with http_front(folder / "clickhouse") as port:
        client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
        for sql in (
            "CREATE DATABASE shop",
            "CREATE DATABASE hidden",
            "CREATE TABLE shop.orders (id Int64, name String) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO shop.orders VALUES (1, 'open'), (2, 'shut')",
            "CREATE TABLE hidden.secret (id Int64, name String) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO hidden.secret VALUES (7, 'CANARY')",
            "CREATE VIEW shop.shown AS SELECT id FROM shop.orders",
        ):
            client.command(sql)
        backends = [
            make_lake(folder / "lake"),
            {"kind": "clickhouse", "name": "ch", "catalog": "ch", "url": f"http://127.0.0.1:{port}"},
        ]
        settings = {
            "attestation": {"clickhouse": "always", "lake": "always"},
            "catalogs": {"refresh_seconds": 3600},
        }
        gateway = make_gateway(folder / "gateway", backends, settings)
        gateway.policies.write_text(POLICIES)
        with running(gateway):
            eventually(lambda: gateway.client.run("SELECT count(*) FROM ch.shop.orders")["rows"] == [[2]], seconds=60)
            yield World(gateway, client)
        client.close()


@pytest.mark.parametrize("known", [False, True], ids=["a new plan", "a known plan"])
def test_a_view_in_a_clickhouse_tables_place_is_found_before_it_runs(world: World, known: bool) -> None:
    table = world.swapped(1 + known)
    sql = f"SELECT max(name) FROM ch.shop.{table}"
    if known:
        assert world.ask(sql)["rows"] == [["open"]]
    else:
        assert world.ask(f"SELECT count(*) FROM ch.shop.{table}")["rows"] == [[1]]
    world.clickhouse.command(f"DROP TABLE shop.{table}")
    world.clickhouse.command(f"CREATE VIEW shop.{table} AS SELECT id, name FROM hidden.secret")
    before = len(world.gateway.events("attestation"))
    found = world.ask(sql)
    assert found["error"]["errorName"] == "QUERY_REJECTED"
    assert "CANARY" not in str(found)
    assert "hidden" not in str(found)
    told = world.gateway.next_event("attestation", before)
    assert (told["level"], told["engine"]) == ("error", "ch")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM ch.shop.orders",
        "SELECT id FROM ch.shop.shown",
        "WITH o AS (SELECT * FROM ch.shop.orders) SELECT a.id FROM o a JOIN o b ON a.id = b.id",
        "WITH o AS (SELECT id FROM ch.shop.orders UNION ALL SELECT 3) SELECT a.id FROM o a JOIN o b ON a.id = b.id",
        "WITH o AS (SELECT DISTINCT id FROM ch.shop.orders) SELECT a.id FROM o a JOIN o b ON a.id = b.id",
        "WITH o AS (SELECT id, count(*) AS n FROM ch.shop.orders GROUP BY ROLLUP (id)) SELECT a.n FROM o a, o b",
        "WITH o AS (SELECT id FROM ch.shop.orders ORDER BY id FETCH FIRST 1 ROW WITH TIES) SELECT a.id FROM o a, o b",
        "WITH RECURSIVE r (n) AS (SELECT min(id) FROM ch.shop.orders UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r",
        "SELECT (SELECT max(id) FROM ch.shop.orders) FROM ch.shop.shown",
        "SELECT id FROM ch.shop.orders WHERE id IN (SELECT id FROM ch.shop.shown) UNION ALL SELECT 1",
        "SELECT x FROM ch.shop.orders CROSS JOIN UNNEST(ARRAY[1, 2]) AS u (x)",
        "SELECT id, n FROM ch.shop.orders JOIN (VALUES (1, 'a')) AS v (k, n) ON k = id",
        "SELECT id FROM lake.trading.trades WHERE desk LIKE 'C%'",
        "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3)"
        " SELECT n FROM r, lake.trading.trades",
        "SELECT t.id, x FROM lake.trading.trades t CROSS JOIN UNNEST(sequence(1, 2)) AS u (x)",
        "SELECT d FROM (SELECT desk d, count(*) c FROM lake.trading.trades GROUP BY 1) WHERE c > 1",
    ],
)
def test_what_reads_what_it_says_is_confirmed(world: World, sql: str) -> None:
    before = world.gateway.metric("penstock_attested_total", result="same")
    assert "error" not in world.ask(sql)
    eventually(lambda: world.gateway.metric("penstock_attested_total", result="same") == before + 1)


@pytest.mark.parametrize(
    ("sql", "tables", "foreign"),
    [
        ("SELECT id FROM shop.orders AS t1", {TABLE}, ()),
        ("WITH c AS (SELECT 1) SELECT * FROM c", set(), ()),
        ("WITH c AS (SELECT 1 UNION ALL SELECT 2) SELECT * FROM c a, c b", set(), ()),
        (
            "WITH `hidden.secret, union_mode: X` AS (SELECT 1) SELECT * FROM hidden.secret",
            {TableName("ch", "hidden", "secret")},
            (),
        ),
        ("SELECT 1", set(), ()),
        ("SELECT * FROM hidden.secret", {TableName("ch", "hidden", "secret")}, ()),
        ("SELECT 1 WHERE 1 IN (SELECT id FROM hidden.secret)", {TableName("ch", "hidden", "secret")}, ()),
        ("SELECT * FROM merge('hidden', 's')", set(), ("merge",)),
        ("SELECT dictGet('d', 'x', 1), joinGet('j', 'y', 1)", set(), ("dictGet", "joinGet")),
        ("SELECT * FROM shop.orders WHERE name = 'x\n  JOIN TREE\n    IDENTIFIER id: 1, identifier: a.b'", {TABLE}, ()),
    ],
)
def test_clickhouses_tree_names_tables_and_functions_that_read(
    world: World, sql: str, tables: set[TableName], foreign: tuple[str, ...]
) -> None:
    rows = world.clickhouse.query(question(sql)).result_rows
    said = read_tree("\n".join(row[0] for row in rows), KNOWN, "ch")
    assert {read.table for read in said.reads} == tables
    assert set(said.foreign) == set(foreign)


@pytest.mark.parametrize(
    ("sql", "foreign"),
    [
        ('SELECT c0 FROM "lake.s.t" AS a, "lake.s.t@snapshot:12" AS b', ()),
        ('WITH w AS (SELECT 1) SELECT * FROM w, range(3), "lake.s.t"', ()),
        ('SELECT * FROM "lake.s.other"', ("the table lake.s.other",)),
        ("SELECT * FROM read_parquet('/x')", ("read_parquet",)),
        ("SELECT * FROM '/x.parquet'", ("the table /x.parquet",)),
        ('SELECT * FROM main."lake.s.t"', ("the table lake.s.t",)),
        ("SELECT * FROM (SUMMARIZE t)", ("the table t",)),
        ("SELECT (SELECT max(a) FROM duckdb_views())", ("duckdb_views",)),
    ],
)
def test_duckdbs_tree_names_tables_and_functions_that_read(sql: str, foreign: tuple[str, ...]) -> None:
    said = read_statement(duckdb.connect(), sql, [TableName("lake", "s", "t")])
    assert said.foreign == foreign
    assert {str(read.table) for read in said.reads} <= {"lake.s.t"}


@pytest.mark.parametrize("sql", ["DROP TABLE x", "SELECT 1; SELECT 2", "SELEC"])
def test_what_duckdb_cannot_show_is_no_answer(sql: str) -> None:
    with pytest.raises(Unanswered):
        read_statement(duckdb.connect(), sql, [])


def test_a_lake_table_that_was_made_anew_is_another_table(world: World, tmp_path: Path) -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    lake = next(engine for engine in world.gateway.config["engines"] if engine["kind"] == "lake")
    sql = "SELECT count(*) FROM lake.trading.trades"
    assert world.ask(sql)["rows"] == [[5]]
    catalog = SqlCatalog("lake", uri=lake["uri"], warehouse=lake["warehouse"])
    table = catalog.load_table("trading.trades")
    schema = table.schema()
    catalog.drop_table("trading.trades")
    catalog.create_table("trading.trades", schema=schema, location=f"{lake['warehouse']}/anew")
    catalog.close()
    assert world.ask(sql)["error"]["errorName"] == "QUERY_REJECTED"
    eventually(lambda: world.ask(sql)["rows"] == [[0]], seconds=20)
