"""The life of a statement up to its plan, a step a line. Executing and explaining read the same plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from catalog.cache import CatalogCache
from catalog.dialect import statements as st
from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_statement
from catalog.errors import ErrorCode, Refusal
from gateway.models import NotPlanned, Plan, Planned
from gateway.plan_cache import PlanCache, fingerprint, plan_key
from gateway.planning import prepared, roles, session, transactions
from gateway.planning.context import (
    EngineKinds,
    Parser,
    Pin,
    Planning,
    Policies,
    Shown,
    Stages,
    Substitute,
    no_pin,
    no_shown,
    substitute_views,
)
from gateway.planning.planners import plan_statement
from gateway.received import Received
from gateway.views.known import NO_VIEWS, KnownViews


class Pipeline:
    """Plan statements; one per worker. Everything it reads is handed to it."""

    def __init__(
        self,
        policies: Callable[[], Policies],
        catalog: CatalogCache,
        engines: EngineKinds,
        limits: Limits,
        *,
        parser: Parser | None = None,
        inline_bytes: int = 16_384,
        cache_entries: int = 4096,
        outlines: bool = True,
        views: Callable[[], KnownViews] = lambda: NO_VIEWS,
        substitute: Substitute | None = None,
        pin: Pin = no_pin,
        shown: Shown = no_shown,
    ) -> None:
        """Texts longer than `inline_bytes` go to `parser`, a supervised process; `outlines` are what prices need.

        `views` tells the materialized views that are known now, `substitute` matches queries with them, and
        `pin` tells the snapshots that parts over their base read, `shown` which versions show what time travel names.
        """
        self._policies = policies
        self._catalog = catalog
        self._engines = engines
        self._limits = limits
        self._parser = parser
        self._inline_bytes = inline_bytes
        self._cache = PlanCache(cache_entries, catalog, views)
        self._outlines = outlines
        self._views = views
        self._substitute = substitute or substitute_views
        self._pin = pin
        self._shown = shown

    def under(self, policies: Policies, *, outlines: bool = False) -> Pipeline:
        """Return a pipeline that plans under other policies and keeps no plans: for questions, not for running.

        `outlines` is for questions about prices.
        """
        return Pipeline(
            lambda: policies,
            self._catalog,
            self._engines,
            self._limits,
            parser=self._parser,
            inline_bytes=self._inline_bytes,
            cache_entries=0,
            outlines=outlines,
            views=self._views,
            substitute=self._substitute,
            pin=self._pin,
            shown=self._shown,
        )

    @property
    def catalog(self) -> CatalogCache:
        """Return what exists, as plans are made from it."""
        return self._catalog

    @property
    def cached_plans(self) -> int:
        """Return how many plans are kept."""
        return len(self._cache)

    def planning(self, received: Received) -> Planning:
        """Return what planning may look at for a statement: for who reads it for another purpose than to run it."""
        return self._planning(received, self._policies(), Stages())

    def _planning(self, received: Received, policies: Policies, stages: Stages) -> Planning:
        return Planning(
            received,
            received.subject,
            policies,
            self._catalog,
            self._engines,
            self._limits,
            stages,
            outlines=self._outlines,
            views=self._views(),
            substitute=self._substitute,
            pin=self._pin,
            shown=self._shown,
        )

    async def plan(self, received: Received) -> Planned | NotPlanned:
        """Return the plan of a statement, or the refusal and the stage it came from."""
        stages = Stages()
        policies, subject = self._policies(), received.subject
        key = plan_key(received, policies.cache_key(subject))
        known = self._cache.get(key)
        if known is not None and policies.still_holds(known.holds):
            stages.enter("done")
            return Planned(known, True, stages.spent)
        planning = self._planning(received, policies, stages)
        try:
            plan = await self._make_bounded(planning)
        except Refusal as refusal:
            stage = stages.current
            stages.enter("done")
            looked_up = tuple(planning.depends_on.items())
            return NotPlanned(refusal, stage, stages.spent, policy_version=policies.version, depends_on=looked_up)
        stages.enter("done")
        looked_up = tuple(planning.depends_on.items())
        plan = replace(
            plan,
            note=plan.noted(),
            policy_version=policies.version,
            depends_on=looked_up,
            explained=None if plan.explained is None else replace(plan.explained, depends_on=looked_up),
            holds=planning.ages.window,
            fingerprint=fingerprint(received.sql),
        )
        plan = _with_same_notes(plan)
        if plan.route == "engine" and plan.write is None:
            self._cache.put(key, plan)
        return Planned(plan, False, stages.spent)

    async def _make_bounded(self, planning: Planning) -> Plan:
        """Plan, where a tree too deep for one of the passes is the statement's fault, not the gateway's."""
        try:
            return await self._make(planning)
        except RecursionError:
            message, hint = "Query is too complex to be planned", "Simplify the query."
            raise Refusal(ErrorCode.GENERIC_USER_ERROR, message, hint=hint) from None

    async def _make(self, planning: Planning) -> Plan:
        _check_session(planning)
        planning.stages.enter("parse")
        statement = await self._parse(planning.received.sql)
        with prepared.places_in_source(statement, planning):
            statement_meant = prepared.unwrap(statement, planning)
            planning.stages.enter("plan")
            plan = await plan_statement(statement_meant, planning)
        transactions.check_engine(plan, planning)
        return plan

    async def _parse(self, sql: str) -> st.Statement:
        if self._parser is not None and len(sql) > self._inline_bytes:
            return await self._parser.parse(sql)  # type: ignore[return-value]  # the process answers what parse_statement does
        return parse_statement(sql, self._limits)


def _with_same_notes(plan: Plan) -> Plan:
    """Return a plan whose form over views is told in its own words: it is the same statement, under the same rules."""
    used = plan.rewritten
    if used is None:
        return plan
    instead = replace(
        used.plan,
        note=plan.note,
        policy_version=plan.policy_version,
        depends_on=plan.depends_on,
        holds=plan.holds,
        fingerprint=plan.fingerprint,
    )
    return replace(plan, rewritten=replace(used, plan=instead))


def _check_session(planning: Planning) -> None:
    """Hold what headers set to the same rule as SET SESSION, so that neither is a way around the other."""
    session.check_session_properties(planning)
    session.check_time_zone(planning)
    roles.check_roles(planning)
    transactions.check_known(planning)
