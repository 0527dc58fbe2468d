"""Rows of the store, in batches, for a thread: a loop of its own asks for them and never runs far ahead."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Generator, Sequence
from typing import Any

from sqlalchemy import text

from gateway.recording.database import connect_engine
from gateway.usage_tables.queries import Asked

Rows = Sequence[Sequence[Any]]

_AHEAD = 2
_BATCH_SECONDS = 60.0
"""How long the store may take for one batch."""
_LOOK_SECONDS = 0.2

AWAY = "penstock:SERVER_STARTING_UP:Usage is not readable now, since the store does not answer; try again later"
"""An error in the form that the lake's engine turns into a refusal."""


class UsageUnread(Exception):  # noqa: N818  (it crosses a database's own errors, which keep its text only)
    """The store did not give its rows."""


def stream(url: str, asked: Asked, size: int) -> Generator[Rows, None, None]:
    """Yield the rows of an answer, at most `size` a batch. Raises UsageUnread; ends its work when it is closed."""
    parts: queue.Queue[Rows | Exception | None] = queue.Queue(_AHEAD)
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(url, asked, size, parts, stop), name="penstock-usage", daemon=True)
    thread.start()
    try:
        while (part := parts.get()) is not None:
            if isinstance(part, Exception):
                raise UsageUnread(AWAY) from part
            yield part
    finally:
        stop.set()


def _run(url: str, asked: Asked, size: int, parts: queue.Queue[Rows | Exception | None], stop: threading.Event) -> None:
    end: Exception | None = None
    try:
        asyncio.run(_read(url, asked, size, parts, stop))
    except Exception as error:  # noqa: BLE001  (drivers raise their own kinds; whoever reads must hear of any)
        end = error
    _put(parts, end, stop)


async def _read(
    url: str, asked: Asked, size: int, parts: queue.Queue[Rows | Exception | None], stop: threading.Event
) -> None:
    engine = connect_engine(url, patient=True)
    try:
        async with asyncio.timeout(_BATCH_SECONDS) as patience:
            async with engine.connect() as connection:
                query = text(asked.sql).execution_options(yield_per=size)
                found = await connection.stream(query, asked.parameters)
                async for part in found.partitions(size):
                    if not _put(parts, part, stop):
                        return
                    patience.reschedule(asyncio.get_running_loop().time() + _BATCH_SECONDS)
    finally:
        await engine.dispose()


def _put(parts: queue.Queue[Rows | Exception | None], part: Rows | Exception | None, stop: threading.Event) -> bool:
    """Hand on a part once there is room for it; False where nobody waits for it any more."""
    while not stop.is_set():
        try:
            parts.put(part, timeout=_LOOK_SECONDS)
        except queue.Full:
            continue
        return True
    return False
