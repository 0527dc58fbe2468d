"""Ask one engine what statements would read: once for a text and its tables' versions, however many wait for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Literal

import msgspec

from catalog.errors import Refusal
from catalog.objects import Table, TableName
from catalog.statistics import ScanEstimate
from engines.base import Engine, EngineStatement
from engines.estimates import EstimatingEngine
from gateway.models import Plan
from gateway.pricing.raw import Raw, nothing, put_together, unknown
from gateway.pricing.reading import read_whole, reads
from gateway.pricing.sound import sound_size
from gateway.pricing.versions import Versions
from gateway.pricing.widening import widest_of

_log = logging.getLogger("penstock.pricing")
_KEPT = 4096
_AT_ONCE = 4
"""Questions that one engine is asked at a time."""
_QUESTION_SECONDS = 60.0
"""How long a question may go on after its statement stopped waiting."""
_AGAIN_SECONDS = 5.0
"""How long an engine is left alone that could not answer."""

Answered = Literal["answered", "late", "failed"]


class Asking:
    """What one engine said of statements, as long as the versions of their tables hold."""

    def __init__(
        self,
        engine: Engine,
        *,
        refresh_seconds: float,
        bound: bool,
        told: Callable[[str, Answered, float], None] = lambda _, __, ___: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`bound` says that sizes of tables stand in for what is not known; `told` hears how questions went."""
        self._name = engine.name
        self._pairs_made = engine.kind != "lake"
        self._engine: EstimatingEngine | None = engine if isinstance(engine, EstimatingEngine) else None
        self.versions = Versions(self._engine, refresh_seconds, clock) if self._engine is not None else None
        self._refresh_seconds = refresh_seconds
        self._bound = bound
        self._told = told
        self._clock = clock
        self._kept: OrderedDict[object, Raw] = OrderedDict()
        self._under_way: dict[object, asyncio.Task[Raw]] = {}
        self._sizes: dict[TableName, int] = {}
        self._turn = asyncio.Semaphore(_AT_ONCE)

    @property
    def generation(self) -> int:
        """Return a number that changes whenever an answer may hold no longer."""
        return self.versions.generation if self.versions is not None else 0

    def holds(self, raw: Raw) -> bool:
        """Tell whether an answer is one that would be given now."""
        if self._clock() >= raw.until:
            return False
        return raw.versions is None or self.versions is None or self.versions.current(raw.versions)

    async def ask(self, plan: Plan, statement: EngineStatement, seconds: float) -> Raw:
        """Return what a plan's statement would read; within so many seconds, else what is known of its tables."""
        if not reads(plan):
            return nothing()
        if self._engine is None:
            return unknown("this engine says nothing of sizes")
        key = (plan.sql, plan.outline, plan.write)
        kept = self._kept.get(key)
        if kept is not None and self.holds(kept):
            return kept
        begun = self._clock()
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = self._begin(key, self._answer(plan, statement))
        try:
            return await asyncio.wait_for(asyncio.shield(task), seconds)
        except TimeoutError:
            self._told(self._name, "late", self._clock() - begun)
            return self._by_known_sizes(plan, f"engine {self._name} did not answer within {seconds:g} s")

    async def close(self) -> None:
        """Ask no more."""
        for task in tuple(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _begin(self, key: object, work: Coroutine[Any, Any, Raw]) -> asyncio.Task[Raw]:
        task = asyncio.get_running_loop().create_task(work)

        def done(ended: asyncio.Task[Raw]) -> None:
            self._under_way.pop(key, None)
            if not ended.cancelled() and ended.exception() is None:
                self._keep(key, ended.result())

        task.add_done_callback(done)
        return task

    def _keep(self, key: object, raw: Raw) -> None:
        self._kept[key] = raw
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    async def _answer(self, plan: Plan, statement: EngineStatement) -> Raw:
        """Ask; whatever goes wrong is an answer too, for a while."""
        begun = self._clock()
        try:
            async with self._turn, asyncio.timeout(_QUESTION_SECONDS):
                raw = await self._estimate(plan, statement)
        except Refusal as refusal:
            why = f"engine {self._name} did not answer ({refusal.code.name})"
        except TimeoutError:
            why = f"engine {self._name} did not answer in time"
        except Exception:  # noqa: BLE001  (an estimate that fails must not fail the statement)
            _log.exception("engine %s: estimating failed", self._name)
            why = f"estimating on engine {self._name} failed"
        else:
            self._told(self._name, "answered", self._clock() - begun)
            return raw
        self._told(self._name, "failed", self._clock() - begun)
        return self._by_known_sizes(plan, why)

    async def _estimate(self, plan: Plan, statement: EngineStatement) -> Raw:
        if self._engine is None or self.versions is None:
            return unknown("this engine says nothing of sizes")
        tables = {name: table for name, table in plan.depends_on if table is not None}
        tables |= {table.name: table for table in plan.engine_tables}
        read = read_whole(plan)
        whole = [tables[name] for name in read if name in tables]
        if len(whole) < len(read):
            return unknown("a table that the statement reads is not described")
        scans = plan.outline.scans if plan.outline is not None else ()
        asked = {scan.table: tables[scan.table] for scan in scans if scan.table in tables}
        versions = await self.versions.of([*asked.values(), *(each for each in whole if each.name not in asked)])
        found: list[ScanEstimate] = []
        if plan.outline is not None and scans:
            found += await self._engine.estimate(scans, asked, alone(statement))
            if len(found) != len(scans):
                return self._by_known_sizes(plan, f"engine {self._name} spoke of {len(found)} scans of {len(scans)}")
        sizes = [await self._size(table) for table in whole]
        raw = self._put_together(plan, found)
        self._remember(raw)
        if whole:
            raw = _and_whole(raw, sizes)
        unversioned = any(not version for version in versions.values())
        return replace(raw, versions=versions, until=self._soon(self._refresh_seconds) if unversioned else raw.until)

    def _put_together(self, plan: Plan, found: list[ScanEstimate]) -> Raw:
        outline = plan.outline
        if outline is None:
            return nothing()
        exact = outline.metadata_only or not outline.scans
        return put_together(
            found,
            exact=exact,
            bound=self._bound,
            widest=lambda scans: widest_of(outline, scans, built=self._pairs_made),
            size_of=self._sizes.get,
        )

    async def _size(self, table: Table) -> int | None:
        """Return a table's size, where the engine knows it."""
        statistics = await self._engine.statistics(table) if self._engine is not None else None
        size = sound_size(statistics.bytes) if statistics is not None else None
        if size is not None:
            self._sizes[table.name] = size
        return size

    def _remember(self, raw: Raw) -> None:
        for each in raw.scans:
            size = sound_size(each.statistics.bytes) if each.statistics is not None else None
            if size is not None:
                self._sizes[each.scan.table] = size

    def _by_known_sizes(self, plan: Plan, why: str) -> Raw:
        """Return what can be said without the engine: at most the sizes that its tables had when last heard of."""
        times = dict.fromkeys(read_whole(plan), 1)
        for scan in plan.outline.scans if plan.outline is not None else ():
            times[scan.table] = times.get(scan.table, 0) + max(1, scan.times)
        sizes = [self._sizes.get(name) for name in times]
        size = None
        if self._bound and None not in sizes:
            size = sum((each or 0) * count for each, count in zip(sizes, times.values(), strict=True))
        return unknown(why, size, self._soon(_AGAIN_SECONDS))

    def _soon(self, seconds: float) -> float:
        return self._clock() + seconds


def _and_whole(raw: Raw, sizes: list[int | None]) -> Raw:
    """Add tables that a statement reads for its changes, by their size."""
    told = [each for each in sizes if each is not None]
    if len(told) < len(sizes):
        return unknown("the size of a table that the statement changes is not known")
    by_size = unknown("what a change reads is bounded by its table", sum(told))
    low, likely, high = (one + other for one, other in zip(raw.bytes, by_size.bytes, strict=True))
    kind = raw.kind if raw.kind == "unknown" else by_size.kind
    basis = "; ".join(filter(None, (raw.basis if raw.scans else "", by_size.basis)))
    return replace(raw, kind=kind, bytes=type(raw.bytes)(low, likely, high), basis=basis, why=by_size.why)


def alone(statement: EngineStatement) -> EngineStatement:
    """Return a statement as it is asked about: outside its transaction, which a failing question would end."""
    return msgspec.structs.replace(statement, transaction=None, max_scan_bytes=None)
