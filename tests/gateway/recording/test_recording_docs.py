"""docs/recording.md says what is there: every column, and a query that runs."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer
from gateway.recording.database import connect_engine
from gateway.recording.settings import RecordingSettings
from gateway.recording.store import UsageStore
from gateway.recording.tables import usage
from tests.gateway.recording.usage_records import finished

PAGE = (Path(__file__).parents[3] / "docs" / "recording.md").read_text("utf-8")


def test_every_column_is_explained_and_no_other() -> None:
    table = PAGE.split("| column | meaning |")[1].split("\n\n")[0].strip()
    named = {name for line in table.splitlines() for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])}
    assert named == set(usage.columns.keys())


def test_the_defaults_told_are_those_in_force(tmp_path: Path) -> None:
    settings = RecordingSettings(tmp_path, "sqlite:///x")
    assert f"after {settings.batch_rows} rows or one second" in PAGE
    assert settings.batch_seconds == 1.0
    assert f"within {settings.sweep_seconds:g} s by another worker" in PAGE
    assert f"at most {settings.retry_seconds:g} s" in PAGE
    assert f"up to {settings.sql_limit:,} characters" in PAGE
    assert f"journal_bytes: {settings.max_bytes}" in PAGE


@pytest.mark.asyncio
@pytest.mark.postgres
async def test_the_example_finds_who_read_a_column(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("usage_docs")
    url = postgres_server.url("usage_docs")
    store = UsageStore(url)
    tables = (("iceberg.trading.traders", "select", ("trader_id", "email")),)
    now = 4_000_000_000.0  # the day to come never ends
    await store.insert(
        [
            finished("q1", user="ann", tables=tables, received_at=now),
            finished("q2", user="ann", tables=tables, received_at=now),
            finished("q3", user="bob", received_at=now),
        ]
    )
    await store.close()
    query = re.search(r"^    SELECT user_name.*?;$", PAGE, re.M | re.S)
    assert query is not None
    engine = connect_engine(url)
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql(textwrap.dedent(query[0]))
        assert [tuple(row) for row in rows] == [("ann", 2)]
    await engine.dispose()
