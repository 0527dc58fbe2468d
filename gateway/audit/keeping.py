"""Keep the audit while a gateway runs: watch for what it is to know, anchor its chain, forward it to the sinks."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit.anchors import Anchors
from gateway.audit.forwarding import Forwarder, Sink
from gateway.audit.json_lines import JsonLinesSink
from gateway.audit.links import START, Head
from gateway.audit.spool import Spool
from gateway.audit.syslog import SyslogSink
from gateway.config.audit import Audit, JsonLines, Syslog
from gateway.events import AuditAnchored, AuditAppended

if TYPE_CHECKING:
    from gateway.events import EventBus


def audit_folder(data_dir: Path) -> Path:
    """Return where this host keeps its anchors and spools."""
    return data_dir / "audit"


async def open_keeping(config: Audit, folder: Path, store_url: str, bus: EventBus, stack: AsyncExitStack) -> None:
    """Anchor and forward what the chain takes from now on, until the stack closes: open this before the recorder.

    Raises OSError where a spool cannot be made.
    """
    for each in config.sinks:
        forwarder = Forwarder(each.name, _sink(each), Spool(folder / "spool" / each.name, each.spool_bytes), bus)
        forwarder.start()
        stack.push_async_callback(forwarder.close)
    anchoring = Anchoring(Anchors(folder, store_url), config.anchor_seconds, bus)
    anchoring.start()
    stack.push_async_callback(anchoring.close)


def _sink(config: JsonLines | Syslog) -> Sink:
    if isinstance(config, JsonLines):
        return JsonLinesSink(config.path, config.max_bytes, config.keep)
    return SyslogSink(config.url)


class Anchoring:
    """Tell the chain's head now and then, while it moves: the first one at once, the last one at the end."""

    def __init__(self, anchors: Anchors, seconds: float, bus: EventBus) -> None:
        """Listen from now on."""
        self._anchors = anchors
        self._seconds = seconds
        self._bus = bus
        self._told: Head = START
        self._head: Head = START
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe = bus.subscribe(AuditAppended, self._appended)

    def start(self) -> None:
        """Begin to tell."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Tell the last head."""
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._tell()

    def _appended(self, event: AuditAppended) -> None:
        self._head = event.head
        self._moved.set()

    async def _run(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            self._tell()
            await asyncio.sleep(self._seconds)

    def _tell(self) -> None:
        if self._head == self._told:
            return
        self._told = self._head
        with contextlib.suppress(OSError):  # the log and the sinks have it
            self._anchors.write(self._head)
        self._bus.publish(AuditAnchored(self._head))
