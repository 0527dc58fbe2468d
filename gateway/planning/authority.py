"""GRANT, REVOKE, DENY and roles: policies say who may what, so each is refused, once Trino's own reasons are told.

What Trino would miss is named as Trino names it: a table, a schema, a catalog, a role that the caller does not know.
"""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.roles import knows_role, need_role, refuse_catalog_roles
from gateway.planning.schemas import existing_schema
from gateway.planning.session import local
from gateway.planning.writing import known_table, refuse_missing

_START = Location(1, 1)
_PRIVILEGES = frozenset({"CREATE", "DELETE", "INSERT", "SELECT", "UPDATE"})
_HINT = "Policies say who may what."


async def plan_change_privileges(statement: st.ChangePrivileges, planning: Planning) -> Plan:
    """Refuse GRANT, REVOKE and DENY of privileges."""
    if statement.object_kind == "SCHEMA":
        existing_schema(statement.name, planning)
    elif statement.object_kind == "TABLE" and await known_table(statement.name, planning) is None:
        raise refuse_missing("Table", statement.name, planning)
    for privilege in statement.privileges or ():
        if privilege.upper() not in _PRIVILEGES:
            message = f"Unknown privilege: '{privilege}'"
            raise Refusal(ErrorCode.INVALID_PRIVILEGE, message, location=_START)
    raise _refused(statement.kind, statement.location)


async def plan_change_roles(statement: st.ChangeRoles, planning: Planning) -> Plan:
    """Refuse GRANT and REVOKE of roles."""
    refuse_catalog_roles(statement.catalog, planning)
    for role in statement.named:
        need_role(role, planning)
    raise _refused(statement.kind, statement.location)


async def plan_create_role(statement: st.CreateRole, planning: Planning) -> Plan:
    """Refuse CREATE ROLE."""
    refuse_catalog_roles(statement.catalog, planning)
    if statement.admin is not None:
        need_role(statement.admin, planning)
    raise _refused(statement.kind, statement.location)


async def plan_drop_role(statement: st.DropRole, planning: Planning) -> Plan:
    """Refuse DROP ROLE; one that the caller does not know is not there."""
    refuse_catalog_roles(statement.catalog, planning)
    if statement.if_exists and not knows_role(statement.role, planning):
        return local(statement.kind)
    need_role(statement.role, planning)
    raise _refused(statement.kind, statement.location)


def _refused(kind: str, location: Location) -> Refusal:
    return Refusal(ErrorCode.NOT_SUPPORTED, f"{kind} is not supported by this gateway.", location=location, hint=_HINT)
