"""The demo's fixed points: what scripts and strangers rely on."""

from __future__ import annotations

import json
import urllib.request

import pytest
from demo_process import Demo


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


def test_it_says_when_it_is_ready_and_how_to_connect(demo: Demo) -> None:
    text = "\n".join(demo.lines)
    assert "Penstock is ready" in text
    for snippet in (
        "trino.dbapi.connect",
        f"trino://trader1@127.0.0.1:{demo.port}",
        "jdbc:trino://",
        "trino --server",
        "dbt",
        "Superset",
    ):
        assert snippet in text


def test_health_and_metrics_answer(demo: Demo) -> None:
    assert get(f"http://127.0.0.1:{demo.admin_port}/livez")[0] == 200
    status, body = get(f"http://127.0.0.1:{demo.admin_port}/readyz")
    assert status == 200
    assert json.loads(body)["ready"] is True
    assert "data_platform_queries_total" in get(f"http://127.0.0.1:{demo.metrics_port}/metrics")[1]
    assert json.loads(get(f"{demo.url}/v1/info")[1])["starting"] is False


def test_explain_shows_a_steward_the_governed_statement(lake_demo: Demo) -> None:
    done = lake_demo.command("explain", "--user", "trader1", "SELECT price FROM iceberg.trading.trades")
    assert done.returncode == 0, done.stderr
    assert "\"desk\" = 'CAISO'" in done.stdout
    refused = lake_demo.command("explain", "--user", "analyst1", "SELECT price FROM iceberg.trading.trades")
    assert refused.returncode == 1
    assert "TABLE_NOT_FOUND" in refused.stderr


@pytest.mark.parametrize("command", ["serve", "demo", "check-config", "explain", "token", "doctor", "migrate"])
def test_every_command_explains_itself(lake_demo: Demo, command: str) -> None:
    assert command in lake_demo.command("--help").stdout
    done = lake_demo.command(command, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_the_real_trino_serves_the_same_tables_beside_the_gateway(trino_demo: Demo) -> None:
    import trino

    sql = "SELECT desk, count(*), sum(price) FROM iceberg.trading.trades GROUP BY desk ORDER BY desk"
    answers = []
    for port in (trino_demo.port, trino_demo.trino_port):
        cursor = trino.dbapi.connect(host="127.0.0.1", port=port, user="admin1").cursor()
        cursor.execute(sql)
        answers.append(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM tpch.tiny.nation")
        answers.append(cursor.fetchall())
    assert answers[:2] == answers[2:]


def test_check_config_accepts_the_demo(lake_demo: Demo) -> None:
    done = lake_demo.command("check-config")
    assert done.returncode == 0, done.stderr
