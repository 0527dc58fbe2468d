"""Who works next where only a few can: those who have begun first, then one of each user in turn."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class Turns:
    """Give out a fixed number of turns. All methods belong to one event loop.

    What has begun holds memory, so it goes on before anything new begins. Among the new, users take turns: who asks
    for a hundred statements at once does not make others wait for all of them.
    """

    def __init__(self, slots: int) -> None:
        """Let so many work at once."""
        self._free = slots
        self._begun: deque[asyncio.Future[None]] = deque()
        self._new: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def begin(self, user: str) -> None:
        """Wait for the first turn of something new."""
        await self._wait(self._new.setdefault(user, deque()) if self._free <= 0 else deque())

    async def go_on(self) -> None:
        """Wait for a further turn of what has begun."""
        await self._wait(self._begun)

    def give_back(self) -> None:
        """End a turn; whoever is next has it."""
        following = self._next()
        if following is None:
            self._free += 1
        else:
            following.set_result(None)

    async def _wait(self, line: deque[asyncio.Future[None]]) -> None:
        if self._free > 0:  # then nobody waits
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came in the very moment that nobody wanted it any more
                self.give_back()
            raise

    def _next(self) -> asyncio.Future[None] | None:
        if (waiting := _first(self._begun)) is not None:
            return waiting
        while self._new:
            user, line = self._new.popitem(last=False)
            waiting = _first(line)
            if line:
                self._new[user] = line
            if waiting is not None:
                return waiting
        return None


def _first(line: deque[asyncio.Future[None]]) -> asyncio.Future[None] | None:
    """Take the first of a line that still waits."""
    while line:
        turn = line.popleft()
        if not turn.done():
            return turn
    return None
