"""The private Postgres of the demo and the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gateway.demo.downloads import DemoError
from gateway.demo.postgres import PostgresServer, find_programs, start_postgres

pytestmark = pytest.mark.postgres


def query(server: PostgresServer, sql: str, **environment: str) -> subprocess.CompletedProcess[str]:
    address = ["-h", server.host, "-p", str(server.port), "-U", server.user, "-d", "postgres"]
    return subprocess.run(
        [str(server.programs / "psql"), "-X", "-A", "-t", *address, "-c", sql],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_asks_for_its_password(postgres_server: PostgresServer) -> None:
    assert query(postgres_server, "SELECT 1", PGPASSWORD=postgres_server.password).stdout == "1\n"
    assert "password" in query(postgres_server, "SELECT 1", PGPASSWORD="wrong").stderr


def test_it_listens_on_loopback_only(postgres_server: PostgresServer) -> None:
    shown = query(postgres_server, "SHOW listen_addresses", PGPASSWORD=postgres_server.password).stdout
    assert shown.strip() == "127.0.0.1"


def test_databases_are_made_once(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("made_once")
    postgres_server.create_database("made_once")
    sql = "SELECT count(*) FROM pg_database WHERE datname = 'made_once'"
    assert query(postgres_server, sql, PGPASSWORD=postgres_server.password).stdout == "1\n"


@pytest.mark.parametrize("name", ["", "a b", 'x"; DROP DATABASE postgres; --', "Upper", "1a"])
def test_odd_names_of_databases_are_refused(postgres_server: PostgresServer, name: str) -> None:
    with pytest.raises(DemoError):
        postgres_server.create_database(name)


def test_what_is_in_it_survives_a_restart_below_a_folder_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    with start_postgres(closed / "pg", print) as server:
        server.create_database("kept")
    with start_postgres(closed / "pg", print) as again:
        found = query(again, "SELECT datname FROM pg_database", PGPASSWORD=again.password).stdout
    assert "kept" in found.split()
    assert (closed / "pg" / "password").stat().st_mode & 0o077 == 0


def test_a_half_made_one_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "pg" / "cluster" / "base").mkdir(parents=True)
    with start_postgres(tmp_path / "pg", print) as server:
        assert query(server, "SELECT 1", PGPASSWORD=server.password).stdout == "1\n"


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    with (
        start_postgres(tmp_path / "one", print) as server,
        pytest.raises(DemoError, match="Address already in use"),
        start_postgres(tmp_path / "two", print, port=server.port),
    ):
        pytest.fail("two servers on one port")


def test_without_postgres_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.demo.postgres.FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DemoError, match="apt-get install postgresql"):
        find_programs()
