"""What ClickHouse says that queries took: its query log, by the tag that each query carries.

*Scanned* means compressed bytes read from storage (`ReadCompressedBytes`), as with other engines. What ClickHouse tells
clients of a query is something else: bytes in memory, uncompressed, and in answers that stream not the last of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from catalog.errors import ErrorCode, Refusal
from engines.clickhouse.connections import Connection
from engines.estimates import Actuals

LOG_SQL = """
SELECT log_comment, ProfileEvents['ReadCompressedBytes'], read_rows, query_duration_ms
FROM system.query_log
WHERE type != 'QueryStart' AND is_initial_query AND event_date >= today() - 7
  AND has(splitByChar(',', {tags:String}), log_comment)
"""
"""A tag is on several queries where one had to be asked again."""
GATHER_SECONDS = 0.03
"""How long a question waits for others to go with it: it costs the server as much as a small query."""
_NOTHING = Actuals(None)
"""A server that keeps no log, or does not show it, reports nothing, however often it is asked."""
_HIDDEN = "ClickHouse error 497"


class QueryLog:
    """Ask a server's log. Those who ask meanwhile are answered together by the next question."""

    def __init__(self, connection: Connection, *, gather: float = GATHER_SECONDS) -> None:
        """Remember whom to ask; nothing is asked yet."""
        self._connection = connection
        self._gather = gather
        self._waiting: dict[str, asyncio.Future[Actuals | None]] = {}
        self._asker: asyncio.Task[None] | None = None
        self._absent = False

    @property
    def prompt(self) -> bool:
        """Tell whether the log knows of queries as soon as they have ended, as far as is known of it."""
        return self._connection.prompt and not self._absent

    async def of(self, tag: str) -> Actuals | None:
        """Say what the query of a tag took; None where the log does not know it (yet). Raises Refusal."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.setdefault(tag, loop.create_future())
        if self._asker is None:
            self._asker = loop.create_task(self._ask())
        return await asyncio.shield(waiting)

    async def close(self) -> None:
        """End the question under way; who waits for it is refused."""
        if self._asker is not None:
            self._asker.cancel()
            await asyncio.wait([self._asker])
        asked, self._waiting = self._waiting, {}
        _refuse(asked, Refusal(ErrorCode.SERVER_SHUTTING_DOWN, "Closing"))

    async def _ask(self) -> None:
        while self._waiting:
            asked = self._waiting
            try:
                await asyncio.sleep(self._gather)
                self._waiting = {}
                found = await self._question(tuple(asked))
            except Refusal as refusal:
                _refuse(asked, refusal)
            except BaseException:  # whatever it is, nobody is left waiting
                _refuse({**asked, **self._waiting}, Refusal(ErrorCode.SERVER_SHUTTING_DOWN, "Closing"))
                self._waiting, self._asker = {}, None
                raise
            else:
                self._absent = found is None
                for tag, waiting in asked.items():
                    waiting.set_result(found.get(tag) if found is not None else _NOTHING)
        self._asker = None

    async def _question(self, tags: Sequence[str]) -> Mapping[str, Actuals] | None:
        """Ask for several queries at once; None where the server keeps no log that the gateway may read."""
        try:
            await self._connection.flush_log()
            rows = await self._connection.rows(LOG_SQL, {"tags": ",".join(tags)})
        except Refusal as refusal:
            if refusal.code is ErrorCode.TABLE_NOT_FOUND or (refusal.detail or "").startswith(_HIDDEN):
                return None
            raise
        found: dict[str, Actuals] = {}
        for tag, scanned, read, took in rows:
            before = found.get(tag, Actuals(0, 0, 0.0))
            found[tag] = Actuals(
                (before.scanned_bytes or 0) + int(scanned),
                (before.rows_read or 0) + int(read),
                max(before.seconds or 0.0, int(took) / 1000),
            )
        return found


def _refuse(asked: Mapping[str, asyncio.Future[Actuals | None]], refusal: Refusal) -> None:
    for waiting in asked.values():
        if not waiting.done():
            waiting.set_exception(refusal)
        waiting.exception()  # looked at: those who asked may have gone
