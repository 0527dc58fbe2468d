"""Stores with their tables and nothing in them, of both kinds: copies of one that was migrated once."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.demo.postgres import PostgresServer
from gateway.recording.database import connect_engine
from gateway.recording.schema import migrate

_numbers = itertools.count(1)
_TEMPLATE = "budgets_template"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an SQLite store."""
    path = tmp_path_factory.mktemp("budget-stores") / "template.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres_server: PostgresServer) -> PostgresServer:
    """Make a database to copy from."""
    postgres_server.create_database(_TEMPLATE)
    asyncio.run(migrate(postgres_server.url(_TEMPLATE)))
    return postgres_server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def budget_store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a store of one's own, once of each kind."""
    if request.param == "sqlite":
        copy = tmp_path / "usage.db"
        shutil.copy(request.getfixturevalue("migrated_file"), copy)
        return f"sqlite:///{copy}"
    server: PostgresServer = request.getfixturevalue("migrated_database")
    name = f"budgets_{next(_numbers)}"
    asyncio.run(copy_database(server.url("postgres"), name))
    return server.url(name)


async def copy_database(url: str, name: str) -> None:
    """Make a store of the template, with nothing in it."""
    engine = connect_engine(url, autocommit=True)
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
    await engine.dispose()
