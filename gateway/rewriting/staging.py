"""Read views first, and write their rows into the statement of the engine that has the base.

Rows and text are bounded: what is more is not held, the base is read instead. So it is whatever fails here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import orjson

from catalog.errors import Refusal
from engines.base import Engine, EngineStatement
from engines.executions import PageGone, PageUnknown
from gateway.models import Planned, Rewritten, Stage
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

    def __init__(self, reason: str, said: str, scanned: int = 0) -> None:
        """`reason` is for metrics, `said` for people; `scanned` were the bytes read in vain."""
        super().__init__(said)
        self.reason, self.said, self.scanned = reason, said, scanned


@dataclass(slots=True)
class _Read:
    """What stages gave so far."""

    rows: int = 0
    characters: int = 0
    scanned: int = 0


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
            raise NotStaged("failed", "a view was not read in time", read.scanned) from None
        except Unwritable as unwritable:
            raise NotStaged("rows", f"a view gave {unwritable}", read.scanned) from None
        except (Refusal, PageGone, PageUnknown) as refusal:
            code = refusal.code.name if isinstance(refusal, Refusal) else "REMOTE_HOST_GONE"
            raise NotStaged("failed", f"a view could not be read: {code}", read.scanned) from None
        sql = joined(rewritten.parts, rewritten.places, relations)
        plan = replace(planned.plan, sql=sql)
        return msgspec.structs.replace(planned, plan=plan, staged_bytes=planned.staged_bytes + read.scanned)

    async def _relations(self, rewritten: Rewritten, received: Received, read: _Read) -> list[str]:
        kind = self._engines[rewritten.plan.engine or ""].kind
        relations = []
        for at, stage in enumerate(rewritten.stages):
            rows = await self._rows(stage, received, f"{received.query_id}_v{at}", read)
            # Writing a page of rows takes milliseconds, and others wait for the loop meanwhile.
            text = await asyncio.to_thread(relation, stage.columns, rows, kind)
            read.characters += len(text) * rewritten.places.count(at)
            if read.characters > self._limits.characters:
                raise self._too_many(read)
            relations.append(text)
        return relations

    async def _rows(self, stage: Stage, received: Received, query_id: str, read: _Read) -> list[Sequence[Any]]:
        engine = self._engines[stage.engine]
        statement = self._statement(stage, received, query_id)
        cursor: str | None = (await engine.submit(statement, query_id)).cursor
        rows: list[Sequence[Any]] = []
        before = read.scanned
        try:
            while cursor is not None:
                page = await engine.page(cursor)
                read.scanned = before + (page.scanned_bytes or 0)
                read.rows += page.rows
                if read.rows > self._limits.rows or len(page.members.get("data", b"")) > 2 * self._limits.characters:
                    raise self._too_many(read)
                if page.rows:
                    rows += orjson.loads(page.members["data"])
                cursor = page.next
        finally:
            if cursor is not None:
                with suppress(Exception):
                    await asyncio.shield(engine.cancel(cursor))
        return rows

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
        return NotStaged("rows", said, read.scanned)
