"""The stage `price`: what a statement is expected to read, make, take and cost, before it runs."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from catalog.objects import TableName
from catalog.statistics import Interval
from engines.base import Engine, EngineStatement
from gateway.billing.price_book import Rate
from gateway.config.pricing import Pricing as Settings
from gateway.events import EstimateAsked, Event
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Plan, Planned
from gateway.pricing.asking import Answered, Asking
from gateway.pricing.calibration import Keys
from gateway.pricing.learning import Learning, seconds_by, shape_of
from gateway.pricing.raw import Raw
from gateway.pricing.telling import told_of
from gateway.received import Received
from gateway.usage_record import UsageRecord
from policies.cost.estimate import Estimate, EstimateKind, Widest
from policies.cost.money import MOST

RateOf = Callable[[Plan, Received], Rate]
"""The price that holds for a plan's engine when a statement was received. Raises Refusal where there is none."""
_SETTLE_SECONDS = 1.0
_log = logging.getLogger("penstock.pricing")


@dataclass(slots=True)
class _Kept:
    """A plan's estimate, and all that it was made from."""

    asking: Asking
    sql: str | None
    """Whose it is: plans that are made from another share what was learnt about that."""
    raw: Raw
    generation: int
    learnt: int
    rate: Rate
    estimate: Estimate
    used_until: float
    """When the tables are to be called in use again."""


class Pricing:
    """Price statements; one per worker. A plan that was priced before asks nobody."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        settings: Settings,
        rate_of: RateOf,
        statement_of: Callable[[Plan, Received], EngineStatement],
        publish: Callable[[Event], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know nothing yet of what estimates are worth."""
        self._settings = settings
        self._rate_of = rate_of
        self._statement_of = statement_of
        self._publish = publish
        self._clock = clock
        self.learning = Learning(settings.coverage)
        self._engines = {
            name: Asking(
                engine,
                refresh_seconds=settings.refresh_seconds,
                bound=settings.unestimable == "bound",
                told=self._told,
                clock=clock,
            )
            for name, engine in engines.items()
            if name != SYSTEM
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to keep versions fresh and to let what is learnt count."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(_every(_SETTLE_SECONDS, self._settle)),
            loop.create_task(_every(self._settings.refresh_seconds, self._refresh)),
        ]

    async def close(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for asking in self._engines.values():
            await asking.close()

    async def price(self, planned: Planned, received: Received) -> Planned:
        """Return a plan with its estimate, and an explained one with that of what it explains. Raises Refusal."""
        plan = planned.plan
        if plan.explained is not None and plan.outline is None:
            return told_of(planned, await self.estimate(plan.explained, received))
        if plan.route != "engine" or plan.engine not in self._engines:
            return planned
        begun = time.perf_counter()
        estimate = await self.estimate(plan, received)
        if estimate is None:
            return planned
        spent = {**planned.stage_ms, "price": (time.perf_counter() - begun) * 1000}
        return msgspec.structs.replace(planned, estimate=estimate, stage_ms=spent)

    async def estimate(self, plan: Plan, received: Received) -> Estimate | None:
        """Return what a plan is expected to take; None for what no engine runs. Raises Refusal without a price."""
        asking = self._engines.get(plan.engine or "") if plan.route == "engine" else None
        if asking is None:
            return None
        rate, kept = self._rate_of(plan, received), plan.standing.priced
        if not isinstance(kept, _Kept) or kept.sql is not plan.sql or kept.asking is not asking:
            kept = None
        if (
            kept is not None
            and kept.generation == asking.generation
            and kept.learnt == self.learning.version
            and kept.rate is rate
            and self._clock() < kept.used_until
        ):
            return kept.estimate
        if kept is not None and asking.holds(kept.raw):
            raw = kept.raw
        else:
            raw = await asking.ask(plan, self._statement_of(plan, received), self._settings.question_seconds)
        return self._keep(plan, raw, rate, asking)

    def heard(self, record: UsageRecord) -> None:
        """Take a statement's end: its actual figures, and that tables it wrote to are not what they were."""
        self.learning.hear(record)
        if any(action != "select" for _, action, _ in record.tables):
            self.forget(_named(name) for name, action, _ in record.tables if action != "select")

    def heard_late(self, record: UsageRecord, scanned_bytes: int) -> None:
        """Take what an engine said of a statement after it had ended."""
        if record.scanned_bytes is None:
            self.learning.hear(msgspec.structs.replace(record, scanned_bytes=scanned_bytes))

    def forget(self, names: Iterable[TableName]) -> None:
        """Ask again about tables before anything else is said of them."""
        known = tuple(names)
        for asking in self._engines.values():
            if asking.versions is not None:
                asking.versions.forget(known)

    def _keep(self, plan: Plan, raw: Raw, rate: Rate, asking: Asking) -> Estimate:
        now = self._clock()
        estimate = self._estimate_of(raw, plan, rate)
        if asking.versions is not None:
            asking.versions.used(raw.versions or ())
        used_until = min(raw.until, now + self._settings.refresh_seconds)
        plan.standing.priced = _Kept(
            asking, plan.sql, raw, asking.generation, self.learning.version, rate, estimate, used_until
        )
        return estimate

    def _estimate_of(self, raw: Raw, plan: Plan, rate: Rate) -> Estimate:
        """Calibrate and price what an engine said."""
        keys = Keys(shape_of(plan.fingerprint, from_views=plan.from_views), raw.table, plan.engine or "", raw.loose)
        kind: EstimateKind = raw.kind
        size, coverage = raw.bytes, self._settings.coverage
        if raw.kind == "upper bound":  # what is exact needs no correction, what is guessed has none
            factors = self.learning.bytes.factors(keys)
            size = self.learning.bytes.corrected(raw.bytes, factors)
            kind, coverage = "upper bound" if factors.level == "none" else "calibrated", factors.coverage
        widest, why = _seemly(raw, plan)
        span = seconds_by(Interval(size.low, size.likely, size.likely))
        seconds = self.learning.seconds.corrected(span, self.learning.seconds.factors(keys))
        return Estimate(
            kind=kind,
            bytes=size,
            widest=widest,
            seconds=seconds if math.isfinite(size.high) else _without_end(seconds),
            nano=_price(size, rate),
            scans=raw.scans,
            engine=plan.engine or "",
            rate=rate.name,
            basis=raw.basis,
            coverage=coverage,
            why=why,
            raw=raw.bytes,
            policed=plan.policed,
            rows_hidden=_hides_rows(plan),
        )

    def _told(self, engine: str, result: Answered, seconds: float) -> None:
        self._publish(EstimateAsked(engine, result, seconds))

    async def _settle(self) -> None:
        self.learning.settle()

    async def _refresh(self) -> None:
        for asking in self._engines.values():
            if asking.versions is not None:
                await asking.versions.refresh()


def _hides_rows(plan: Plan) -> bool:
    """Tell whether a statement reads tables of which policies hide rows from its caller, or show groups only."""
    return any(each.rule == "row_filter" for each in plan.reasons) or any(
        each.kind == "aggregate_only" for each in plan.policies
    )


def _seemly(raw: Raw, plan: Plan) -> tuple[Widest, str]:
    """Return what is told of the widest operator and of what is not known, without views that the caller may not know.

    What else is told of an estimate names tables in the caller's sight only, and views are in nobody's.
    """
    asked = {access.name for access in plan.tables} | plan.views_told
    unseen = {str(table.name) for table in plan.engine_tables} - set(map(str, asked))
    if not plan.views_above or not unseen:
        return raw.widest, raw.why
    why = raw.why
    for name in sorted(unseen, key=len, reverse=True):
        why = why.replace(name, "a materialized view")
    return replace(raw.widest, operator="", fix=""), why


def _without_end(figure: Interval) -> Interval:
    """Return an interval without an upper end."""
    return Interval(figure.low, figure.likely, math.inf)


def _price(size: Interval, rate: Rate) -> Interval:
    """Return what the bytes cost; without an upper end where they have none."""
    low, likely = rate.price(size.low), rate.price(size.likely)
    return Interval(low, likely, rate.price(size.high) if size.high <= MOST else math.inf)


def _named(name: str) -> TableName:
    catalog, schema, table = (*name.split(".", 2), "", "")[:3]
    return TableName(catalog, schema, table)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:  # noqa: BLE001  (what fails now is tried again)
            _log.exception("pricing could not be kept up")
