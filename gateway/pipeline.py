"""The life of a statement up to its plan, a step a line. Executing and explaining read the same plan."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from typing import Any

from catalog.cache import CatalogCache
from catalog.dialect import statements as st
from catalog.dialect.lexer import shape
from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_statement
from catalog.errors import ErrorCode, Refusal
from gateway.models import NotPlanned, Plan, Planned
from gateway.planning import (
    alterations,
    authority,
    changes,
    columns,
    definitions,
    describing,
    drops,
    explain,
    explain_policy,
    maintenance,
    materialized_views,
    merging,
    partners,
    policy_shows,
    policy_statements,
    prepared,
    procedures,
    query,
    roles,
    schemas,
    session,
    show_create,
    show_functions,
    show_roles,
    show_stats,
    shows,
    stored_functions,
    transactions,
    travel,
    with_session,
)
from gateway.planning.context import (
    EngineKinds,
    Parser,
    Pin,
    Planning,
    Policies,
    Stages,
    Substitute,
    no_pin,
    substitute_views,
)
from gateway.received import SYSTEM_ROLES, Received
from gateway.views.known import NO_VIEWS, KnownViews

Planner = Callable[[Any, Planning], Awaitable[Plan]]


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
    ) -> None:
        """Texts longer than `inline_bytes` go to `parser`, a supervised process; `outlines` are what prices need.

        `views` tells the materialized views that are known now, `substitute` matches queries with them, and
        `pin` tells the snapshots that parts over their base read.
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
        )

    async def plan(self, received: Received) -> Planned | NotPlanned:
        """Return the plan of a statement, or the refusal and the stage it came from."""
        stages = Stages()
        policies, subject = self._policies(), received.subject
        key = _key(received, policies.cache_key(subject))
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


async def plan_statement(statement: st.Statement, planning: Planning) -> Plan:
    """Plan one statement by its form; a form without a planner is refused by name."""
    partners.check_reading(statement, planning)
    travel.check_travelling(statement, planning)
    planner = _PLANNERS.get(type(statement), session.plan_refused)
    return await planner(statement, planning)


async def _plan_query(statement: st.Query, planning: Planning) -> Plan:
    return await query.plan_query(statement.tree, planning)


async def _plan_explain(statement: st.Explain, planning: Planning) -> Plan:
    return await explain.plan_explain(statement, planning, plan_statement)


async def _plan_explain_policy(statement: st.ExplainPolicy, planning: Planning) -> Plan:
    return await explain_policy.plan_explain_policy(statement, planning, plan_statement)


async def _plan_describe_input(statement: st.DescribeInput, planning: Planning) -> Plan:
    return await describing.plan_describe_input(statement, planning, plan_statement)


async def _plan_describe_output(statement: st.DescribeOutput, planning: Planning) -> Plan:
    return await describing.plan_describe_output(statement, planning, plan_statement)


_PLANNERS: dict[type, Planner] = {
    st.Query: _plan_query,
    st.Explain: _plan_explain,
    st.ExplainPolicy: _plan_explain_policy,
    st.ShowCatalogs: shows.plan_show_catalogs,
    st.ShowSchemas: shows.plan_show_schemas,
    st.ShowTables: shows.plan_show_tables,
    st.ShowColumns: shows.plan_show_columns,
    st.ShowCreate: show_create.plan_show_create,
    st.ShowStats: show_stats.plan_show_stats,
    st.ShowFunctions: show_functions.plan_show_functions,
    st.ShowRoles: show_roles.plan_show_roles,
    st.ShowRoleGrants: show_roles.plan_show_role_grants,
    st.ShowGrants: show_roles.plan_show_grants,
    st.ShowSession: session.plan_show_session,
    st.Use: session.plan_use,
    st.SetSession: session.plan_set_session,
    st.WithSession: with_session.plan_with_session,
    st.ResetSession: session.plan_reset_session,
    st.SetTimeZone: session.plan_set_time_zone,
    st.Prepare: prepared.plan_prepare,
    st.Deallocate: prepared.plan_deallocate,
    st.DescribeInput: _plan_describe_input,
    st.DescribeOutput: _plan_describe_output,
    st.Insert: changes.plan_insert,
    st.CreateTableAs: definitions.plan_create_table_as,
    st.CreateTable: definitions.plan_create_table,
    st.Delete: changes.plan_delete,
    st.Update: changes.plan_update,
    st.Merge: merging.plan_merge,
    st.Rename: alterations.plan_rename,
    st.RenameSchema: schemas.plan_rename_schema,
    st.AddColumn: columns.plan_add_column,
    st.DropColumn: columns.plan_drop_column,
    st.RenameColumn: columns.plan_rename_column,
    st.SetColumnType: columns.plan_set_column_type,
    st.DropNotNull: columns.plan_drop_not_null,
    st.SetProperties: alterations.plan_set_properties,
    st.SetAuthorization: alterations.plan_set_authorization,
    st.ExecuteProcedure: maintenance.plan_execute_procedure,
    st.Truncate: maintenance.plan_truncate,
    st.Analyze: maintenance.plan_analyze,
    st.RefreshMaterializedView: materialized_views.plan_refresh,
    st.CreateMaterializedView: materialized_views.plan_create_materialized_view,
    st.CreateFunction: stored_functions.plan_create_function,
    st.DropFunction: stored_functions.plan_drop_function,
    st.ChangePrivileges: authority.plan_change_privileges,
    st.ChangeRoles: authority.plan_change_roles,
    st.CreateRole: authority.plan_create_role,
    st.DropRole: authority.plan_drop_role,
    st.Comment: alterations.plan_comment,
    st.CreateRowPolicy: policy_statements.plan_create_row_policy,
    st.CreateColumnPolicy: policy_statements.plan_create_column_policy,
    st.DropPolicy: policy_statements.plan_drop_policy,
    st.ShowPolicies: policy_shows.plan_show_policies,
    st.ShowCreatePolicy: policy_shows.plan_show_create_policy,
    st.DropTable: drops.plan_drop_table,
    st.CreateView: definitions.plan_create_view,
    st.DropView: drops.plan_drop_view,
    st.DropMaterializedView: drops.plan_drop_materialized_view,
    st.CreateSchema: schemas.plan_create_schema,
    st.DropSchema: schemas.plan_drop_schema,
    st.Call: procedures.plan_call,
    st.SetRole: roles.plan_set_role,
    st.SetPath: session.plan_set_path,
    st.SetSessionAuthorization: roles.plan_set_authorization,
    st.ResetSessionAuthorization: roles.plan_reset_authorization,
    st.StartTransaction: transactions.plan_start,
    st.Commit: transactions.plan_end,
    st.Rollback: transactions.plan_end,
}


PlanKey = tuple[object, ...]


def _key(received: Received, policies: Hashable) -> PlanKey:
    """Return everything a plan depends on besides the catalog, whose objects the cache compares itself."""
    known, principal = received.session, received.principal
    return (
        received.sql,
        known.catalog,
        known.schema,
        known.path,
        known.time_zone,
        known.transaction if received.transaction is None else received.transaction.engine,
        tuple(known.properties.items()),
        tuple(known.prepared.items()),
        principal.user,
        principal.roles,
        principal.groups,
        principal.attributes,
        known.roles.get(SYSTEM_ROLES),
        policies,
    )


class PlanCache:
    """Keep the plans used last; a plan holds while the catalog returns the very objects it was made from."""

    def __init__(self, entries: int, catalog: CatalogCache, views: Callable[[], KnownViews] = lambda: NO_VIEWS) -> None:
        """Keep at most `entries` plans."""
        self._entries = entries
        self._catalog = catalog
        self._views = views
        self._plans: OrderedDict[PlanKey, Plan] = OrderedDict()

    def __len__(self) -> int:
        """Return how many plans are kept."""
        return len(self._plans)

    def get(self, key: PlanKey) -> Plan | None:
        """Return a plan that still holds."""
        plan = self._plans.get(key)
        if plan is None:
            return None
        for name, table in plan.depends_on:
            if self._catalog.get(name) is not table:
                del self._plans[key]
                return None
        known = self._views()
        if plan.standing.views is not known:
            if any(known.for_table.get(name) is not above for name, above in plan.views_above):
                del self._plans[key]
                return None
            plan.standing.views = known
        self._plans.move_to_end(key)
        return plan

    def put(self, key: PlanKey, plan: Plan) -> None:
        """Keep a plan, letting go of the one unused longest."""
        if self._entries == 0 or len(str(key[0])) > 65_536:
            return
        self._plans[key] = plan
        if len(self._plans) > self._entries:
            self._plans.popitem(last=False)


def fingerprint(sql: str) -> str:
    """Return a short name of a statement's shape: the same for texts that differ in literals and layout only."""
    return hashlib.blake2b(shape(sql).encode(), digest_size=12).hexdigest()
