"""The unmodified Python client against the door: fetching, cursors, cancel, sessions, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import trino
from trino.auth import BasicAuthentication
from trino.exceptions import TrinoUserError

from catalog.errors import ErrorCode, Location, Refusal
from catalog.types import VARCHAR
from engines.base import OutputColumn
from gateway.models import LocalAnswer
from gateway.protocols.trino.headers import added_prepare, set_session
from tests.gateway.protocols.trino.harness import local_plan, page, refusal, site

T = TypeVar("T")
ROWS = [[n, f"word {n}"] for n in range(1_000)]
PAGES = [page(), page(ROWS[:500]), page(ROWS[500:]), page(state="FINISHED")]


def connect(port: int, **options: Any) -> trino.dbapi.Connection:
    defaults: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": "alice", "catalog": "memory", "schema": "s"}
    return trino.dbapi.connect(**{**defaults, **options})


async def off_loop(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


@pytest.mark.asyncio
async def test_rows_columns_and_ids_arrive() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES

        def work() -> tuple[Any, Any, Any]:
            with connect(at.port) as connection:
                cursor = connection.cursor()
                cursor.execute("select")
                return cursor.fetchall(), cursor.description, cursor.query_id

        rows, description, query_id = await off_loop(work)
        assert rows == ROWS
        assert [column.name for column in description] == ["n", "word"]
        assert query_id == at.finished[0].query_id
        assert at.engine.submitted[0].catalog == "memory"


@pytest.mark.asyncio
async def test_a_refusal_is_a_user_error_with_name_message_and_place() -> None:
    async with site() as at:
        at.plans["bad"] = Refusal(ErrorCode.SYNTAX_ERROR, "mismatched input", location=Location(1, 5), hint="Fix it.")

        def work() -> None:
            connect(at.port).cursor().execute("bad")

        with pytest.raises(TrinoUserError) as raised:
            await off_loop(work)
        assert raised.value.error_name == "SYNTAX_ERROR"
        assert raised.value.message == "line 1:5: mismatched input. Fix it."
        assert raised.value.error_location == (1, 5)


@pytest.mark.asyncio
async def test_cancel_is_understood() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page(ROWS[:5])] * 50

        def work() -> None:
            cursor = connect(at.port).cursor()
            cursor.execute("select")
            cursor.fetchone()
            cursor.cancel()

        await off_loop(work)
        assert [r.outcome for r in at.finished] == ["CANCELED"]


@pytest.mark.asyncio
async def test_session_properties_and_prepared_statements_live_with_the_client() -> None:
    async with site() as at:
        done = (OutputColumn("result", VARCHAR),)
        at.plans["set"] = local_plan(LocalAnswer(done, (("true",),), (set_session("a", "x,y = ü"),)))
        at.plans["prepare"] = local_plan(LocalAnswer(done, (("true",),), (added_prepare("p 1", "select '%,' || ?"),)))
        at.engine.scripts["select"] = PAGES

        def work() -> Any:
            connection = connect(at.port)
            for sql in ("set", "prepare", "select"):
                cursor = connection.cursor()
                cursor.execute(sql)
                cursor.fetchall()
            return connection

        await off_loop(work)
        from gateway.events import StatementReceived

        session = at.of(StatementReceived)[-1].statement.session
        assert session.properties == {"a": "x,y = ü"}
        assert session.prepared == {"p 1": "select '%,' || ?"}


@pytest.mark.asyncio
async def test_a_lost_engine_becomes_an_error_within_the_clients_three_tries() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [refusal(ErrorCode.REMOTE_HOST_GONE), page()]

        def work() -> None:
            connect(at.port).cursor().execute("select")

        with pytest.raises(trino.exceptions.TrinoQueryError) as raised:
            await off_loop(work)
        assert raised.value.error_name == "REMOTE_HOST_GONE"


@pytest.mark.asyncio
async def test_wrong_credentials_are_said_to_be_wrong() -> None:
    async with site() as at:

        def work() -> None:
            connect(at.port, auth=BasicAuthentication("alice", "x"), allow_insecure_auth=True).cursor().execute(
                "select"
            )

        with pytest.raises(trino.exceptions.HttpError, match="401"):
            await off_loop(work)
        assert at.finished == []
