"""The store: SQLite and Postgres hold the same rows, once each, whatever was sent how often."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import recording
from gateway.budgets.settling import move_charges
from gateway.recording.database import connect_engine
from gateway.recording.database import store_url as parse_url
from gateway.recording.entries import FINAL, decode_line, encode_line
from gateway.recording.schema import VERSION_TABLE, _alone, _config, _in_own_loop, current, migrate, pending
from gateway.recording.store import StoreError, UsageStore
from gateway.recording.tables import metadata
from gateway.usage_record import UsageRecord
from tests.gateway.recording.usage_records import finished, wild_records


@pytest.mark.asyncio
async def test_a_row_comes_back_as_it_was(store_url: str) -> None:
    store = UsageStore(store_url)
    await store.insert([finished("q1")])
    assert await store.by_id("q1") == finished("q1")
    assert await store.by_id("unknown") is None
    await store.close()


@pytest.mark.asyncio
async def test_a_row_sent_again_stays_one_row(store_url: str) -> None:
    store = UsageStore(store_url)
    batch = [finished(f"q{number}") for number in range(20)]
    await store.insert(batch)
    await store.insert([*batch, *batch, finished("q20")])
    assert len(await store.recent(100)) == 21
    await store.close()


@pytest.mark.asyncio
async def test_a_write_that_takes_too_long_ends_by_itself_and_leaves_sqlite_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = asyncio.Event()

    async def slowly(connection: AsyncConnection, records: Sequence[UsageRecord]) -> None:
        await on.wait()
        await move_charges(connection, records)

    monkeypatch.setattr("gateway.recording.store.move_charges", slowly)
    await migrate(url := f"sqlite:///{tmp_path / 'usage.db'}")
    store = UsageStore(url, timeout=0.2, run_migrations=False)
    with pytest.raises(StoreError):
        await store.insert([finished("q1")])
    on.set()
    await store.close()
    again = UsageStore(url, run_migrations=False)
    assert await again.by_id("q1") == finished("q1")
    await again.insert([finished("q1"), finished("q2")])
    assert len(await again.recent(10)) == 2
    await again.close()


@pytest.mark.asyncio
async def test_sqlite_is_free_again_whenever_a_write_is_given_up(tmp_path: Path) -> None:
    await migrate(url := f"sqlite:///{tmp_path / 'usage.db'}")
    for milliseconds in range(1, 30):
        store = UsageStore(url, timeout=milliseconds / 1000, run_migrations=False)
        with suppress(StoreError):
            await store.insert([finished(f"q{milliseconds}-{number}") for number in range(20)])
        await store.close()
        with closing(sqlite3.connect(tmp_path / "usage.db", timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")


@pytest.mark.asyncio
async def test_the_real_outcome_replaces_cut_off_and_nothing_replaces_the_real_outcome(store_url: str) -> None:
    store = UsageStore(store_url)
    outcomes = []
    for outcome in ("CUT_OFF", "FAILED", "CUT_OFF", "FINISHED"):
        await store.insert([finished("q1", outcome)])
        row = await store.by_id("q1")
        assert row is not None
        outcomes.append(row.outcome)
    assert outcomes == ["CUT_OFF", "FAILED", "FAILED", "FAILED"]
    await store.close()


@pytest.mark.asyncio
async def test_recent_rows_come_newest_first_and_of_one_user_where_asked(store_url: str) -> None:
    store = UsageStore(store_url)
    rows = [finished(f"q{n}", received_at=1000.0 + n, user="ann" if n % 2 else "bob") for n in range(6)]
    await store.insert(rows)
    assert [row.query_id for row in await store.recent(3)] == ["q5", "q4", "q3"]
    assert [row.query_id for row in await store.recent(10, user="ann")] == ["q5", "q3", "q1"]
    assert await store.recent(0) == []
    await store.close()


def test_every_record_can_be_stored_so_that_none_blocks_those_behind_it(store_url: str) -> None:
    """Even texts with NUL and numbers beyond 64 bits; the journal has already replaced what is no Unicode."""
    with asyncio.Runner() as runner:
        store = UsageStore(store_url)

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(wild_records())
        def stored(record: UsageRecord) -> None:
            journaled = decode_line(encode_line(record, FINAL)[:-1])
            assert journaled is not None
            runner.run(store.insert([journaled]))
            row = runner.run(store.by_id(journaled.query_id.replace("\x00", "\ufffd")))
            assert row is not None

        stored()
        runner.run(store.close())


for _module in sorted(each.name for each in pkgutil.iter_modules(recording.__path__) if each.name.endswith("tables")):
    importlib.import_module(f"gateway.recording.{_module}")  # each adds its own to the metadata


@pytest.mark.asyncio
async def test_the_tables_made_by_migrations_are_those_the_code_uses(store_url: str) -> None:
    await migrate(store_url)
    engine = connect_engine(store_url)

    def differences(connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return compare_metadata(context, metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


@pytest.mark.asyncio
async def test_migrating_twice_changes_nothing(store_url: str) -> None:
    assert await current(store_url) is None
    revisions = await pending(store_url)
    assert revisions[0] == "usage_0001"
    assert await migrate(store_url) == revisions
    assert await migrate(store_url) == ()
    assert await pending(store_url) == ()
    assert await current(store_url) == revisions[-1]


@pytest.mark.asyncio
async def test_a_store_of_an_earlier_version_is_brought_up_to_date_with_its_rows(store_url: str) -> None:
    await migrate(store_url)
    store = UsageStore(store_url)
    await store.insert([finished("q1")])
    await asyncio.to_thread(_in_own_loop, store_url, _downgrade)
    assert await current(store_url) == "usage_0001"
    later = await pending(store_url)
    assert later[:2] == ("workers_0002", "client_info_0003")
    assert await migrate(store_url) == later
    assert await store.by_id("q1") == finished("q1", client_info=None, asked=None)
    await store.insert([finished("q2")])
    assert await store.by_id("q2") == finished("q2")
    await store.close()


def _downgrade(connection: Connection) -> None:
    """Take the tables back to those of the first version."""
    with _alone(connection):
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "usage_0001")


def test_gateways_that_start_at_once_migrate_once(store_url: str) -> None:
    script = """
        import asyncio, sys
        from gateway.recording.schema import migrate
        print(len(asyncio.run(migrate(sys.argv[1]))))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), store_url]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) for _ in range(3)]
    answers = sorted(int(run.communicate(timeout=60)[0]) for run in runs)
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert answers[:2] == [0, 0]
    assert answers[2] > 0


@pytest.mark.asyncio
async def test_without_migrations_rows_are_not_taken_until_somebody_migrates(store_url: str) -> None:
    store = UsageStore(store_url, run_migrations=False)
    with pytest.raises(StoreError):
        await store.ping()
    await migrate(store_url)
    await store.ping()
    await store.insert([finished("q1")])
    await store.close()


@pytest.mark.asyncio
async def test_both_databases_mean_the_same_moment(store_url: str) -> None:
    store = UsageStore(store_url)
    await store.insert([replace(finished("q1"), received_at=1_760_000_000.1234)])
    engine = connect_engine(store_url)
    expression = "received_at" if store_url.startswith("sqlite") else "extract(epoch FROM received_at) * 1000"
    async with engine.connect() as connection:
        answer = await connection.execute(text(f"SELECT CAST({expression} AS BIGINT) FROM penstock_usage"))
        assert answer.scalar_one() == 1_760_000_000_123
    await engine.dispose()
    row = await store.by_id("q1")
    assert row is not None
    assert row.received_at == 1_760_000_000.123
    await store.close()


@pytest.mark.asyncio
async def test_others_may_not_read_the_file(tmp_path: Path) -> None:
    store = UsageStore(f"sqlite:///{tmp_path}/deep/usage.db")
    await store.insert([finished("q1")])
    for path in (tmp_path / "deep").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    await store.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:hunter2@127.0.0.1:1/usage",
        "postgresql://someone:hunter2@no-such-host.invalid/usage",
        "sqlite:////proc/nowhere/usage.db",
    ],
)
async def test_an_error_tells_its_kind_and_neither_address_nor_password(url: str) -> None:
    store = UsageStore(url, timeout=8)
    with pytest.raises(StoreError) as caught:
        await store.insert([finished("q1")])
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None
    await store.close()


@pytest.mark.asyncio
@pytest.mark.postgres
async def test_a_wrong_password_is_an_error_of_the_store(postgres_server) -> None:
    url = postgres_server.url("postgres").replace(postgres_server.password, "wrong-password")
    store = UsageStore(url)
    with pytest.raises(StoreError) as caught:
        await store.ping()
    assert "InvalidPassword" in str(caught.value)
    assert "wrong-password" not in str(caught.value)
    await store.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("usage.db:hunter2", "not a URL"),
        ("mysql://u:hunter2@h/d", "sqlite or postgresql, not mysql"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_an_address_that_cannot_be_a_store_is_refused_without_repeating_it(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_postgres_goes_by_all_its_names(scheme: str) -> None:
    assert parse_url(f"{scheme}://u@h/d").drivername == "postgresql+asyncpg"
