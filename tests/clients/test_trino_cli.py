"""The Trino command-line client, unmodified: its scripts, formats and interactive sessions, as with the real Trino."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests
from compared import Answers, check_cancelled, check_same, plain
from demo_process import Demo

DATA = (
    "SELECT desk, count(*) AS n, sum(qty_mwh) FROM trades GROUP BY desk ORDER BY desk",
    "SELECT iso, max(lmp_price) FROM curated.lmp_prices WHERE lmp_price > 0 GROUP BY iso ORDER BY iso",
    "SELECT DECIMAL '1.50' AS d, DATE '2026-03-08' AS day, TIMESTAMP '2026-03-08 01:02:03.123456' AS t, X'00ff' AS b",
    "SELECT TIMESTAMP '2026-03-08 01:02:03 America/New_York' AS z, TIME '01:02:03.5' AS c, CAST(NULL AS varchar) AS nothing",
    "SELECT ARRAY[1, 2] AS a, MAP(ARRAY['k', 'l'], ARRAY[1, NULL]) AS m, CAST(ROW(1, 'x') AS ROW(p integer, q varchar)) AS r",
    "SELECT 'it''s' AS quote, 'a\"b' AS double, 'tab\tand\nline' AS lines, 'Zoë 電力 😀' AS letters, '' AS empty",
    "SELECT * FROM (VALUES (1, 'one'), (2, NULL)) AS t (id, name) ORDER BY id",
    "SELECT x FROM (VALUES 1) AS t (x) WHERE x > 1",
    "DESCRIBE curated.lmp_prices",
    "SHOW TABLES FROM trading",
    "SHOW COLUMNS FROM trades LIKE 'trade%'",
)
SESSION = (
    "USE iceberg.curated",
    "SELECT count(*) FROM iso_node_mapping",
    "SET SESSION query_max_run_time = '20m'",
    "RESET SESSION query_max_run_time",
    "PREPARE p FROM SELECT 1 + ? AS sum",
    "EXECUTE p USING 2",
    "DEALLOCATE PREPARE p",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SELECT current_timezone()",
)
OF_THE_ENGINE = (
    "SHOW SESSION LIKE 'query_max_run_time'",
    "PREPARE p FROM SELECT 1 + ? AS sum",
    "DESCRIBE INPUT p",
    "DESCRIBE OUTPUT p",
)
CHANGES = (
    "DROP TABLE IF EXISTS sandbox.of_cli",
    "CREATE TABLE sandbox.of_cli (id bigint, name varchar)",
    "INSERT INTO sandbox.of_cli VALUES (1, 'a'), (2, NULL), (3, 'c')",
    "DELETE FROM sandbox.of_cli WHERE id = 3",
    "UPDATE sandbox.of_cli SET name = 'b' WHERE id = 2",
    "SELECT * FROM sandbox.of_cli ORDER BY id",
    "DROP TABLE sandbox.of_cli",
)
FAILURES = (
    "SELECT nope FROM trades",
    "SELEC 1",
    "SELECT 1 / 0",
    "SELECT * FROM nosuch.nosuch.nosuch",
    "SELECT * FROM trading.nosuch",
    "SELECT 1 +",
    "SELECT CAST('x' AS integer)",
    "EXECUTE nothing",
    "SET SESSION nosuch = 1",
    "CREATE TABLE curated.lmp_prices AS SELECT 1 AS x",
    "CREATE TABLE curated.lmp_prices (x integer)",
    "CREATE VIEW curated.lmp_prices AS SELECT 1 AS x",
    "DROP VIEW curated.lmp_prices",
)
HINTED = {"a session property": "a warning says how many rows the join makes"}
OF_THE_LAKE = {
    **HINTED,
    "what an engine says of itself": "own words for properties; parameters are typed by Trino only (docs/limits.md)",
    "failures": "the value that cannot be cast is not told",
}
SLOW = "SELECT count(*) FROM curated.lmp_prices a CROSS JOIN curated.lmp_prices b WHERE a.lmp_price < b.lmp_price"
_NOISE = re.compile(r".*org\.jline\..*\n|WARNING: Unable to create a system terminal.*\n")
"""What the client's own library says where there is no terminal."""
_ANSWERED = re.compile(r"(?:(?<=\n)\n|\A\n)?WARNING: answered from .*\n\n?")
"""What the gateway tells where one of the demo's views has answered, once it is built."""


def run(
    port: int, command: list[str], *more: str, user: str = "admin1", script: str | None = None, views: bool = False
) -> str:
    """Return what the client prints: its answers, what it complains of, and its exit code.

    `views` keeps what is told of views that answered.
    """
    server = ["--server", f"http://127.0.0.1:{port}", "--user", user, "--catalog", "iceberg", "--schema", "trading"]
    done = subprocess.run(
        [*command, *server, *more], input=script, capture_output=True, text=True, timeout=120, check=False
    )
    errors = _NOISE.sub("", done.stderr)
    return f"{done.stdout}{errors if views else _ANSWERED.sub('', errors)}exit {done.returncode}"


def answers(port: int, command: list[str], statements: Sequence[str], folder: Path) -> Answers:
    """Run scripts, and what fails with and without going on. One of the client's formats shows all that came."""
    script = folder / "script.sql"
    script.write_text(";\n".join(statements) + ";\n")
    failing = folder / "failing.sql"
    failing.write_text(";\n".join(FAILURES) + ";\n")
    found: Answers = {"a script": run(port, command, "--output-format", "CSV_HEADER", "--file", str(script))}
    found["failures"] = run(port, command, "--ignore-errors", "--file", str(failing))
    found["the first failure ends a script"] = run(port, command, "--execute", "SELECT 1; SELECT nope; SELECT 2")
    by_input = ";\n".join(("SELECT current_timezone()", *SESSION)) + ";\n"
    found["a script by standard input"] = run(port, command, "--timezone", "Europe/Rome", script=by_input)
    found["what an engine says of itself"] = run(port, command, "--execute", ";".join(OF_THE_ENGINE))
    found["a session property"] = run(port, command, "--session", "query_max_run_time=1ms", "--execute", SLOW)
    found["an unknown session property"] = run(port, command, "--session", "nosuch=7m", "--execute", "SELECT 1")
    return plain(found)  # type: ignore[no-any-return]  # JSON


@pytest.fixture(scope="module")
def direct(trino_demo: Demo, cli_command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What the client prints on the real Trino."""
    port, folder = trino_demo.trino_port, tmp_path_factory.mktemp("cli")
    return answers(port, cli_command, (*DATA, *SESSION, *CHANGES), folder)


def test_the_client_prints_what_it_prints_on_trino(
    trino_demo: Demo, cli_command: list[str], direct: Answers, tmp_path: Path
) -> None:
    check_same(direct, answers(trino_demo.port, cli_command, (*DATA, *SESSION, *CHANGES), tmp_path), HINTED)


@pytest.mark.long
def test_on_the_lake_the_client_prints_what_it_prints_on_trino(
    lake_demo: Demo, cli_command: list[str], direct: Answers, tmp_path: Path
) -> None:
    check_same(direct, answers(lake_demo.port, cli_command, (*DATA, *SESSION, *CHANGES), tmp_path), OF_THE_LAKE)


def test_the_scripts_ask_what_they_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert '"MISO"' in direct["a script"]
    assert direct["a script"].endswith("exit 0")
    assert direct["failures"].count("failed: ") == len(FAILURES)
    assert "Europe/Rome" in direct["a script by standard input"]


@pytest.mark.long
def test_a_big_result_is_printed_whole(trino_demo: Demo, cli_command: list[str]) -> None:
    sql = "SELECT * FROM curated.lmp_prices ORDER BY iso, node_id, interval_start_time LIMIT 200000"
    ports = (trino_demo.trino_port, trino_demo.port)
    one, other = (run(port, cli_command, "--output-format", "TSV", "--execute", sql) for port in ports)
    assert one.count(" UTC\t") == 200_000
    assert one == other


def test_an_interrupt_cancels_the_query(demo: Demo, cli_command: list[str]) -> None:
    server = ["--server", demo.url, "--user", "admin1", "--catalog", "iceberg"]
    # Where the tests themselves run in the background, an interrupt is ignored by all that they start.
    client = subprocess.Popen([*cli_command, *server, "--execute", SLOW], preexec_fn=hear_interrupts)
    try:
        await_running(demo.port)
        client.send_signal(signal.SIGINT)
        client.wait(timeout=60)
    finally:
        client.kill()
        client.wait()
    check_cancelled(demo.port)


def hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def await_running(port: int, seconds: float = 60) -> None:
    """Wait until the server runs the slow query."""
    until = time.monotonic() + seconds
    while True:
        found = requests.get(f"http://127.0.0.1:{port}/v1/query", headers={"X-Trino-User": "admin1"}, timeout=30).json()
        if any("CROSS JOIN" in each["query"] and each["state"] == "RUNNING" for each in found):
            return
        assert time.monotonic() < until, found
        time.sleep(0.2)


def test_people_see_what_policy_leaves_them(demo: Demo, cli_command: list[str]) -> None:
    assert (
        run(demo.port, cli_command, "--execute", "SELECT DISTINCT desk FROM trades", user="trader2") == '"MISO"\nexit 0'
    )
    described = run(demo.port, cli_command, "--execute", "DESCRIBE traders", user="analyst1")
    assert "email" in described
    assert "ssn" not in described


def test_the_client_tells_which_view_answered(demo: Demo, cli_command: list[str]) -> None:
    sql, told = "SELECT count(*) FROM curated.iso_node_mapping", "answered from materialized view clickhouse.views."
    until = time.monotonic() + 120  # views are built while the demo already answers
    while told not in (printed := run(demo.port, cli_command, "--execute", sql, views=True)):
        assert time.monotonic() < until, printed


def test_clickhouse_answers_the_client(demo: Demo, cli_command: list[str]) -> None:
    sql = "SELECT count(*) > 0 FROM clickhouse.marts.lmp_hourly"
    assert run(demo.port, cli_command, "--execute", sql, user="analyst1") == '"true"\nexit 0'
