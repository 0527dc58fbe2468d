"""What a cluster answers to EXPLAIN (TYPE IO): asked once where a statement is priced and attested one after the other.

Who prices a statement may join a question that is under way. Who attests it may take the answer that its price was made
from, if that was asked for only just now, and once: afterwards the cluster is asked anew, for it may have changed. What
the query itself reads is asked about while it runs, whatever was answered before.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from engines.base import EngineStatement
from engines.reads import Unanswered

Ask: TypeAlias = Callable[[EngineStatement], Awaitable[str]]
"""Ask the cluster; raises Unanswered."""
FRESH_SECONDS = 2.0
"""How long ago a question may have begun whose answer is as good as a new one."""
_MOST = 1_000


@dataclass(slots=True, eq=False)
class _Question:
    begun: float
    task: asyncio.Task[str]
    waiting: int = 0


class Explained:
    """Ask, and keep answers for a moment. All methods belong to one event loop."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask nothing yet."""
        self._ask = ask
        self._clock = clock
        self._questions: OrderedDict[bytes, _Question] = OrderedDict()

    async def for_price(self, statement: EngineStatement) -> str:
        """Return the answer, and keep it for who attests the statement. Raises Unanswered."""
        key = _key(statement)
        question = self._young(key)
        if question is None:
            question = self._begin(key, statement)
        return await self._answer(key, question)

    async def for_attesting(self, statement: EngineStatement) -> str:
        """Return the answer that its price was made from just now, or a new one. Raises Unanswered.

        What is written cannot be taken back: a write is always asked about anew.
        """
        key = _key(statement)
        question = self._young(key) if statement.write is None else None
        self._questions.pop(key, None)
        if question is None:
            question = self._begin(None, statement)
        return await self._answer(key, question)

    def close(self) -> None:
        """End the questions under way."""
        for question in self._questions.values():
            question.task.cancel()
        self._questions.clear()

    def _young(self, key: bytes) -> _Question | None:
        """Return a question that began only just now, and whose answer says what the statement reads, or will."""
        question = self._questions.get(key)
        if question is None or self._clock() - question.begun > FRESH_SECONDS or question.task.cancelled():
            return None
        failure = question.task.exception() if question.task.done() else None
        return question if failure is None or _is_told(failure) else None

    def _begin(self, key: bytes | None, statement: EngineStatement) -> _Question:
        question = _Question(self._clock(), asyncio.ensure_future(_asked(self._ask, statement)))
        if key is not None:
            self._questions[key] = question
            self._questions.move_to_end(key)
            if len(self._questions) > _MOST:
                self._questions.popitem(last=False)
        return question

    async def _answer(self, key: bytes, question: _Question) -> str:
        """Wait for an answer; a question that nobody waits for any more is ended on the cluster, too."""
        question.waiting += 1
        try:
            return await asyncio.shield(question.task)
        finally:
            question.waiting -= 1
            if not question.waiting and not question.task.done():
                if self._questions.get(key) is question:
                    del self._questions[key]
                question.task.cancel()
                with suppress(BaseException):
                    await question.task


async def _asked(ask: Ask, statement: EngineStatement) -> str:
    return await ask(statement)


def _is_told(failure: BaseException) -> bool:
    """Tell whether a failure is the cluster's own word about the statement."""
    return isinstance(failure, Unanswered) and failure.error is not None


def _key(statement: EngineStatement) -> bytes:
    """Name all that a question's answer hangs on."""
    parts = (
        statement.sql,
        statement.user,
        statement.time_zone,
        sorted(statement.session_properties.items()),
        sorted(statement.headers),
        sorted(statement.capabilities),
        statement.prepared,
    )
    return msgspec.msgpack.encode(parts)
