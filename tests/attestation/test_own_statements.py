"""system.runtime.queries through the gateway: everybody's own statements as they were written, and nobody else's."""

from __future__ import annotations

import datetime as dt

import pytest

from gateway.demo.trino_server import TrinoServer
from gateway.metadata.runtime import milliseconds
from tests.operations.gateway_process import Gateway
from tests.protocol.talking import tell

OWN = "SELECT query_id, state, \"user\", query, error_code, error_type FROM system.runtime.queries WHERE query LIKE '%{}%'"


def test_the_columns_are_trinos(attesting: Gateway, trino_server: TrinoServer) -> None:
    sql = "SELECT * FROM system.runtime.queries WHERE false"
    assert tell(attesting.url, sql).columns == tell(trino_server.url, sql).columns
    for sql in ("DESCRIBE system.runtime.queries", "SHOW COLUMNS FROM system.runtime.queries"):
        assert tell(attesting.url, sql).rows == tell(trino_server.url, sql).rows


def test_callers_see_their_statements_as_they_wrote_them_and_never_the_governed_text(attesting: Gateway) -> None:
    sql = "SELECT name  AS mine_1 FROM memory.attested.policed WHERE name >= 'A'"
    ran = tell(attesting.url, sql)
    (row,) = tell(attesting.url, OWN.format("name  AS mine_1 FROM") + " AND query NOT LIKE '%runtime%'").rows
    assert row == [ran.id, "FINISHED", "ana", sql, None, None]
    everything = str(tell(attesting.url, "SELECT * FROM system.runtime.queries").rows)
    assert "regionkey" not in everything
    assert "random()" not in everything


def test_nobody_sees_the_statements_of_others_but_who_may(attesting: Gateway) -> None:
    tell(attesting.url, "SELECT 'bobs secret text'", "bob")
    seen = OWN.format("bobs secret text") + " AND query NOT LIKE '%runtime%'"
    assert tell(attesting.url, seen).rows == []
    assert len(tell(attesting.url, seen, "bob").rows) == 1
    assert [row[2] for row in tell(attesting.url, seen, "root").rows] == ["bob"]
    users = tell(attesting.url, 'SELECT DISTINCT "user" FROM system.runtime.queries').rows
    assert users == [["ana"]]


def test_failures_are_told_as_trino_types_them(attesting: Gateway) -> None:
    tell(attesting.url, "SELECT 1 / (nationkey - nationkey) AS mine_2 FROM tpch.tiny.nation")
    tell(attesting.url, "SELECT mine_3 FROM nowhere.at.all")
    rows = {
        row[3].split("AS ")[-1][:6] if "AS" in row[3] else "mine_3": row[1:2] + row[4:]
        for number in (2, 3)
        for row in tell(attesting.url, OWN.format(f"mine_{number}") + " AND query NOT LIKE '%runtime%'").rows
    }
    assert rows == {
        "mine_2": ["FAILED", "DIVISION_BY_ZERO", "USER_ERROR"],
        "mine_3": ["FAILED", "CATALOG_NOT_FOUND", "USER_ERROR"],
    }


def test_a_statement_sees_itself_running_with_its_times(attesting: Gateway) -> None:
    sql = (
        'SELECT state, created, started, last_heartbeat, "end", queued_time_ms, analysis_time_ms, planning_time_ms,'
        " resource_group_id FROM system.runtime.queries WHERE query LIKE '%mine_4%' AND state = 'QUEUED'"
    )
    (row,) = tell(attesting.url, sql).rows or tell(attesting.url, sql.replace("'QUEUED'", "'RUNNING'")).rows
    now = dt.datetime.now(dt.UTC)
    created, started, heartbeat = (
        dt.datetime.fromisoformat(text.replace(" UTC", "+00:00").replace(" ", "T")) for text in row[1:4]
    )
    assert now - dt.timedelta(minutes=2) < created <= started <= now + dt.timedelta(seconds=1)
    assert created <= heartbeat + dt.timedelta(seconds=1)
    assert row[4] is None
    assert all(0 <= figure < 120_000 for figure in row[5:8])
    assert row[8] is None


@pytest.mark.parametrize("table", ["tasks", "nodes", "transactions", "optimizer_rule_stats", "nosuch"])
@pytest.mark.parametrize("user", ["ana", "root"])
def test_whatever_else_tells_of_the_engine_is_not_there(attesting: Gateway, table: str, user: str) -> None:
    failure = tell(attesting.url, f"SELECT * FROM system.runtime.{table}", user).failure
    assert failure == ("TABLE_NOT_FOUND", f"line 1:15: Table 'system.runtime.{table}' does not exist")


def test_without_a_grant_the_schema_is_not_there(attesting: Gateway) -> None:
    told = [
        tell(attesting.url, f"SELECT * FROM system.{name}", "eve").failure
        for name in ("runtime.queries", "nosuch.queries")
    ]
    assert told[0] is not None
    assert told[1] is not None
    assert (told[0][0], told[0][1].replace("runtime", "nosuch")) == told[1]
    assert ["runtime"] not in tell(attesting.url, "SHOW SCHEMAS FROM system", "eve").rows
    assert ["runtime"] in tell(attesting.url, "SHOW SCHEMAS FROM system").rows
    assert tell(attesting.url, "SHOW TABLES FROM system.runtime").rows == [["queries"]]
    listed = "SELECT table_name FROM system.information_schema.tables WHERE table_schema = 'runtime'"
    assert tell(attesting.url, listed, "eve").rows == []
    assert tell(attesting.url, listed).rows == [["queries"]]
    assert tell(attesting.url, "USE system.runtime", "eve").failure is not None


@pytest.mark.parametrize("sql", ["DELETE FROM system.runtime.queries", "DROP TABLE system.runtime.queries"])
def test_the_record_is_not_for_writing(attesting: Gateway, sql: str) -> None:
    for user in ("ana", "root"):
        assert tell(attesting.url, sql, user).failure is not None


@pytest.mark.parametrize(
    ("text", "expected"), [("0.00ms", 0), ("12.34ms", 12), ("1.50s", 1500), ("2.00m", 120_000), ("x", 0)]
)
def test_durations_are_read_back(text: str, expected: int) -> None:
    assert milliseconds(text) == expected
