"""Keep what is known of materialized views fresh, in the background: nobody ever waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from catalog.objects import TableName
from gateway.views.known import NO_VIEWS, KnownViews

_log = logging.getLogger("penstock.views")
_REST_SECONDS = 0.25
"""Between two looks, however often somebody asks for one."""

Look = Callable[[KnownViews], Awaitable[KnownViews]]
"""Find out how things stand now; given what was known before. See `gateway.views.looking`."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look came to."""

    seconds: float
    known: KnownViews | None
    """None where it failed."""
    error: str = ""


class Views:
    """Hold what is known now. All methods belong to one event loop; one look is under way at a time."""

    def __init__(self, look: Look, *, every: float = 5.0, observe: Callable[[Looked], None] = lambda _: None) -> None:
        """Look every so many seconds, once started; `observe` is told what came of it."""
        self._observe = observe
        self._look = look
        self._every = every
        self._known = NO_VIEWS
        self._wanted = asyncio.Event()
        self._looked = asyncio.Condition()
        self._begun = 0
        self._ended = 0
        self._looking: asyncio.Task[None] | None = None

    def known(self) -> KnownViews:
        """Return what is known now."""
        return self._known

    def kick(self, tables: Iterable[TableName] = ()) -> None:
        """Say that something changed (of `tables`, where that is known): the next look comes at once."""
        self._wanted.set()

    async def fresh(self) -> KnownViews:
        """Return what a look finds that begins now: for who made a change, and for commands."""
        wanted = self._begun + 1
        self.kick()
        async with self._looked:
            await self._looked.wait_for(lambda: self._ended >= wanted or self._looking is None)
        return self._known

    async def start(self) -> None:
        """Begin to look; returns at once."""
        self._looking = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Look no more."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        async with self._looked:
            self._looked.notify_all()

    async def _keep_looking(self) -> None:
        while True:
            self._wanted.clear()
            self._begun += 1
            began = time.monotonic()
            try:
                self._known = await self._look(self._known)
                looked = Looked(time.monotonic() - began, self._known)
            except Exception as error:  # noqa: BLE001  (the gateway is well whatever becomes of views)
                _log.warning("materialized views could not be looked at: %s", type(error).__name__)
                looked = Looked(time.monotonic() - began, None, type(error).__name__)
            self._observe(looked)
            async with self._looked:
                self._ended = self._begun
                self._looked.notify_all()
            await asyncio.sleep(_REST_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._every - _REST_SECONDS)):
                    await self._wanted.wait()
