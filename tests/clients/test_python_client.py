"""The `trino` package for Python, unmodified: DB-API on the embedded lake, ClickHouse and the real Trino."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from decimal import Decimal
from typing import Any

import pytest
import requests
import trino
from demo_process import Demo
from trino.exceptions import TrinoUserError


def connect(demo: Demo, user: str, **more: Any) -> trino.dbapi.Connection:
    return trino.dbapi.connect(host="127.0.0.1", port=demo.port, user=user, catalog="iceberg", schema="trading", **more)


def rows(demo: Demo, user: str, sql: str, parameters: list[Any] | None = None, **more: Any) -> list[list[Any]]:
    cursor = connect(demo, user, **more).cursor()
    cursor.execute(sql, parameters) if parameters is not None else cursor.execute(sql)
    return cursor.fetchall()


def test_three_users_get_three_correct_answers_to_one_query(demo: Demo) -> None:
    sql = "SELECT desk, count(*) FROM trades GROUP BY desk ORDER BY desk"
    everything = dict(map(tuple, rows(demo, "admin1", sql)))
    assert set(everything) >= {"CAISO", "MISO", "SPP"}
    assert rows(demo, "trader1", sql) == [["CAISO", everything["CAISO"]]]
    assert rows(demo, "trader2", sql) == [["MISO", everything["MISO"]]]
    with pytest.raises(TrinoUserError) as refused:
        rows(demo, "analyst1", sql)
    assert refused.value.error_name == "TABLE_NOT_FOUND"


def test_viewers_see_masked_people(demo: Demo) -> None:
    found = rows(demo, "analyst1", "SELECT * FROM traders")
    names = [column[0] for column in rows_description(demo, "analyst1", "SELECT * FROM traders LIMIT 0")]
    assert "ssn" not in names
    assert {row[names.index("email")] for row in found} == {"user-****@****.com"}
    raw = rows(demo, "admin1", "SELECT email, ssn FROM traders")
    assert len({email for email, _ in raw}) == len(raw) == len(found)


def rows_description(demo: Demo, user: str, sql: str) -> list[tuple[Any, ...]]:
    cursor = connect(demo, user).cursor()
    cursor.execute(sql)
    cursor.fetchall()
    return cursor.description


@pytest.mark.parametrize("demo", ["lake", pytest.param("trino", marks=pytest.mark.long)], indirect=True)
def test_a_million_rows_arrive_whole(demo: Demo) -> None:
    (expected,) = rows(demo, "admin1", "SELECT count(*), sum(lmp_price) FROM iceberg.curated.lmp_prices")
    assert expected[0] >= 1_000_000
    cursor = connect(demo, "admin1").cursor()
    cursor.execute("SELECT iso, node_id, interval_start_time FROM iceberg.curated.lmp_prices")
    count = 0
    while batch := cursor.fetchmany(10_000):
        count += len(batch)
    assert count == expected[0]


def test_types_arrive_as_python_values(demo: Demo) -> None:
    (row,) = rows(
        demo,
        "admin1",
        "SELECT 1, BIGINT '9007199254740993', DECIMAL '1.50', 2e0, 'ä', true, NULL, DATE '2026-03-08', "
        "TIMESTAMP '2026-03-08 01:02:03.456789', ARRAY[1, 2], TIMESTAMP '2026-03-08 01:02:03 UTC', X'00ff'",
    )
    assert row[:9] == [
        1,
        9007199254740993,
        Decimal("1.50"),
        2.0,
        "ä",
        True,
        None,
        dt.date(2026, 3, 8),
        dt.datetime(2026, 3, 8, 1, 2, 3, 456789),
    ]
    assert row[9] == [1, 2]
    assert row[10].utcoffset() == dt.timedelta(0)
    assert row[11] == b"\x00\xff"


def test_parameters_are_values_never_text(demo: Demo) -> None:
    hostile = "CAISO' OR '1'='1"
    assert rows(demo, "admin1", "SELECT count(*) FROM trades WHERE desk = ?", [hostile]) == [[0]]
    (found,) = rows(demo, "admin1", "SELECT ?, ?, ?", ["it's", 7, Decimal("1.5")])
    assert found == ["it's", 7, Decimal("1.5")]


@pytest.mark.parametrize("legacy", [True, False])
def test_prepared_statements_both_ways(demo: Demo, legacy: bool) -> None:
    sql = "SELECT count(*) FROM trades WHERE desk = ?"
    assert rows(demo, "trader1", sql, ["MISO"], legacy_prepared_statements=legacy) == [[0]]
    (mine,) = rows(demo, "trader1", sql, ["CAISO"], legacy_prepared_statements=legacy)
    assert mine[0] > 0


def test_errors_carry_trinos_names_and_places(demo: Demo) -> None:
    for sql, name, text in (
        ("SELECT nope FROM trades", "COLUMN_NOT_FOUND", "line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT * FROM nope", "TABLE_NOT_FOUND", "line 1:15: Table 'iceberg.trading.nope' does not exist"),
        ("SELECT * FROM nope.x.y", "CATALOG_NOT_FOUND", "line 1:15: Catalog 'nope' not found"),
        ("SELEC 1", "SYNTAX_ERROR", "line 1:1: mismatched input 'SELEC'"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO", "Division by zero"),
        ("SELECT foo(1)", "FUNCTION_NOT_FOUND", "Function 'foo' not registered"),
    ):
        with pytest.raises(TrinoUserError) as refused:
            rows(demo, "admin1", sql)
        assert refused.value.error_name == name, sql
        assert text in refused.value.message, sql


def test_session_state_lives_with_the_client(demo: Demo) -> None:
    connection = connect(demo, "admin1")
    cursor = connection.cursor()
    cursor.execute("USE iceberg.curated")
    cursor.fetchall()
    cursor.execute("SELECT current_schema")
    assert cursor.fetchall() == [["curated"]]
    cursor.execute("SET SESSION query_max_run_time = '10m'")
    cursor.fetchall()
    cursor.execute("SHOW SESSION LIKE 'query_max_run_time'")
    assert cursor.fetchall()[0][1] == "10m"


def test_a_cancelled_query_ends(demo: Demo) -> None:
    cursor = connect(demo, "admin1").cursor()
    failure: list[Exception] = []

    def run() -> None:
        try:
            cursor.execute(
                "SELECT count(*) FROM iceberg.curated.lmp_prices a CROSS JOIN iceberg.curated.lmp_prices b "
                "WHERE a.lmp_price * b.lmp_price > 1e9"
            )
            cursor.fetchall()
        except Exception as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(3)
    start = time.monotonic()
    cursor.cancel()
    thread.join(30)
    assert not thread.is_alive()
    assert time.monotonic() - start < 30


def test_clickhouse_answers_through_the_same_door(demo: Demo) -> None:
    sql = "SELECT iso, count(*) AS n, min(hour) AS first FROM clickhouse.marts.lmp_hourly GROUP BY iso ORDER BY iso"
    found = rows(demo, "analyst1", sql)
    assert [row[0] for row in found] == ["CAISO", "MISO", "SPP"]
    assert all(row[1] > 1000 for row in found)


def test_the_mart_agrees_with_the_lake(demo: Demo) -> None:
    lake = (
        "SELECT iso, date_trunc('day', interval_start_time) AS d, count(DISTINCT node_id) AS n "
        "FROM iceberg.curated.lmp_prices GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 5"
    )
    mart = (
        "SELECT iso, date_trunc('day', hour) AS d, count(DISTINCT node_id) AS n "
        "FROM clickhouse.marts.lmp_hourly GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 5"
    )
    assert [row[2] for row in rows(demo, "analyst1", lake)] == [row[2] for row in rows(demo, "analyst1", mart)]


def test_a_join_across_engines_is_refused_by_name(demo: Demo) -> None:
    with pytest.raises(TrinoUserError) as refused:
        rows(demo, "analyst1", "SELECT 1 FROM clickhouse.marts.lmp_hourly h, iceberg.curated.iso_node_mapping n")
    assert refused.value.error_name == "NOT_SUPPORTED"
    assert "clickhouse" in refused.value.message
    assert "iceberg" in refused.value.message


def post(demo: Demo, user: str, token: str) -> int:
    """Send a statement with a bearer token; the client itself insists on TLS for that."""
    headers = {"X-Trino-User": user, "Authorization": f"Bearer {token}"}
    return requests.post(f"{demo.url}/v1/statement", data="SELECT 1", headers=headers, timeout=10).status_code


def test_a_token_signs_in_and_a_forged_one_does_not(demo: Demo) -> None:
    token = demo.command("token", "--user", "trader1").stdout.strip()
    assert post(demo, "trader1", token) == 200
    assert post(demo, "trader1", token[:-6] + "AAAAAA") == 401
    assert post(demo, "admin1", token) == 403


def test_writes_are_seen_at_once_and_only_by_those_who_may(demo: Demo) -> None:
    name = f"iceberg.sandbox.t_{uuid.uuid4().hex[:8]}"
    rows(demo, "etl_bot", "CREATE SCHEMA IF NOT EXISTS iceberg.sandbox")
    assert rows(
        demo,
        "etl_bot",
        f"CREATE TABLE {name} AS SELECT iso, count(*) AS n FROM iceberg.curated.lmp_prices GROUP BY iso",
    ) == [[3]]
    assert rows(demo, "etl_bot", f"INSERT INTO {name} VALUES ('PJM', 0)") == [[1]]
    assert rows(demo, "etl_bot", f"SELECT n FROM {name} WHERE iso = 'PJM'") == [[0]]
    rows(demo, "etl_bot", f"UPDATE {name} SET n = 5 WHERE iso = 'PJM'")
    assert rows(demo, "etl_bot", f"SELECT n FROM {name} WHERE iso = 'PJM'") == [[5]]
    rows(demo, "etl_bot", f"DELETE FROM {name} WHERE iso = 'PJM'")
    assert rows(demo, "etl_bot", f"SELECT count(*) FROM {name}") == [[3]]
    with pytest.raises(TrinoUserError):
        rows(demo, "analyst1", f"SELECT * FROM {name}")
    with pytest.raises(TrinoUserError):
        rows(demo, "analyst1", f"DROP TABLE {name}")
    rows(demo, "etl_bot", f"DROP TABLE {name}")
    with pytest.raises(TrinoUserError) as gone:
        rows(demo, "etl_bot", f"SELECT * FROM {name}")
    assert gone.value.error_name == "TABLE_NOT_FOUND"


def test_metadata_shows_what_the_caller_may_see(demo: Demo) -> None:
    assert ["ssn"] not in rows(
        demo, "analyst1", "SELECT column_name FROM information_schema.columns WHERE table_name = 'traders'"
    )
    assert ["ssn"] in rows(
        demo, "admin1", "SELECT column_name FROM information_schema.columns WHERE table_name = 'traders'"
    )
    assert rows(demo, "acme-corp", "SHOW TABLES FROM iceberg.curated") == [["lmp_prices"]]
    assert ["trades"] not in rows(demo, "analyst1", "SHOW TABLES FROM iceberg.trading")
    found = rows(demo, "trader1", "SELECT table_name FROM system.jdbc.tables WHERE table_schem = 'trading'")
    assert ["trades"] in found
