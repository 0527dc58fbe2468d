"""Bring the store's tables up to date, from code, however many gateways start at once."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gateway.recording.database import connect_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

T = TypeVar("T")

VERSION_TABLE = "penstock_migrations"
"""Not alembic's default name, which other applications in the same database use."""

_LOCK_NUMBER = 0x70656E7374
"""The advisory lock's number in Postgres."""

_alembic = threading.Lock()
"""Alembic keeps the migration that runs in a module of its own: one at a time in a process."""


async def migrate(url: str) -> tuple[str, ...]:
    """Apply what is pending and return its revisions; of several that start at once one does it, the others wait.

    Raises ValueError for a bad address, sqlalchemy.exc.SQLAlchemyError or OSError when the store does not answer.
    """
    return await asyncio.to_thread(_in_own_loop, url, _upgrade)


async def current(url: str) -> str | None:
    """Return the revision of the store's tables; None before the first migration. Raises as `migrate`."""
    return await asyncio.to_thread(_in_own_loop, url, _revision)


async def pending(url: str) -> tuple[str, ...]:
    """Return the revisions that `migrate` would apply, oldest first. Raises as `migrate`."""
    return await asyncio.to_thread(_in_own_loop, url, _missing)


def _in_own_loop(url: str, work: Callable[[Connection], T]) -> T:
    """Run synchronous work on a connection in a loop of this thread, off the gateway's own."""

    async def connected() -> T:
        engine = connect_engine(url, autocommit=True)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    with _alembic:
        return asyncio.run(connected())


def _upgrade(connection: Connection) -> tuple[str, ...]:
    with _alone(connection):
        missing = _missing(connection)
        if missing:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return missing


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Hold a transaction that keeps other migrators out until it ends."""
    sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql("BEGIN EXCLUSIVE" if sqlite else "BEGIN")
    try:
        if not sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _revision(connection: Connection) -> str | None:
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _missing(connection: Connection) -> tuple[str, ...]:
    script = ScriptDirectory.from_config(_config())
    revisions = script.iterate_revisions("head", _revision(connection) or "base")
    return tuple(reversed([each.revision for each in revisions]))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
