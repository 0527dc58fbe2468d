"""The gateway in this process, as `penstock serve` assembles it: ClickHouse in process opens in one process only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gateway.config import load_config
from gateway.door import listen, open_door
from gateway.events import EventBus, StatementFinished
from gateway.house import House, open_house
from gateway.spending import Spending, open_spending
from gateway.usage_record import UsageRecord

T = TypeVar("T")
_THREADS = 32
_OPEN_SECONDS = 120.0
_RECORD_SECONDS = 30.0


@dataclass(slots=True)
class Served:
    """A gateway that listens, and what it says of each statement."""

    url: str
    house: House
    spending: Spending
    loop: asyncio.AbstractEventLoop
    _records: dict[str, UsageRecord] = field(default_factory=dict)
    _told: threading.Condition = field(default_factory=threading.Condition)

    def keep(self, record: UsageRecord) -> None:
        """Keep what a statement's usage row says."""
        with self._told:
            for known in (record.query_id, record.engine_query_id):  # by either of which a client may know it
                if known is not None:
                    self._records[known] = record
            self._told.notify_all()

    def record(self, query_id: str) -> UsageRecord:
        """Return a statement's usage row, which is written a moment after its last page. Raises KeyError."""
        with self._told:
            self._told.wait_for(lambda: query_id in self._records, _RECORD_SECONDS)
            return self._records.pop(query_id)

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 120.0) -> T:
        """Run something where the gateway runs, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)


@contextmanager
def served(config: Path) -> Iterator[Served]:
    """Serve by a configuration, in a thread of its own, until the block ends."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="cases"))
    thread = threading.Thread(target=loop.run_forever, name="gateway", daemon=True)
    thread.start()
    stack = AsyncExitStack()
    try:
        opened = asyncio.run_coroutine_threadsafe(_open(config, stack, loop), loop)
        yield opened.result(_OPEN_SECONDS)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(_OPEN_SECONDS)
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(_OPEN_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_OPEN_SECONDS)
        loop.close()


async def _open(config: Path, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> Served:
    bus = EventBus()
    house = await open_house(load_config(config), stack, bus)
    spending = await open_spending(house, stack)
    door = await open_door(house, spending, stack)
    await listen(house, door, stack, None, share_port=False)
    found = Served(f"http://127.0.0.1:{house.config.door.port}", house, spending, loop)
    bus.subscribe(StatementFinished, lambda event: found.keep(event.record))
    return found
