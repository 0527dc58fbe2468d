"""Usage asked for as people ask: in SQL through the stock client, over the API, from the command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import trino

from gateway.recording.store import UsageStore
from tests.admin.api_client import POLICIES, TABLE, Api, governed_gateway
from tests.billing.rows import CENT, billed
from tests.clients.demo_process import ROOT
from tests.operations.gateway_process import Gateway, eventually, running

USAGE = """\
  - {id: chargeback, users: [carl], assets: "penstock.usage.*", allow: [read]}
  - {id: closed, users: [dora], assets: "penstock.usage.*", deny: [select]}
"""
RULES = """\
  - {id: not_bobs, table: penstock.usage.statements, users: [carl], filter: "\\"user\\" <> 'bob'"}
  - {id: everybodys, table: penstock.usage.statements, roles: [admin], filter: none}
column_masks:
  - {id: no_source, table: penstock.usage.statements, column: source, users: [carl], mask: {kind: 'null'}}
  - {id: sources, table: penstock.usage.statements, column: source, roles: [admin], mask: none}
administration:
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway whose store has some statements of Ana, Bob and Carl."""
    made = governed_gateway(tmp_path_factory.mktemp("usage"))
    policies = POLICIES.replace("row_filters:\n", f"{USAGE}row_filters:\n").replace("administration:\n", RULES)
    made.policies.write_text(policies)
    with running(made):
        store = UsageStore(f"sqlite:///{made.folder / 'usage.db'}")
        rows = [
            billed(
                "q1", 5 * CENT, {"a.b.c": 3 * CENT, "a.b.d": 2 * CENT}, user="ana", received_at=1.0, finished_at=2.0
            ),
            billed("q2", CENT // 3, user="ana", finished_at=3.0, engine="lake"),
            billed("q3", CENT // 3, user="bob", finished_at=3.0, sql="SELECT 'bobs secret'"),
            billed("q4", CENT // 3, user="carl", finished_at=90_000.0),
        ]

        async def insert() -> None:
            await store.insert(rows)
            await store.close()

        asyncio.run(insert())
        yield made


def ask(gateway: Gateway, user: str, sql: str) -> list[list[Any]]:
    connection = trino.dbapi.connect(host="127.0.0.1", port=gateway.config["door"]["port"], user=user)
    cursor = connection.cursor()
    cursor.execute(sql)
    return cursor.fetchall()


OLD = "FROM penstock.usage.statements WHERE finished < TIMESTAMP '2000-01-01 00:00:00 UTC'"


def test_each_caller_sees_his_own_usage_and_who_was_granted_more_what_policies_leave(gateway: Gateway) -> None:
    shown = f'SELECT query_id, "user", source, query IS NULL {OLD} ORDER BY 1'
    assert ask(gateway, "ana", shown) == [["q1", "ana", "superset", False], ["q2", "ana", "superset", False]]
    assert ask(gateway, "bob", shown) == [["q3", "bob", "superset", False]]
    assert ask(gateway, "carl", shown) == [
        ["q1", "ana", None, True],
        ["q2", "ana", None, True],
        ["q4", "carl", None, False],
    ]
    assert [row[0] for row in ask(gateway, "root", shown)] == ["q1", "q2", "q3", "q4"]
    assert ask(gateway, "nobody", shown) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT max(query) FROM penstock.usage.statements WHERE query LIKE '%bobs secret%' AND \"user\" <> 'ana'",
        "SELECT 1 FROM penstock.usage.statements WHERE query_id = 'q3'",
        "SELECT 1 FROM penstock.usage.shares WHERE query_id = 'q3'",
        "WITH w AS (SELECT * FROM penstock.usage.statements) SELECT 1 FROM w a JOIN w b ON a.query_id = 'q3'",
        "SELECT 1 FROM penstock.usage.statements WHERE \"user\" = 'bob' OR 1 = 1 HAVING count(*) > 100",
    ],
)
def test_no_question_of_hers_reaches_what_is_another_callers(gateway: Gateway, sql: str) -> None:
    assert ask(gateway, "ana", sql) in ([], [[None]])


def test_a_rule_that_denies_usage_closes_ones_own_rows_too(gateway: Gateway) -> None:
    with pytest.raises(trino.exceptions.TrinoUserError, match="does not exist"):
        ask(gateway, "dora", "SELECT * FROM penstock.usage.statements")


def test_usage_is_listed_described_joined_and_added_up_as_any_table(gateway: Gateway) -> None:
    assert ["penstock"] in ask(gateway, "ana", "SHOW CATALOGS")
    tables = ask(
        gateway, "ana", "SELECT table_name FROM penstock.information_schema.tables WHERE table_schema = 'usage'"
    )
    assert {name for (name,) in tables} >= {"adjustments", "shares", "statements"}
    described = {row[0]: row[1] for row in ask(gateway, "ana", "DESCRIBE penstock.usage.statements")}
    assert described["cost_usd"] == "decimal(18,9)"
    assert described["received"] == "timestamp(3) with time zone"
    sums = f"SELECT sum(cost_usd), max(received), count(*) {OLD}"
    assert ask(gateway, "ana", sums)[0][0] == Decimal("0.053333333")
    joined = """
        SELECT s.table_name, sum(s.cost_usd) FROM penstock.usage.statements t
        JOIN penstock.usage.shares s ON s.query_id = t.query_id WHERE t.query_id = 'q1' GROUP BY 1 ORDER BY 2 DESC
    """
    assert ask(gateway, "ana", joined) == [["a.b.c", Decimal("0.03")], ["a.b.d", Decimal("0.02")]]


def test_a_statement_is_there_some_seconds_after_its_end(gateway: Gateway) -> None:
    ask(gateway, "olga", f"SELECT count(*) FROM {TABLE}")
    own = "SELECT kind, tables, cost_basis IS NOT NULL FROM penstock.usage.statements WHERE engine = 'lake'"
    eventually(lambda: ask(gateway, "olga", own) == [["SELECT", [TABLE], True]])


def test_the_api_tells_stewards_all_and_everybody_else_his_own(gateway: Gateway) -> None:
    period = {"from": "1970-01-01", "to": "1970-02-01"}
    with Api(gateway, "aude") as auditor, Api(gateway, "ana") as ana:
        whole = auditor.answer("GET", "/api/v1/usage", params={"by": "user", **period})
        assert whole["total"]["cost_usd"] == "0.059999999"
        assert [group["key"] for group in whole["groups"]] == ["ana", "bob", "carl"]
        first = auditor.answer("GET", "/api/v1/usage", params={"by": "user", "top": 1, **period})
        assert Decimal(first["groups"][0]["cost_usd"]) + Decimal(first["others"]["cost_usd"]) == Decimal("0.059999999")
        teams = auditor.answer("GET", "/api/v1/usage", params={"by": "team", **period})
        assert {group["key"] for group in teams["groups"]} == {"CAISO", None}
        mine = ana.answer("GET", "/api/v1/usage", params={"by": "dataset", **period})
        assert mine["user"] == "ana"
        assert mine["total"]["cost_usd"] == "0.053333333"
        assert sum(Decimal(group["cost_usd"]) for group in mine["groups"]) == Decimal("0.053333333")
        ana.answer("GET", "/api/v1/usage", 422, params={"by": "password"})
    with Api(gateway, None) as nobody:
        nobody.answer("GET", "/api/v1/usage", 401)


def test_the_command_line_shows_cents_that_add_up(gateway: Gateway) -> None:
    def told(*options: str) -> str:
        command = [sys.executable, "-m", "gateway.cli", "usage", "--config", str(gateway.path), "--as", "aude"]
        period = ["--from", "1970-01-01", "--to", "1970-02-01"]
        done = subprocess.run([*command, *period, *options], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout

    lines = [line.split() for line in told("--by", "user").splitlines()]
    cents = {line[0]: line[2] for line in lines if line and line[0] in ("ana", "bob", "carl", "total")}
    assert cents == {"ana": "0.06", "bob": "0.00", "carl": "0.00", "total": "0.06"}
    assert json.loads(told("--by", "day", "--json"))["total"]["statements"] == 4
