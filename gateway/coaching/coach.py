"""The coach of a worker: advice on priced statements, hints that ride with their plans, and cheaper forms on request.

A warm statement pays for one look at what stands with its plan. Whatever takes longer is done in the background, or for
a statement that is refused or asks for it, and then within the time that the configuration gives.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
from sqlglot import exp

from catalog.objects import TableName
from gateway.coaching.alternatives import MAKERS, EstimateOf, Found, find_alternatives
from gateway.coaching.drafts import Maker, Matter
from gateway.coaching.hints import Hint, hints_of, worth_a_look
from gateway.coaching.model import NO_ADVICE, Advice, Alternative, Room
from gateway.coaching.offers import Offers
from gateway.coaching.reading import Own, read_own, sight_of
from gateway.coaching.words import size, usd
from gateway.config.coaching import Coaching
from gateway.events import CoachAdvised, Event
from gateway.models import NotPlanned, Plan, Planned
from gateway.pipeline import Pipeline
from gateway.planning.session_properties import AUTOFIX
from gateway.received import Received
from gateway.rewriting.telling import misses_told
from gateway.views.known import KnownViews
from policies.cost.estimate import Estimate

_FIRST_SECONDS = 0.05
"""How long a statement that is new waits for its hints; they ride from the next time on otherwise."""
_FRESH_SECONDS = 600.0
_log = logging.getLogger("penstock.coach")
Choose: TypeAlias = Callable[[Planned, Received], Awaitable[Planned]]
"""Return a plan as it would run now: over materialized views where these answer it."""


async def as_planned(planned: Planned, _: Received) -> Planned:
    """Choose nothing: without views every plan runs as it is."""
    return planned


@dataclass(frozen=True, slots=True)
class Coached:
    """What the coach has to say of a plan, kept with it."""

    until: float
    estimate: Estimate
    hints: tuple[Hint, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    instead: Planned | None = None
    """The cheaper form with the same result, planned and priced, where the session asks for it."""
    instead_kind: str = ""


class Coach:
    """Advise; one per worker."""

    def __init__(
        self,
        pipeline: Callable[[], Pipeline],
        estimate_of: EstimateOf,
        settings: Coaching,
        publish: Callable[[Event], None] = lambda _: None,
        makers: Sequence[Maker] = MAKERS,
        clock: Callable[[], float] = time.monotonic,
        choose: Choose = as_planned,
    ) -> None:
        """`pipeline` gives one that keeps no plans, under the policies in force; `choose` says what would run."""
        self._pipeline = pipeline
        self._estimate_of = estimate_of
        self._settings = settings
        self._publish = publish
        self._makers = makers
        self._clock = clock
        self._choose = choose
        self._tasks: set[asyncio.Task[Coached]] = set()
        self.offers = Offers()

    async def close(self) -> None:
        """Look for nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def advise(self, planned: Planned, received: Received, room: Room = Room()) -> Advice:  # noqa: B008  (frozen)
        """Return what can be said of a priced statement, as far as it is found in time. Raises nothing."""
        advice = await self.look(planned, received, room)
        self.offer(planned, received, advice.alternatives)
        return advice

    async def step(self, planned: Planned, received: Received) -> Planned:
        """Return a plan with the hints that are known of it, or its cheaper form where the session asks for that."""
        estimate = planned.estimate
        if estimate is None:
            return planned
        # What views answer is cheap already, and a form over the base would undo it.
        wants_fix = received.session.properties.get(AUTOFIX, "").lower() == "true" and planned.rewritten is None
        known = planned.plan.standing.coached
        if not isinstance(known, Coached) or known.until < self._clock():
            known = await self._coached(planned, received, estimate, wants_fix)
        if known is None or (not known.hints and known.instead is None):
            return planned
        if known.instead is not None:
            return self._fixed(planned, received, known, estimate)
        return self._hinted(planned, received, known)

    async def _coached(
        self, planned: Planned, received: Received, estimate: Estimate, wants_fix: bool
    ) -> Coached | None:
        """Begin to look at a plan that is new; return what is known within the time that its statement waits."""
        standing = planned.plan.standing
        if not wants_fix and not (self._settings.hints and worth_a_look(estimate, self._settings)):
            standing.coached = Coached(self._clock() + _FRESH_SECONDS, estimate)
            return None
        waiting = self._settings.seconds if wants_fix else min(_FIRST_SECONDS, self._settings.seconds)
        task = asyncio.get_running_loop().create_task(self._look(planned, received, estimate, wants_fix))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        standing.coached = Coached(self._clock() + _FRESH_SECONDS, estimate)  # so that no other begins to look, too
        await asyncio.wait({task}, timeout=waiting + 0.01 if wants_fix else waiting)
        return task.result() if task.done() and not task.cancelled() and task.exception() is None else None

    async def _look(self, planned: Planned, received: Received, estimate: Estimate, wants_fix: bool) -> Coached:
        advice = await self.look(planned, received, Room())
        hints = self.hints_of(estimate, advice)
        until = self._clock() + _FRESH_SECONDS
        best = next((each for each in advice.alternatives if each.same_result), None) if wants_fix else None
        instead = await self._plan_of(best, received) if best is not None else None
        found = Coached(until, estimate, hints, advice.alternatives, instead, best.kind if best is not None else "")
        planned.plan.standing.coached = found
        return found

    async def _plan_of(self, alternative: Alternative, received: Received) -> Planned | None:
        asked = msgspec.structs.replace(received, sql=alternative.sql)
        found = await self._pipeline().plan(asked)
        if not isinstance(found, Planned):
            return None
        return msgspec.structs.replace(found, estimate=alternative.estimate)

    async def priced(self, received: Received) -> tuple[Planned | NotPlanned, Estimate | None]:
        """Plan and price a statement that is not to be run, as it would run. Raises Refusal without a price for it."""
        found = await self._pipeline().plan(received)
        if isinstance(found, NotPlanned):
            return found, None
        found = await self._choose(found, received)
        estimate = await self._estimate_of(found.plan.explained or found.plan, received)
        return msgspec.structs.replace(found, estimate=estimate), estimate

    async def over_base(self, planned: Planned, received: Received) -> Estimate | None:
        """Say what a statement that views answer would take without them; None of any other."""
        return await self._estimate_of(planned.base, received) if planned.base is not None else None

    def hints_of(self, estimate: Estimate, advice: Advice) -> tuple[Hint, ...]:
        """Return what a client would be told beside the answer."""
        return hints_of(estimate, advice, self._settings) if self._settings.hints else ()

    async def look(self, planned: Planned, received: Received, room: Room, seconds: float | None = None) -> Advice:
        """Return what is found in time; nothing where anything goes wrong, for advice is never worth a failure."""
        if planned.estimate is None:
            return NO_ADVICE
        found, kept = Found(), NO_ADVICE
        try:
            async with asyncio.timeout(seconds or self._settings.seconds):
                pipeline = self._pipeline()
                sight = sight_of(planned.plan, pipeline.planning(received))
                kept = Advice(sight)
                own = await read_own(received, pipeline)
                if own is not None:
                    kept = Advice(sight, limit_in_vain=_limit_in_vain(own))
                    misses, behind = misses_told(planned.plan), _behind(planned.plan)
                    matter = Matter(own, planned.estimate, sight, room, received.received_at, misses, behind)
                    await find_alternatives(matter, planned, received, pipeline, self._estimate_of, self._makers, found)
        except TimeoutError:
            pass
        except Exception:  # noqa: BLE001  (the statement's own fate does not hang on advice)
            _log.exception("no advice for query %s", received.query_id)
        return Advice(kept.sight, found.sorted(room), kept.limit_in_vain)

    def _hinted(self, planned: Planned, received: Received, known: Coached) -> Planned:
        self.offer(planned, received, known.alternatives)
        for hint in known.hints:
            self._publish(CoachAdvised("hint", hint.kind))
        return msgspec.structs.replace(planned, warnings=(*planned.warnings, *(each.text for each in known.hints)))

    def _fixed(self, planned: Planned, received: Received, known: Coached, estimate: Estimate) -> Planned:
        instead = known.instead
        if instead is None or instead.estimate is None:
            return planned
        saved = max(0, int(estimate.bytes.likely - instead.estimate.bytes.likely))
        self.offers.rewritten(received.query_id, planned.plan.fingerprint, known.instead_kind, received.received_at)
        self._publish(CoachAdvised("autofix", known.instead_kind))
        told = (
            f"autofix: this ran in a form with the same result that reads {size(instead.estimate.bytes.likely)} "
            f"instead of {size(estimate.bytes.likely)} ({usd(instead.estimate.nano.likely)} instead of "
            f"{usd(estimate.nano.likely)})."
        )
        return msgspec.structs.replace(
            instead,
            cached=planned.cached,
            stage_ms=planned.stage_ms,
            warnings=(*planned.warnings, told),
            saved_bytes=saved,
        )

    def offer(self, planned: Planned, received: Received, alternatives: Sequence[Alternative]) -> None:
        """Remember what a caller is told that he could run, to see whether he does."""
        if planned.estimate is not None and alternatives:
            self.offers.offered(received.principal.user, planned.plan.fingerprint, alternatives, received.received_at)


def _behind(plan: Plan) -> dict[TableName, float]:
    """Return since when views are behind their base, of those that the caller may know of."""
    known = plan.standing.views
    views = known.views if isinstance(known, KnownViews) else ()
    since = {view.name: view.freshness.behind_since for view in views if view.freshness is not None}
    return {name: at for name, at in since.items() if at is not None and name in plan.views_told}


def _limit_in_vain(own: Own) -> bool:
    """Tell whether a query has a LIMIT that comes after all has been read: behind ORDER BY, groups or joins."""
    tree = own.tree
    if not isinstance(tree, exp.Select) or tree.args.get("limit") is None:
        return False
    if any(tree.args.get(part) for part in ("order", "group", "distinct", "joins", "having")):
        return True
    return any(isinstance(each, exp.AggFunc | exp.Window) for each in tree.find_all(exp.AggFunc, exp.Window))
