"""Time travel for a whole session: `as_of` and `branch` put every table of a statement at one instant or branch.

    SET SESSION as_of = '2026-11-25 10:00:00 UTC'   each table FOR TIMESTAMP AS OF that instant
    SET SESSION branch = 'dev'                      each table FOR VERSION AS OF 'dev'

Policies hold as ever. What cannot travel is refused rather than shown as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from gateway.planning.context import Planning
from gateway.planning.instants import instant_of
from gateway.planning.session_properties import AS_OF, BRANCH
from rewrite_rules.resolve import Leaf, Resolved, location_of

_TRAVELLERS = frozenset({"trino", "lake"})
"""Kinds of engines whose tables may have a history."""
_READING = (
    st.Query,
    st.Explain,
    st.ExplainPolicy,
    st.WithSession,
    st.Prepare,
    st.Deallocate,
    st.DescribeInput,
    st.DescribeOutput,
    st.Use,
    st.SetSession,
    st.ResetSession,
    st.SetTimeZone,
    st.SetRole,
    st.SetPath,
    st.SetSessionAuthorization,
    st.ResetSessionAuthorization,
    st.StartTransaction,
    st.Commit,
    st.Rollback,
    st.ShowCatalogs,
    st.ShowSchemas,
    st.ShowTables,
    st.ShowColumns,
    st.ShowCreate,
    st.ShowStats,
    st.ShowFunctions,
    st.ShowRoles,
    st.ShowRoleGrants,
    st.ShowGrants,
    st.ShowSession,
    st.ShowPolicies,
    st.ShowCreatePolicy,
)
"""Statements that change no data; what is not among them is refused while the session is elsewhere in time."""


def travelling(planning: Planning) -> exp.Version | None:
    """Return the version that the session puts all tables at; None for the present. Raises Refusal where it has two."""
    properties = planning.received.session.properties
    as_of, branch = properties.get(AS_OF), properties.get(BRANCH)
    if as_of and branch:
        message = f"Session properties '{AS_OF}' and '{BRANCH}' cannot be set together"
        raise Refusal(ErrorCode.INVALID_SESSION_PROPERTY, message, hint=f"RESET SESSION {AS_OF}, or {BRANCH}.")
    if as_of:
        instant = instant_of(as_of, planning.received.session.time_zone)
        text = f"{instant.replace(tzinfo=None).isoformat(' ', 'milliseconds')} UTC"
        kind = exp.DataType.build("timestamp(3) with time zone", dialect="trino")
        return exp.Version(this="TIMESTAMP", kind="AS OF", expression=exp.Cast(this=exp.Literal.string(text), to=kind))
    if branch:
        return exp.Version(this="VERSION", kind="AS OF", expression=exp.Literal.string(branch))
    return None


def check_travelling(statement: st.Statement, planning: Planning) -> None:
    """Refuse statements that change anything while the session is elsewhere in time. Raises Refusal NOT_SUPPORTED."""
    properties = planning.received.session.properties
    name = AS_OF if properties.get(AS_OF) else BRANCH if properties.get(BRANCH) else ""
    if name and not isinstance(statement, _READING):
        message = f"{statement.kind} is not supported while session property '{name}' is set: it reads only"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint=f"RESET SESSION {name}.")


def travel(resolved: Resolved, tables: Mapping[TableName, Table], planning: Planning) -> None:
    """Put every table that a query reads at the session's version, in place. Raises Refusal NOT_SUPPORTED.

    Call it once views are written out. What the gateway itself answers stays as it is now.
    """
    version = travelling(planning)
    if version is None:
        return
    for leaf in resolved.leaves:
        table = tables[leaf.table]
        if leaf.role == "read" and table.kind != "system":
            _check(leaf, table, planning)
            leaf.node.set("version", version.copy())


def _check(leaf: Leaf, table: Table, planning: Planning) -> None:
    name = AS_OF if planning.received.session.properties.get(AS_OF) else BRANCH
    location = None if leaf.via else location_of(leaf.node)
    if leaf.node.args.get("version") is not None:
        message = f"a table with a version of its own cannot be read while session property '{name}' is set"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=location, hint=f"RESET SESSION {name}.")
    if table.kind != "table" or planning.engines.kinds.get(table.engine) not in _TRAVELLERS:
        message = f"Session property '{name}' is set, and table '{leaf.table}' has no history to read"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=location, hint=f"RESET SESSION {name}.")
