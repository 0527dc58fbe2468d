"""Read what a server said before it broke off.

ClickHouse says what went wrong in the middle of an answer at its end, and breaks the connection. aiohttp forgets what
it has received and nobody has read yet when a connection breaks: of every answer that is read more slowly than it
comes, the words that name the error would be lost.
"""

from __future__ import annotations

import aiohttp
from aiohttp.connector import Connection
from clickhouse_connect.driver.asyncclient import AsyncClient


class _Reader:
    """Give a broken answer's bytes before its error."""

    def __init__(self, reader: aiohttp.StreamReader) -> None:
        self._reader = reader

    async def read(self, n: int = -1) -> bytes:
        """Read at most n bytes. Raises what the connection ended with once all have been read."""
        try:
            return await self._reader.read(n)
        except aiohttp.ClientError:
            left = self._reader._read_nowait(n)  # noqa: SLF001  (the public one raises first)
            if not left:
                raise
            return left

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)


class _Answer(aiohttp.ClientResponse):
    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        await super().start(connection)
        self.content = _Reader(self.content)  # type: ignore[assignment]  # what reads does not care for its class
        return self


def hear_last_words(client: AsyncClient) -> None:
    """Let a client read its answers so, over the connections it has and those it will open."""
    backend = client._backend  # noqa: SLF001  (the driver has no parameter for it)
    made = backend._new_session  # noqa: SLF001  (as above)

    def new_session() -> aiohttp.ClientSession:
        return _heard(made())

    backend._new_session = new_session  # type: ignore[method-assign]  # noqa: SLF001  (as above)
    if backend.session is not None:
        _heard(backend.session)


def _heard(session: aiohttp.ClientSession) -> aiohttp.ClientSession:
    session._response_class = _Answer  # noqa: SLF001  (as above)
    return session
