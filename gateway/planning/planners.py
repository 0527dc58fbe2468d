"""Which planner plans which form of statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from catalog.dialect import statements as st
from gateway.models import Plan
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
from gateway.planning.context import Planning

Planner = Callable[[Any, Planning], Awaitable[Plan]]


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
