"""Forward what the chain took to a sink, by way of its spool: no statement and no batch waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.audit.lines import anchor_line, to_line
from gateway.audit.spool import Spool
from gateway.events import AuditAnchored, AuditAppended, AuditForwarded, AuditForwardingLost, AuditSinkChanged

if TYPE_CHECKING:
    from gateway.events import Event, EventBus

_SEND_SECONDS = 10.0
_FIRST_RETRY_SECONDS = 0.25
_LAST_RETRY_SECONDS = 30.0
_ADOPT_SECONDS = 30.0
_SETTLE_SECONDS = 2.0
"""A connection that is still there so long after lines were sent is taken to have delivered them."""
_CLOSE_SECONDS = 3.0


class Sink(Protocol):
    """Where lines go. `sure` says that what was sent has arrived, as a file is; a connection may break afterwards."""

    sure: bool

    async def send(self, lines: Sequence[bytes]) -> None:
        """Deliver lines. Raises OSError or TimeoutError, and then all of them are sent again."""
        ...

    def alive(self) -> bool:
        """Tell whether the connection still stands."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class Forwarder:
    """Move lines from a spool to a sink while it takes them, ever more rarely try while it does not."""

    def __init__(self, name: str, sink: Sink, spool: Spool, bus: EventBus) -> None:
        """Listen to `bus` from now on."""
        self._name = name
        self._sink = sink
        self._spool = spool
        self._publish: Callable[[Event], None] = bus.publish
        self._wake = asyncio.Event()
        self._leaving = False
        self._up: bool | None = None
        self._failures = 0
        self._unsure: tuple[Path, int] | None = None
        self._sent_at = 0.0
        self._adopted_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe = [bus.subscribe(AuditAppended, self._appended), bus.subscribe(AuditAnchored, self._anchored)]

    def start(self) -> None:
        """Begin to forward."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Forward what waits for some seconds; the rest stays in the spool for the next start."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._leaving = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._sink.close()
        self._spool.close()

    def _appended(self, event: AuditAppended) -> None:
        self._take([to_line(link) for link in (*event.known, *event.new)])

    def _anchored(self, event: AuditAnchored) -> None:
        self._take([anchor_line(event.head, time.time())])

    def _take(self, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        try:
            lost = self._spool.put(lines)
        except OSError:
            self._publish(AuditForwardingLost(self._name, len(lines), "disk"))
            return
        self._lose(lost)
        self._wake.set()

    def _lose(self, lines: int) -> None:
        if lines:
            self._publish(AuditForwardingLost(self._name, lines, "spool full"))

    async def _run(self) -> None:
        while True:
            self._adopt()
            try:
                await self._send_all()
            except Exception as error:  # noqa: BLE001  (whatever a sink does, the spool keeps the lines)
                self._down(error)
            if self._leaving:
                return
            await self._pause()

    async def _send_all(self) -> None:
        while (path := self._next()) is not None:
            lines = await asyncio.to_thread(_read, path)
            async with asyncio.timeout(_SEND_SECONDS):
                await self._sink.send(lines)
            self._settle()
            self._unsure, self._sent_at = (path, len(lines)), time.monotonic()
            if self._sink.sure:
                self._settle()
        if self._leaving or time.monotonic() - self._sent_at >= _SETTLE_SECONDS:
            self._settle()

    def _next(self) -> Path | None:
        """Return the file to send next: after a broken connection the last one again. Raises OSError if it broke."""
        if self._unsure is not None and not self._sink.alive():
            self._unsure = None
            raise ConnectionResetError
        return self._spool.first(besides=self._unsure[0] if self._unsure is not None else None)

    def _settle(self) -> None:
        """Let go of the lines whose arrival was not sure until now."""
        if self._unsure is None:
            return
        (path, lines), self._unsure = self._unsure, None
        self._spool.drop(path)
        self._failures = 0
        self._changed(True)
        self._publish(AuditForwarded(self._name, lines, self._spool.size))

    def _adopt(self) -> None:
        if time.monotonic() - self._adopted_at >= _ADOPT_SECONDS:
            self._adopted_at = time.monotonic()
            with contextlib.suppress(OSError):
                self._lose(self._spool.adopt())

    async def _pause(self) -> None:
        """Wait for lines, or after a failure for a growing time."""
        seconds = _SETTLE_SECONDS if self._unsure is not None else _ADOPT_SECONDS
        if self._failures and self._unsure is None:
            seconds = min(_LAST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2.0**self._failures)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._wake.wait()
            self._wake.clear()
            if self._leaving or not self._failures:
                return

    def _down(self, error: Exception) -> None:
        self._unsure = None
        self._failures = min(self._failures + 1, 20)
        self._changed(False, type(error).__name__)
        self._publish(AuditForwarded(self._name, 0, self._spool.size))

    def _changed(self, up: bool, reason: str = "") -> None:
        if self._up is not up:
            self._up = up
            self._publish(AuditSinkChanged(self._name, up, reason))


def _read(path: Path) -> list[bytes]:
    """Return a file's whole lines; none if it was dropped meanwhile to make room."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
