"""Run comparisons of drafts with recorded statements: one task each, its work in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from engines.base import Engine
from gateway.config import Config
from gateway.planning.context import EngineKinds
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.replay.counting import count_rows
from gateway.replay.diff import reported
from gateway.replay.dividing import divided, parts_for
from gateway.replay.jobs import Job, Jobs, State
from gateway.replay.messages import DiffAsked
from gateway.replay.process import ComparingProcess, ComparisonFailed
from gateway.replay.recorded import count_recorded
from gateway.replay.report import Report
from policies.index import PolicySet

_BEAT_SECONDS = 1.0
_DAY = 86_400.0


def kinds_of(config: Config, engines: Mapping[str, Engine]) -> EngineKinds:
    """Return which engine serves what, as the gateway's own planning has it."""
    return EngineKinds({e.name: e.kind for e in engines.values()}, config.default_engine or config.engines[0].name)


def limits_of(config: Config) -> Limits:
    """Return the limits of statements, as the gateway's own planning has them."""
    return Limits(config.limits.max_sql_bytes, config.limits.max_depth, config.limits.max_nodes)


def diffs_of(config: Config, catalog: CatalogCache, engines: Mapping[str, Engine], database: BoundedStore) -> Diffs:
    """Return the comparisons of a gateway."""
    return Diffs(database, catalog, engines, kinds_of(config, engines), limits_of(config))


class Diffs:
    """The comparisons that this worker does, and the way to those of all."""

    def __init__(
        self,
        database: BoundedStore,
        catalog: CatalogCache,
        engines: Mapping[str, Engine],
        kinds: EngineKinds,
        limits: Limits,
    ) -> None:
        """Do nothing yet."""
        self.jobs = Jobs(database)
        self._database = database
        self._catalog = catalog
        self._engines = engines
        self._kinds = kinds
        self._limits = limits
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(
        self, changeset: str, revision: int, author: str, days: float, sample: int, sets: tuple[PolicySet, PolicySet]
    ) -> Job | None:
        """Begin to compare the second set with the first; None where too many comparisons run. Raises StoreAway."""
        job = await self.jobs.begin(changeset, revision, author, days, sample)
        if job is not None:
            task = asyncio.create_task(self._run(job, *sets))
            self._tasks[job.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        return job

    async def close(self) -> None:
        """End what runs here, and say so in the store."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, job: Job, live: PolicySet, draft: PolicySet) -> None:
        processes: list[ComparingProcess] = []
        far = [0, 0]
        work = asyncio.create_task(self._report(job, processes, live, draft, far))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=_BEAT_SECONDS)
                if not await self._goes_on(job, far):  # also of what was done sooner than that was heard
                    await self._end(job, "cancelled")
                    return
            await self._end(job, "done", report=work.result())
        except asyncio.CancelledError:
            await self._end(job, "failed", "the gateway was stopped")
            raise
        except ComparisonFailed as error:
            await self._end(job, "failed", f"the comparison could not be done: {error}")
        except Exception as error:  # noqa: BLE001  (whoever polls must hear of an end)
            await self._end(job, "failed", f"the comparison could not be done: {type(error).__name__}")
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            for process in processes:
                await process.close()

    async def _report(
        self, job: Job, processes: list[ComparingProcess], live: PolicySet, draft: PolicySet, far: list[int]
    ) -> Report:
        def progress(done: int, total: int) -> None:
            far[:] = [done, total]

        start, now = time.monotonic(), time.time()
        since, until = now - job.days * _DAY, now
        rows = await self._database.within(lambda connection: count_recorded(connection, since, until))
        while len(processes) < parts_for(rows):
            processes.append(ComparingProcess(self._catalog, self._kinds, self._limits))
        asked = DiffAsked(self._database.url, since, until, now, job.sample)
        found = await divided(processes, live, draft, asked, progress)
        counts = await count_rows(found.sample, self._engines)
        return reported(found, counts, since=since, until=until, seconds=time.monotonic() - start)

    async def _goes_on(self, job: Job, far: list[int]) -> bool:
        """Tell how far the work is; a store that is away for a moment does not end it."""
        try:
            return await self.jobs.beat(job.id, far[0], far[1])
        except StoreAway:
            return True

    async def _end(self, job: Job, state: State, error: str = "", report: Report | None = None) -> None:
        for _ in range(3):
            with contextlib.suppress(StoreAway):
                await self.jobs.end(job.id, state, error=error, report=report)
                return
