"""The real Trino and Postgres, started once for all suites of one run and stopped with it.

A machine without them skips the tests that need them; in CI (`CI=true`) they fail instead.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from gateway.demo.downloads import DemoError, trino_cli
from gateway.demo.postgres import PostgresServer, start_postgres
from gateway.demo.trino_server import TrinoServer, start_trino

SECONDS = 600
"""Time for a test that may have to bring and start the servers first."""
_stores = itertools.count()
_SLOW_TO_START = frozenset({"trino_server", "postgres_server", "demo", "lake_demo", "trino_demo"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers it uses, and give it the time that their first start takes."""
    for item in items:
        used = getattr(item, "fixturenames", ())
        for fixture, name in (("trino_server", "trino"), ("postgres_server", "postgres")):
            if fixture in used:
                item.add_marker(name)
        if _SLOW_TO_START & set(used) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Run a private Postgres; make databases of your own in it with `create_database`."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start_postgres(tmp_path_factory.mktemp("postgres"), print))
        except DemoError as error:
            without(f"Postgres: {error}")
        yield server


@pytest.fixture(scope="session")
def trino_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name the folder of the Iceberg tables that Trino and pyiceberg share."""
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="session")
def trino_server(
    postgres_server: PostgresServer, trino_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrinoServer]:
    """Run the real Trino 476 with tpch, tpcds, memory, blackhole and iceberg."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(
                start_trino(
                    tmp_path_factory.mktemp("trino"), print, postgres=postgres_server, warehouse=trino_warehouse
                )
            )
        except DemoError as error:
            without(f"Trino: {error}")
        yield server


@pytest.fixture(scope="session")
def trino_cli_command(trino_server: TrinoServer) -> tuple[str, ...]:
    """Return the Trino CLI's command line; add `--server URL` and the rest."""
    try:
        jar = trino_cli(print)
    except DemoError as error:
        without(f"the Trino CLI: {error}")
    return (str(trino_server.java / "bin" / "java"), "-jar", str(jar))


def without(reason: str) -> NoReturn:
    """Skip what needs a server that is not there; fail where that must not be."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, once of each kind: an SQLite file, a database of the one real Postgres."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'usage.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"store_{next(_stores)}"
    server.create_database(name)
    return server.url(name)
