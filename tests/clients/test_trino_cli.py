"""The Trino command-line client, unmodified."""

from __future__ import annotations

import subprocess

from demo_process import Demo


def run(demo: Demo, command: list[str], sql: str, user: str = "admin1", *more: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--server", demo.url, "--user", user, "--catalog", "iceberg", "--schema", "trading", *more]
    return subprocess.run(
        [*command, *arguments, "--execute", sql], capture_output=True, text=True, timeout=90, check=False
    )


def test_queries_and_metadata(demo: Demo, cli_command: list[str]) -> None:
    done = run(demo, cli_command, "SELECT desk FROM trades GROUP BY desk ORDER BY desk", "trader2")
    assert done.stdout == '"MISO"\n', done.stderr
    assert '"lmp_prices"' in run(demo, cli_command, "SHOW TABLES FROM curated").stdout
    described = run(demo, cli_command, "DESCRIBE traders", "analyst1").stdout
    assert "email" in described
    assert "ssn" not in described


def test_errors_exit_with_a_code(demo: Demo, cli_command: list[str]) -> None:
    done = run(demo, cli_command, "SELECT nope FROM trades")
    assert done.returncode != 0
    assert "line 1:8: Column 'nope' cannot be resolved" in done.stderr


def test_session_statements_in_one_run(demo: Demo, cli_command: list[str]) -> None:
    done = run(
        demo,
        cli_command,
        "USE iceberg.curated; SHOW TABLES LIKE 'iso%'; PREPARE p FROM SELECT 1 + ?; EXECUTE p USING 2",
    )
    assert '"iso_node_mapping"' in done.stdout, done.stderr
    assert '"3"' in done.stdout


def test_clickhouse(demo: Demo, cli_command: list[str]) -> None:
    done = run(demo, cli_command, "SELECT count(*) > 0 FROM clickhouse.marts.lmp_hourly", "analyst1")
    assert done.stdout == '"true"\n', done.stderr
