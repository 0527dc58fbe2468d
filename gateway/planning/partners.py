"""What a registered partner may ask at all: `read_only` lets queries through, and what clients that read need.

Tables are decided one by one besides; this also closes what is about no table, such as functions and procedures.
"""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Refusal
from gateway.planning.context import Planning

_READING: frozenset[type] = frozenset(
    {
        *(st.Query, st.Explain, st.ExplainPolicy, st.DescribeInput, st.DescribeOutput, st.Prepare, st.Deallocate),
        *(st.ShowCatalogs, st.ShowSchemas, st.ShowTables, st.ShowColumns, st.ShowCreate, st.ShowStats),
        *(st.ShowFunctions, st.ShowRoles, st.ShowRoleGrants, st.ShowGrants, st.ShowSession),
        *(st.Use, st.SetSession, st.WithSession, st.ResetSession, st.SetTimeZone, st.SetRole, st.SetPath),
        *(st.SetSessionAuthorization, st.ResetSessionAuthorization),
        *(st.StartTransaction, st.Commit, st.Rollback),
    }
)


def check_reading(statement: st.Statement, planning: Planning) -> None:
    """Let a partner's statement pass if it only reads. Raises Refusal PERMISSION_DENIED."""
    subject = planning.subject
    if subject.user not in planning.policies.partners and subject.scope is None:
        return
    if type(statement) not in _READING:
        message = f"Access Denied: The partner {subject.user} may read only: the scope of entitlements is read_only"
        raise Refusal(ErrorCode.PERMISSION_DENIED, message, hint="Use SELECT on what you are entitled to.")
