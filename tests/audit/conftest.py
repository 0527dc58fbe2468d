"""Stores for the tests of the audit: SQLite files and databases of the one real Postgres."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'usage.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"audit_{next(_numbers)}"
    server.create_database(name)
    return server.url(name)
