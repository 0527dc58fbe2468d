"""Answers of an engine that are asked for again when they are old; who asks meanwhile waits for the one question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MOST = 10_000


class Aging(Generic[K, V]):
    """Keep answers for some seconds, at most ten thousand. All methods belong to one event loop."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep each answer for so many seconds."""
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[K, tuple[float, asyncio.Future[V]]] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return an answer, asking where there is none that is young enough; a failure is not kept.

        A question goes on when those who wait for it stop waiting.
        """
        now = self._clock()
        kept = self._kept.get(key)
        if kept is None or now >= kept[0]:
            asked = asyncio.ensure_future(ask())
            kept = self._kept[key] = (now + self._seconds, asked)
            asked.add_done_callback(lambda done: self._drop_failed(key, done))
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
        return await asyncio.shield(kept[1])

    def close(self) -> None:
        """End the questions under way and forget all answers."""
        kept, self._kept = self._kept, {}
        for _, asked in kept.values():
            asked.cancel()

    def _drop_failed(self, key: K, done: asyncio.Future[V]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and key in self._kept and self._kept[key][1] is done:
            del self._kept[key]
