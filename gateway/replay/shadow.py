"""Changesets in shadow: what clients asked is planned again under them, in another process, after it was answered.

A statement is never delayed, changed or failed by it: when it is over, its usage row is put into a bounded line, and
what there is no room for is counted as dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from gateway.events import EventBus, ShadowCompared, ShadowDropped, StatementFinished
from gateway.recording.bounded import StoreAway
from gateway.replay.differences import Difference
from gateway.replay.messages import ShadowAsked, ShadowFound
from gateway.replay.process import ComparingProcess, ComparisonFailed
from gateway.replay.shadow_store import MOST_ROWS, Batch, Key, Seen, ShadowStore
from gateway.replay.statements import Statement

if TYPE_CHECKING:
    from gateway.usage_record import UsageRecord
    from policies.index import PolicySet

_log = logging.getLogger("penstock.shadow")
_FOLLOW_SECONDS = 2.0
"""How often it is asked what is in shadow."""
_WRITE_SECONDS = 2.0
_AT_ONCE = 50
MOST_WAITING, MOST_CHARACTERS = 1_000, 4_000_000
"""The line: so many statements, with so much text in all."""

Drafts = Mapping[tuple[str, int], "PolicySet"]
"""What is in shadow, by the changeset's id and revision."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch that is on its way to the store: it does not change any more, and is known there by its number."""

    name: str
    number: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is in shadow now."""

    state: Hashable
    """Tells one state of the live policies and of the drafts from another."""
    load: Callable[[], Awaitable[tuple[PolicySet, Drafts]]]
    """Return the live policies and the drafts, compiled."""


Look = Callable[[], Awaitable[Sighting | None]]
"""Return what is in shadow; None while nobody knows."""


class Shadow:
    """The shadows of one worker."""

    def __init__(
        self,
        bus: EventBus,
        store: ShadowStore,
        look: Look,
        process: Callable[[], ComparingProcess],
        *,
        sample: float = 1.0,
        follow_seconds: float = _FOLLOW_SECONDS,
    ) -> None:
        """Do nothing yet; `sample` is the part of the statements that is compared."""
        self._bus = bus
        self._store = store
        self._look = look
        self._make = process
        self._sample = sample
        self._follow_seconds = follow_seconds
        self._names: tuple[str, ...] = ()
        """What is in shadow, as the process knows it: `changeset/revision`."""
        self._state: Hashable = None
        self._last: Hashable = None
        """What was taken last, also when another process has to be started for it."""
        self._process: ComparingProcess | None = None
        self._line: deque[UsageRecord] = deque()
        self._characters = 0
        self._dropped = 0
        self._batches: dict[str, Batch] = {}
        self._sealed: deque[Sealed] = deque()
        """What was or will be sent to the store, which has not said yet that it took it: at most one a name."""
        self._writer = uuid4().hex
        self._written = 0
        self._woken = asyncio.Event()
        self._busy = asyncio.Lock()
        """Held while the process is spoken to."""
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to follow what is in shadow."""
        self._unsubscribe = self._bus.subscribe(StatementFinished, self._finished)
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._work())]

    async def close(self) -> None:
        """Stop; what was found is written, what waits is counted as dropped."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._drop_line()
        await self._write()
        await self._end_process()

    def _finished(self, event: StatementFinished) -> None:
        """Put a statement into the line, if anything is in shadow and there is room."""
        record = event.record
        if not self._names or record.decision == "none":
            return
        if self._sample < 1.0 and random.random() >= self._sample:  # noqa: S311  (no secret)
            return
        if len(self._line) >= MOST_WAITING or self._characters + len(record.sql) > MOST_CHARACTERS:
            self._drop(1)
            return
        self._line.append(record)
        self._characters += len(record.sql)
        self._woken.set()

    def _drop(self, statements: int) -> None:
        """Count statements that will not be compared."""
        self._dropped += statements
        for name in self._names:
            self._batch(name).dropped += statements

    def _drop_line(self) -> None:
        """Count what waits as dropped."""
        if self._line:
            self._drop(len(self._line))
        self._line.clear()
        self._characters = 0

    async def _follow(self) -> None:
        forgotten = False
        while True:
            try:
                found = await self._look()
                if found is not None and found.state != self._state:
                    await self._take(found.state, *await found.load())
                if not forgotten:
                    await self._store.forget(time.time())
                    forgotten = True
            except Exception as error:  # noqa: BLE001  (the next look may be another matter, and statements go on)
                _log.warning("changesets in shadow are not followed: %s", type(error).__name__)
                await self._begin_again()
            await asyncio.sleep(self._follow_seconds)

    async def _take(self, state: Hashable, live: PolicySet, drafts: Drafts) -> None:
        """Compare with other drafts, or under other live policies, from here on."""
        async with self._busy:
            if state != self._last:
                self._drop_line()  # what was asked under other policies would be compared with these
            await self._write()
            named = {f"{changeset}/{revision}": draft for (changeset, revision), draft in drafts.items()}
            self._names, self._last = tuple(named), state  # what is asked from here on waits for the process
            if named:
                process = await self._running()
                await process.set_rules(live, named)
            else:
                await self._end_process()
            self._state = state
        self._woken.set()

    async def _running(self) -> ComparingProcess:
        if self._process is None:
            process = self._make()
            await process.start()
            self._process = process
        return self._process

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.close()

    async def _begin_again(self) -> None:
        """Let the next look start another process; what is asked until then waits in the line."""
        self._state = None
        await self._end_process()

    async def _work(self) -> None:
        written = time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WRITE_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._compare()
                if time.monotonic() - written >= _WRITE_SECONDS:
                    async with self._busy:
                        await self._write()
                    written = time.monotonic()
            except Exception as error:  # noqa: BLE001  (the next statements may be another matter)
                _log.warning("changesets in shadow: %s", type(error).__name__)
            if self._line and self._process is not None:
                self._woken.set()

    async def _compare(self) -> None:
        async with self._busy:
            process = self._process
            if process is None or not self._line:
                return
            taken = [self._line.popleft() for _ in range(min(_AT_ONCE, len(self._line)))]
            self._characters -= sum(len(record.sql) for record in taken)
            asked = tuple((_statement(record), record.received_at) for record in taken)
            try:
                await process.send_catalog()
                found = await process.ask(ShadowAsked(asked), ShadowFound)
            except asyncio.CancelledError:
                self._drop(len(taken))
                raise
            except Exception as error:  # noqa: BLE001  (whatever it is, another process may do it)
                reason = str(error) if isinstance(error, ComparisonFailed) else type(error).__name__
                _log.warning("the comparison with changesets in shadow failed: %s", reason)
                self._drop(len(taken))
                await self._begin_again()
                return
            self._note(taken, found)

    def _note(self, taken: list[UsageRecord], found: ShadowFound) -> None:
        kinds: Counter[str] = Counter()
        for name in self._names:
            batch = self._batch(name)
            batch.compared += found.compared
            batch.failed += found.failed.get(name, 0)
            for number, differences in found.found.get(name, ()):
                kinds.update({each.kind for each in differences})
                record = taken[number]
                for key, columns, reason in _merged(record, differences):
                    if key not in batch.seen and len(batch.seen) >= MOST_ROWS:
                        continue
                    seen = batch.seen.setdefault(
                        key, Seen(set(), reason, record.query_id, record.received_at, record.received_at)
                    )
                    seen.columns |= columns
                    seen.count += 1
                    seen.last_seen = max(seen.last_seen, record.received_at)
        self._bus.publish(ShadowCompared(len(taken), kinds))

    def _batch(self, name: str) -> Batch:
        now = time.time()
        batch = self._batches.setdefault(name, Batch(first_seen=now))
        batch.last_seen = now
        return batch

    async def _write(self) -> None:
        """Write what was found; what the store does not take now waits for the next time."""
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._bus.publish(ShadowDropped(dropped))
        try:
            await self._send()
            while self._batches:
                name, batch = self._batches.popitem()
                self._written += 1
                self._sealed.append(Sealed(name, self._written, batch))
            await self._send()
        except StoreAway:
            _log.warning("what changesets in shadow differ in is not written yet: the store does not answer")

    async def _send(self) -> None:
        """Send what is sealed. Raises StoreAway: perhaps it was taken all the same, so it is sent again as it is."""
        while self._sealed:
            first = self._sealed[0]
            changeset, _, revision = first.name.rpartition("/")
            await self._store.add(changeset, int(revision), first.batch, self._writer, first.number)
            self._sealed.popleft()


def _statement(record: UsageRecord) -> Statement:
    return Statement(
        record.query_id,
        record.sql,
        record.user,
        record.authenticated,
        record.auth_method,
        record.source,
        record.asked,
        record.roles,
        record.kind,
        record.decision == "allow",
        record.tables,
    )


def _merged(record: UsageRecord, differences: tuple[Difference, ...]) -> list[tuple[Key, set[str], str]]:
    """Return a statement's differences, those of one kind and table together."""
    fingerprint = (
        record.fingerprint or hashlib.blake2b(record.sql.encode("utf-8", "replace"), digest_size=12).hexdigest()
    )
    found: dict[Key, tuple[set[str], str]] = {}
    for each in differences:
        key = Key(each.kind, each.table, record.user, fingerprint)
        found.setdefault(key, (set(), each.reason))[0].update(each.columns)
    return [(key, columns, reason) for key, (columns, reason) in found.items()]
