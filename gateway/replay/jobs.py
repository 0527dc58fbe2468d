"""Comparisons as rows of the store, so that any worker and replica tells how one stands, and may end it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import RowMapping, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore
from gateway.recording.replay_tables import diffs
from gateway.replay.report import Report

State = Literal["running", "done", "cancelled", "failed"]
MOST_RUNNING = 2
"""Comparisons at once, of all workers and replicas."""
_DEAD_SECONDS = 30.0
_KEPT_SECONDS = 7 * 86_400.0
_STARTED = [column for column in diffs.c if column.name != "report"]


@dataclass(frozen=True, slots=True)
class Job:
    """One comparison of a changeset with recorded statements."""

    id: str
    changeset: str
    revision: int
    author: str
    days: float
    sample: int
    state: State
    done: int
    total: int
    made_at: float
    beat_at: float
    cancel: bool
    error: str
    report: Report | None = None

    def at(self, now: float) -> Job:
        """Return how it stands: one whose worker has not been heard of for long will never end."""
        if self.state == "running" and now - self.beat_at > _DEAD_SECONDS:
            return replace(self, state="failed", error="the worker that did it is gone")
        return self


class Jobs:
    """Keep comparisons. Methods raise StoreAway."""

    def __init__(self, database: BoundedStore) -> None:
        """Share a database."""
        self._database = database

    async def begin(self, changeset: str, revision: int, author: str, days: float, sample: int) -> Job | None:
        """Keep a comparison that begins now; None where too many are running. What is old is forgotten."""
        now = time.time()
        made = Job(
            str(uuid.uuid4()), changeset, revision, author, days, sample, "running", 0, 0, now, now, False, ""
        )  # fmt: skip

        async def work(connection: AsyncConnection) -> Job | None:
            await connection.execute(delete(diffs).where(diffs.c.made_at < now - _KEPT_SECONDS))
            alive = select(diffs.c.id).where(diffs.c.state == "running", diffs.c.beat_at > now - _DEAD_SECONDS)
            if len((await connection.execute(alive)).all()) >= MOST_RUNNING:
                return None
            row = {column.name: getattr(made, column.name) for column in _STARTED}
            await connection.execute(insert(diffs).values(**row, report=None))
            return made

        return await self._database.within(work)

    async def beat(self, job_id: str, done: int, total: int) -> bool:
        """Keep how far a comparison has come; tell whether it may go on."""

        async def work(connection: AsyncConnection) -> bool:
            values = {"done": done, "total": total, "beat_at": time.time()}
            await connection.execute(update(diffs).where(diffs.c.id == job_id).values(**values))
            found = (await connection.execute(select(diffs.c.cancel).where(diffs.c.id == job_id))).scalar()
            return found is False

        return await self._database.within(work)

    async def end(self, job_id: str, state: State, *, error: str = "", report: Report | None = None) -> None:
        """Keep what became of a comparison."""
        values = {
            "state": state,
            "error": error,
            "report": report.model_dump_json(ensure_ascii=True) if report is not None else None,
            "beat_at": time.time(),
        }

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(diffs).where(diffs.c.id == job_id).values(**values))

        await self._database.within(work)

    async def cancel(self, job_id: str) -> Job | None:
        """Ask for the end of a comparison; whoever does it hears of it within a second or two."""

        async def work(connection: AsyncConnection) -> None:
            running = (diffs.c.id == job_id, diffs.c.state == "running")
            await connection.execute(update(diffs).where(*running).values(cancel=True))

        await self._database.within(work)
        return await self.get(job_id)

    async def get(self, job_id: str) -> Job | None:
        """Return a comparison with its report; None where there is none, or none any more."""

        async def work(connection: AsyncConnection) -> Job | None:
            rows = (await connection.execute(select(diffs).where(diffs.c.id == job_id))).mappings().all()
            return _job(rows[0]) if rows else None

        return await self._database.within(work)

    async def of(self, changeset: str, limit: int, after: str = "") -> Sequence[Job]:
        """Return comparisons of a changeset without their reports, the youngest first, behind one of them if given."""

        async def work(connection: AsyncConnection) -> Sequence[Job]:
            query = select(*_STARTED).where(diffs.c.changeset == changeset)
            if after:
                made_at = select(diffs.c.made_at).where(diffs.c.id == after).scalar_subquery()
                query = query.where(
                    or_(diffs.c.made_at < made_at, and_(diffs.c.made_at == made_at, diffs.c.id > after))
                )
            query = query.order_by(diffs.c.made_at.desc(), diffs.c.id).limit(limit)
            return [_job(row) for row in (await connection.execute(query)).mappings()]

        return await self._database.within(work)


def _job(row: RowMapping) -> Job:
    text = row.get("report")
    values = {**row, "report": Report.model_validate_json(text) if text is not None else None}
    return Job(**values).at(time.time())
