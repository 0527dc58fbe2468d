"""Compare rewritten statements with their base, after they were answered; a difference stops the views at once.

Both run again, at the same versions of the base: where those move meanwhile, nothing is said. What is found is counted;
a finding is kept with an exact reproduction before anything else is compared.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.errors import Refusal
from catalog.objects import TableName
from engines.base import Engine
from engines.executions import PageGone, PageUnknown
from gateway.events import Event, StatementFinished, StatementRewritten, ViewCompared, ViewQuarantined
from gateway.models import Planned, Rewritten
from gateway.partners.database import RegistryError
from gateway.recording.bounded import StoreAway
from gateway.rewriting.shadow.comparing import BAND, Difference, checksum, difference
from gateway.rewriting.shadow.counting import DIFFERENT, EQUAL, ComparisonStore
from gateway.rewriting.shadow.line import Asked, Line
from gateway.rewriting.shadow.quarantines import QuarantineStore, quarantine
from gateway.rewriting.shadow.reading import NotRead, Result, TooManyRows, result_of
from gateway.rewriting.staging import NotStaged, Staging
from gateway.rewriting.step import versions_of
from rewrite_rules.certificates.comparable import incomparable, is_counted_apart
from rewrite_rules.certificates.document import from_json

_log = logging.getLogger("penstock.rewriting")
_WRITE_SECONDS = 2.0
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class ShadowSettings:
    """What an operator may choose."""

    share: float = 0.01
    first: int = 20
    bytes_a_day: int = 50 * 1024**3
    """What one worker may read of the base for comparisons."""
    rows: int = 100_000
    seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a comparison came to: an outcome, and the difference with both results where there is one."""

    outcome: str
    difference: Difference | None = None
    base: Result | None = None
    views: Result | None = None


class ShadowViews:
    """One worker's comparisons. All methods belong to its loop."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        staging: Staging,
        quarantines: QuarantineStore,
        counts: ComparisonStore,
        settings: ShadowSettings,
        publish: Callable[[Event], None],
        kick: Callable[[tuple[TableName, ...]], None],
        line: Line | None = None,
    ) -> None:
        """`kick` has the registry of views look at once which of them may answer."""
        self._engines, self._staging = engines, staging
        self._quarantines, self._counts = quarantines, counts
        self._settings, self._publish, self._kick = settings, publish, kick
        self._line = line or Line(settings.share, settings.first)
        self._spent: tuple[int, int] = (0, 0)
        """(the day, bytes read of the base on it)."""
        self._found: Counter[tuple[str, str]] = Counter()
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self._idle.set()

    def begun(self, event: StatementRewritten) -> None:
        """Hear that a statement is to be answered from views."""
        self._line.chosen(event.received, event.planned)

    def over(self, event: StatementFinished) -> None:
        """Hear that a statement is over."""
        if self._line.ended(event.record):
            self._idle.clear()
            self._woken.set()

    def start(self) -> None:
        """Begin to compare."""
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._keep_counts())]

    async def close(self) -> None:
        """Stop; what was found is written, what waits is not compared."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.write()

    async def settled(self) -> None:
        """Wait until nothing waits to be compared."""
        await self._idle.wait()

    async def _work(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while (asked := self._line.next()) is not None:
                await self._one(asked)
            self._idle.set()

    async def _one(self, asked: Asked) -> None:
        try:
            found = await self.compare(asked)
        except Exception:  # noqa: BLE001  (statements go on, and so do comparisons)
            _log.exception("a comparison of views with their base failed")
            found = Found("failed")
        for view in asked.views:
            self._found[str(view), found.outcome] += 1
            self._publish(ViewCompared(str(view), found.outcome))
        if found.difference is not None:
            await self._stop(asked, found)

    # --- Comparing ---

    async def compare(self, asked: Asked) -> Found:
        """Run both ways of a statement once more and compare what they give."""
        rewritten, base = asked.planned.rewritten, asked.planned.base
        if rewritten is None or base is None:
            return Found("failed")
        why = await asyncio.to_thread(_objection, rewritten)
        if why is not None:
            return Found(why)
        if self._bytes_left() <= 0:
            return Found("budget")
        try:
            async with asyncio.timeout(self._settings.seconds):
                return await self._both(asked, rewritten)
        except TimeoutError:
            return Found("time")
        except TooManyRows:
            return Found("rows")
        except NotStaged as not_staged:
            return Found("rows" if not_staged.reason == "rows" else "failed")
        except (NotRead, Refusal, PageGone, PageUnknown):
            return Found("failed")

    async def _both(self, asked: Asked, rewritten: Rewritten) -> Found:
        if not await self._holds(rewritten):
            return Found("moved")
        views, base = await self._run(asked, rewritten)
        if not await self._holds(rewritten):
            return Found("moved")
        dossier = await asyncio.to_thread(from_json, rewritten.document)
        grades = [grade for _, grade in dossier.certificate.grades]
        band = BAND if is_counted_apart(dossier.certificate.query) else None
        different = await asyncio.to_thread(difference, base.rows, views.rows, grades, band=band)
        return Found(EQUAL if different is None else DIFFERENT, different, base, views)

    async def _run(self, asked: Asked, rewritten: Rewritten) -> tuple[Result, Result]:
        """Return what views and base give."""
        received, most = asked.received, self._settings.rows
        chosen = asked.planned
        assert chosen.base is not None  # noqa: S101  (for mypy: it was looked at)
        fresh = Planned(rewritten.plan, base=chosen.base, rewritten=rewritten)
        staged = await self._staging.stage(fresh, received)
        views = await result_of(staged.plan, received, self._engines, f"{received.query_id}_sv", most)
        base = await result_of(chosen.base, received, self._engines, f"{received.query_id}_sb", most)
        self._spend(base.scanned_bytes)
        return views, base

    async def _holds(self, rewritten: Rewritten) -> bool:
        now = await versions_of(rewritten.asked, self._engines)
        return now is not None and now == dict(rewritten.versions)

    def _bytes_left(self) -> int:
        day, spent = self._spent
        return self._settings.bytes_a_day - (spent if day == int(time.time() // _DAY_SECONDS) else 0)

    def _spend(self, read: int) -> None:
        today = int(time.time() // _DAY_SECONDS)
        day, spent = self._spent
        self._spent = (today, read + (spent if day == today else 0))

    # --- What follows a difference ---

    async def _stop(self, asked: Asked, found: Found) -> None:
        """Have nobody answered from the views any more, and keep how it came to that."""
        rewritten, different = asked.planned.rewritten, found.difference
        if rewritten is None or different is None:
            return
        reason = f"a comparison with the base differed: {different.text}"
        for view in asked.views:
            self._quarantines.suspect(view, reason)
        self._kick(asked.views)
        for view in asked.views:
            kept = await self._keep(view, reason, rewritten, _reproduction(asked, found))
            _log.error(
                "view %s is in quarantine: %s. Statements over it are answered from the base meanwhile. Finding %s, "
                "certificate %s; look with `penstock rewrite quarantines`, rebuild the view, then release it with "
                "`penstock views release`.",
                view,
                reason,
                kept or "not kept: the store is away, this worker remembers it",
                rewritten.certificate_id,
            )
            self._publish(ViewQuarantined(str(view), different.text, rewritten.certificate_id))

    async def _keep(self, view: TableName, reason: str, rewritten: Rewritten, reproduction: Mapping[str, Any]) -> str:
        """Write a finding; tried again while the store is away, for a view must not come back unnoticed."""
        change = quarantine(
            view, reason, certificate=rewritten.certificate_id, reproduction=reproduction, now=time.time()
        )
        for wait in (0.0, 1.0, 5.0, 15.0):
            await asyncio.sleep(wait)
            try:
                kept = await self._quarantines.change(change)
                self._quarantines.told(view)
                return kept.id
            except RegistryError:
                continue
        return ""

    # --- Counting ---

    async def _keep_counts(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what was counted."""
        for view, dropped in self._line.dropped.items():
            self._found[str(view), "busy"] += dropped
        self._line.dropped.clear()
        found, self._found = self._found, Counter()
        try:
            await self._counts.add(found, time.time())
        except StoreAway:
            self._found.update(found)


def _objection(rewritten: Rewritten) -> str | None:
    """Return why a statement is not compared: two right answers to it may differ."""
    if not rewritten.versions:
        return "stale"
    dossier = from_json(rewritten.document)
    return incomparable(dossier.certificate.query, dossier.tables)


def _reproduction(asked: Asked, found: Found) -> Mapping[str, Any]:
    """Return all that is needed to see the difference again."""
    rewritten, base = asked.planned.rewritten, asked.planned.base
    assert rewritten is not None  # noqa: S101  (for mypy: it was looked at)
    assert base is not None  # noqa: S101  (as above)
    assert found.difference is not None  # noqa: S101  (as above)
    return {
        "query_id": asked.received.query_id,
        "user": asked.received.principal.user,
        "sql": asked.received.sql,
        "time_zone": asked.received.session.time_zone,
        "certificate": rewritten.certificate_id,
        "versions": {str(name): version for name, version in rewritten.versions.items()},
        "base": _side(base.engine, base.sql, found.base),
        "views": _side(rewritten.plan.engine, rewritten.plan.sql, found.views),
        "readings": [{"view": str(stage.view), "engine": stage.engine, "sql": stage.sql} for stage in rewritten.stages],
        "only_base": found.difference.only_base,
        "only_views": found.difference.only_views,
    }


def _side(engine: str | None, sql: str | None, result: Result | None) -> Mapping[str, Any]:
    rows = result.rows if result is not None else ()
    return {"engine": engine, "sql": sql, "rows": len(rows), "checksum": checksum(rows)}
