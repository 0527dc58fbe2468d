"""Read views first, and write their rows into the statement of the engine that has the base.

Rows and text are bounded: what is more is not held, the base is read instead. So it is whatever fails here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import orjson

from catalog.errors import Refusal
from engines.base import Engine, EngineStatement, ResultPage
from engines.executions import PageGone, PageUnknown
from gateway.models import Owed, Planned, Rewritten, Stage
from gateway.planning.session_properties import OWN
from gateway.received import Received
from gateway.rewriting.handing import joined
from gateway.rewriting.rows import Unwritable, relation

_log = logging.getLogger("penstock.rewriting")
_EXACT = frozenset({"PARAMETRIC_DATETIME"})
"""What a client must know so that it gets all digits of a time."""


@dataclass(frozen=True, slots=True)
class StagingLimits:
    """What one statement may have written into it."""

    rows: int = 10_000
    characters: int = 800_000
    seconds: float = 10.0


class NotStaged(Exception):  # noqa: N818  (named for what it says of a statement)
    """Say why the base is to be read."""

    def __init__(self, reason: str, said: str, scanned: int = 0, owed: tuple[Owed, ...] = ()) -> None:
        """`reason` is for metrics, `said` for people; `scanned` and `owed` were read in vain."""
        super().__init__(said)
        self.reason, self.said, self.scanned, self.owed = reason, said, scanned, owed


@dataclass(slots=True)
class _Read:
    """What stages gave so far."""

    rows: int = 0
    characters: int = 0
    by_stage: dict[str, int] = field(default_factory=dict)
    """Bytes that each has scanned."""
    owed: list[Owed] = field(default_factory=list)

    @property
    def scanned(self) -> int:
        """Return the bytes that were scanned for all of them."""
        return sum(self.by_stage.values())

    def in_vain(self, reason: str, said: str) -> NotStaged:
        """Return why the base is to be read after all."""
        return NotStaged(reason, said, self.scanned, tuple(self.owed))


class Staging:
    """Run stages; one per worker."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        limits: StagingLimits,
        cap: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        """`cap` says how many bytes a statement may scan in all."""
        self._engines = engines
        self._limits = limits
        self._cap = cap

    async def stage(self, planned: Planned, received: Received) -> Planned:
        """Return a plan whose text holds the rows of its views. Raises NotStaged."""
        rewritten = planned.rewritten
        if rewritten is None or not rewritten.stages:
            return planned
        read = _Read()
        try:
            async with asyncio.timeout(self._limits.seconds):
                relations = await self._relations(rewritten, received, read)
        except TimeoutError:
            raise read.in_vain("failed", "a view was not read in time") from None
        except Unwritable as unwritable:
            raise read.in_vain("rows", f"a view gave {unwritable}") from None
        except (Refusal, PageGone, PageUnknown) as refusal:
            code = refusal.code.name if isinstance(refusal, Refusal) else "REMOTE_HOST_GONE"
            raise read.in_vain("failed", f"a view could not be read: {code}") from None
        sql = joined(rewritten.parts, rewritten.places, relations)
        plan = replace(planned.plan, sql=sql)
        return msgspec.structs.replace(
            planned,
            plan=plan,
            staged_bytes=planned.staged_bytes + read.scanned,
            owed=(*planned.owed, *read.owed),
        )

    async def _relations(self, rewritten: Rewritten, received: Received, read: _Read) -> list[str]:
        """Read all views at once; where one fails, the others end."""
        kind = self._engines[rewritten.plan.engine or ""].kind
        readings = [
            asyncio.create_task(self._relation(rewritten, at, received, read, kind))
            for at in range(len(rewritten.stages))
        ]
        try:
            return await asyncio.gather(*readings)
        finally:
            for reading in readings:
                reading.cancel()
            await asyncio.gather(*readings, return_exceptions=True)

    async def _relation(self, rewritten: Rewritten, at: int, received: Received, read: _Read, kind: str) -> str:
        stage = rewritten.stages[at]
        rows = await self._rows(stage, received, f"{received.query_id}_v{at}", read)
        # Writing a page of rows takes milliseconds, and others wait for the loop meanwhile.
        text = await asyncio.to_thread(relation, stage.columns, rows, kind)
        read.characters += len(text) * rewritten.places.count(at)
        if read.characters > self._limits.characters:
            raise self._too_many(read)
        return text

    async def _rows(self, stage: Stage, received: Received, query_id: str, read: _Read) -> list[Sequence[Any]]:
        engine = self._engines[stage.engine]
        statement = self._statement(stage, received, query_id)
        cursor: str | None = (await engine.submit(statement, query_id)).cursor
        rows: list[Sequence[Any]] = []
        try:
            while cursor is not None:
                page = await engine.page(cursor)
                self._count(page, read, Owed(stage.engine, query_id))
                if page.rows:
                    rows += orjson.loads(page.members["data"])
                cursor = page.next
        finally:
            if cursor is not None:
                with suppress(Exception):
                    await asyncio.shield(engine.cancel(cursor))
        return rows

    def _count(self, page: ResultPage, read: _Read, reading: Owed) -> None:
        """Count what a page brings. Raises NotStaged."""
        if page.scanned_bytes is not None:
            read.by_stage[reading.query_id] = page.scanned_bytes
        if page.scanned_soon:
            read.owed.append(reading)
        read.rows += page.rows
        if read.rows > self._limits.rows or len(page.members.get("data", b"")) > 2 * self._limits.characters:
            raise self._too_many(read)

    def _statement(self, stage: Stage, received: Received, query_id: str) -> EngineStatement:
        own = {name: value for name, value in received.session.properties.items() if name not in OWN}
        return EngineStatement(
            sql=stage.sql,
            user=received.principal.user,
            catalog=None,
            schema=None,
            time_zone=received.session.time_zone,
            columns=stage.columns,
            tables=stage.tables,
            session_properties=own,
            capabilities=_EXACT,
            trace=query_id,
            max_scan_bytes=self._cap(received.query_id),
        )

    def _too_many(self, read: _Read) -> NotStaged:
        said = f"a view gave more than is handed from one engine to another ({self._limits.rows} rows at most)"
        return read.in_vain("rows", said)
