"""Reach ClickHouse over HTTP by clickhouse-connect's asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient

from engines.clickhouse.connections import KILL_SQL, Block
from engines.clickhouse.decode import FORMATS
from engines.clickhouse.errors import translate_error
from engines.clickhouse.last_words import hear_last_words

_DISCONNECT = {"cancel_http_readonly_queries_on_client_close": "1"}
KILL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """Say where a server is and how the gateway logs in. `secure` means TLS, verified unless `verify` is false."""

    host: str
    port: int
    username: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False
    verify: bool = True
    connect_seconds: float = 5.0
    read_seconds: float = 300.0
    """Longest silence of the server before it counts as gone."""
    connections: int = 32


class HttpConnection:
    """Hold one asynchronous client, made at first use and made again after it could not be."""

    prompt = False

    def __init__(self, target: HttpTarget) -> None:
        """Remember the target; nothing is opened yet."""
        self._target = target
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def stream(self, sql: str, settings: Mapping[str, str], tag: str) -> AsyncGenerator[Block, None]:
        """Run a query and yield its blocks; the query ends when the generator is closed."""
        answering = False
        try:
            client = await self._opened()
            context = await client.query_column_block_stream(
                sql, settings={**settings, **_DISCONNECT}, query_formats=dict(FORMATS)
            )
            async with context as blocks:
                answering = True
                types = tuple(type_.name for type_ in cast(Any, context.source).column_types)
                async for columns in blocks:
                    yield Block(types, columns)
        except (asyncio.CancelledError, GeneratorExit):
            await self.kill(tag)
            raise
        except Exception as error:
            raise translate_error(error, answering=answering) from error

    async def rows(self, sql: str, parameters: Mapping[str, str]) -> Sequence[Sequence[str]]:
        """Run a catalog query."""
        try:
            client = await self._opened()
            result = await client.query(sql, parameters=dict(parameters))
        except Exception as error:
            raise translate_error(error) from error
        return cast(Sequence[Sequence[str]], result.result_rows)

    async def run(self, sql: str, settings: Mapping[str, str]) -> None:
        """Run a statement that answers nothing."""
        try:
            client = await self._opened()
            await client.command(sql, settings=dict(settings))
        except Exception as error:
            raise translate_error(error) from error

    async def flush_log(self) -> None:
        """Leave it to the server, which writes its log every few seconds."""

    async def kill(self, tag: str) -> None:
        """End the query that carries a tag."""
        if self._client is None:
            return
        try:
            async with asyncio.timeout(KILL_SECONDS):
                await self._client.query(KILL_SQL, parameters={"tag": tag})
        except Exception:  # noqa: BLE001  (the server also ends what nobody reads; there is no one to tell)
            return

    async def close(self) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await _open(self._target)
            return self._client


async def _open(target: HttpTarget) -> AsyncClient:
    client = await clickhouse_connect.get_async_client(
        interface="https" if target.secure else "http",
        host=target.host,
        port=target.port,
        username=target.username,
        password=target.password,
        verify=target.verify,
        connect_timeout=target.connect_seconds,
        send_receive_timeout=target.read_seconds,
        connector_limit=target.connections,
        connector_limit_per_host=target.connections,
        autogenerate_session_id=False,
        query_retries=1,
        client_name="penstock",
    )
    hear_last_words(client)
    return client
