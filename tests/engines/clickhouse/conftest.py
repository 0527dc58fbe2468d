"""Both ways to reach ClickHouse, over the same tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import clickhouse_connect
import pytest
import pytest_asyncio

from engines.clickhouse.engine import ClickHouseEngine
from tests.engines.clickhouse.world import SCRIPT
from tests.real.clickhouse import embedded, http_front, over_http, run_script

_STATEMENTS = [part for part in SCRIPT.split(";\n") if part.strip()]


@pytest.fixture(scope="session")
def tables_in_process() -> None:
    """Make the tables in this process's folder."""
    run_script(_STATEMENTS)


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve a folder with the same tables over HTTP."""
    with http_front(tmp_path_factory.mktemp("clickhouse")) as port:
        client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
        for statement in _STATEMENTS:
            client.command(statement)
        client.close()
        yield port


@pytest_asyncio.fixture(params=["in process", "over http"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[ClickHouseEngine]:
    """Open the engine each way."""
    async with AsyncExitStack() as stack:
        if request.param == "in process":
            request.getfixturevalue("tables_in_process")
            yield await stack.enter_async_context(embedded())
        else:
            yield await stack.enter_async_context(over_http(request.getfixturevalue("front")))
